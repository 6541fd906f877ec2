"""Three runs of one process that is to be killed: one logs until then, one is silent, one waits for its retry.

Each run is announced on stdout, one JSON object a line: {"event": "run", "role": ROLE, "flow_run_id": ID}.
"""

import asyncio

from announce import announce, start_in_turn
from prefect import flow, get_run_logger
from prefect.runtime import flow_run

AFTER_TWO_BEATS = 34
# The process is killed while this one waits for its second attempt.
RETRY_DELAY = 100


@flow(flow_run_name="silent")
async def silent() -> None:
    announce("silent")
    await asyncio.sleep(3600)


@flow(flow_run_name="logging")
async def logging() -> None:
    announce("logging")
    logger = get_run_logger()
    while True:
        logger.info("at work")
        await asyncio.sleep(1)


@flow(flow_run_name="retrying", retries=1, retry_delay_seconds=RETRY_DELAY)
async def retrying() -> None:
    if flow_run.run_count == 1:
        announce("retrying")
        await asyncio.sleep(AFTER_TWO_BEATS)
        raise RuntimeError("fails once, as it should")


async def doomed() -> None:
    await asyncio.gather(*await start_in_turn(silent, logging, retrying))


if __name__ == "__main__":
    asyncio.run(doomed())
