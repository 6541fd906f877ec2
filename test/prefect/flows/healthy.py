"""Runs that beat until their process is killed, and must never be flagged."""

import asyncio

from announce import announce
from prefect import flow

# So many that the handful of silent runs beside them is far from a fifth of all that beat: that would be an outage.
HEALTHY_RUNS = 24
# A server on SQLite answers 503 to a dozen writes at a time.
SPACING = 1


@flow(flow_run_name="healthy")
async def healthy() -> None:
    announce("healthy")
    await asyncio.sleep(3600)


async def healthy_runs() -> None:
    async def after(delay: float) -> None:
        await asyncio.sleep(delay)
        await healthy()

    await asyncio.gather(*(after(SPACING * i) for i in range(HEALTHY_RUNS)))
