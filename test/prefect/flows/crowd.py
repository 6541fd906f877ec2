"""The runs that must never be flagged, all in one process because importing Prefect is the expensive part.

Each run is announced on stdout, one JSON object a line: {"event": "run", "role": ROLE, "flow_run_id": ID}; when
all but the healthy ones have ended, {"event": "crowd.ended"}. The healthy ones go on until the process is killed.

Runs that end do so after their second beat: by then their cadence is known, so a detector that missed the end would
flag them three cadences later.
"""

import asyncio

from announce import announce, start_in_turn, tell
from healthy import healthy_runs
from prefect import flow
from prefect.flow_runs import pause_flow_run
from prefect.runtime import flow_run
from prefect.states import Completed

AFTER_TWO_BEATS = 34
# Longer than three cadences: a detector that took the wait for silence would speak up before the next attempt.
RETRY_DELAY = 115
SHORT_RUNS = 60


@flow(flow_run_name="failing")
async def failing() -> None:
    announce("failing")
    await asyncio.sleep(AFTER_TWO_BEATS)
    raise RuntimeError("fails as it should")


@flow(flow_run_name="timed-out", timeout_seconds=AFTER_TWO_BEATS)
async def timed_out() -> None:
    announce("timed-out")
    await asyncio.sleep(3600)


@flow(flow_run_name="custom-named")
async def custom_named():
    announce("custom-named")
    await asyncio.sleep(AFTER_TWO_BEATS)
    return Completed(name="SuccessfullyProcessed")


@flow(flow_run_name="retrying", retries=1, retry_delay_seconds=RETRY_DELAY)
async def retrying() -> None:
    if flow_run.run_count == 1:
        announce("retrying")
        await asyncio.sleep(AFTER_TWO_BEATS)
        raise RuntimeError("fails once, as it should")


@flow(flow_run_name="paused")
async def paused() -> None:
    announce("paused")
    await asyncio.sleep(AFTER_TWO_BEATS)
    await pause_flow_run(timeout=600, poll_interval=3)
    await asyncio.sleep(5)


@flow(flow_run_name="subflow")
async def subflow() -> None:
    announce("subflow")
    await asyncio.sleep(AFTER_TWO_BEATS)


@flow(flow_run_name="parent")
async def parent() -> None:
    announce("parent")
    await subflow()
    await subflow()


@flow(flow_run_name="short")
async def short() -> None:
    announce("short")


async def short_runs() -> None:
    for _ in range(SHORT_RUNS):
        await short()


async def crowd() -> None:
    stories = await start_in_turn(
        failing, timed_out, custom_named, retrying, paused, parent
    )
    forever = asyncio.create_task(healthy_runs())
    # Exceptions are what some of these flows are for.
    await asyncio.gather(*stories, short_runs(), return_exceptions=True)
    tell(event="crowd.ended")
    await forever


if __name__ == "__main__":
    asyncio.run(crowd())
