"""Runs that beat until their process is killed, and must never be flagged."""

import asyncio

from announce import announce, start_in_turn
from prefect import flow

# So many that the handful of silent runs beside them is far from a fifth of all that beat: that would be an outage.
HEALTHY_RUNS = 24
LONGER_THAN_ANY_TEST = 6 * 3600


@flow(flow_run_name="healthy")
async def healthy() -> None:
    announce("healthy")
    await asyncio.sleep(LONGER_THAN_ANY_TEST)


async def healthy_runs() -> None:
    await asyncio.gather(*await start_in_turn(*[healthy] * HEALTHY_RUNS))


if __name__ == "__main__":
    asyncio.run(healthy_runs())
