"""Runs of one process that goes on: a deaf one, a parent that waits for a run elsewhere, and many healthy ones.

Each run is announced on stdout, one JSON object a line: {"event": "run", "role": ROLE, "flow_run_id": ID}; when the
heartbeat of the deaf one has been stopped, {"event": "heartbeat.stopped"}.
"""

import asyncio
import inspect
import itertools
import threading

from announce import announce, start_in_turn, tell
from healthy import healthy_runs
from prefect import flow, get_run_logger
from prefect.deployments import arun_deployment
from prefect.runtime import flow_run

AFTER_THREE_BEATS = 64


@flow(flow_run_name="deaf")
async def deaf() -> None:
    announce("deaf")
    logger = get_run_logger()
    for second in itertools.count():
        logger.info("at work")
        if second == AFTER_THREE_BEATS:
            stop_heartbeat(str(flow_run.id))
            tell(event="heartbeat.stopped")
        await asyncio.sleep(1)


def stop_heartbeat(run_id: str) -> None:
    """Ends the run's heartbeat thread as the end of the run would.

    Prefect has no switch for it: the event that stops the thread is a variable of the function that the thread runs.
    """
    for thread in threading.enumerate():
        for target in getattr(thread, "_args", ()):
            if getattr(target, "__name__", None) != "heartbeat_loop":
                continue
            variables = inspect.getclosurevars(target).nonlocals
            if str(variables["engine"].flow_run.id) == run_id:
                variables["stop_event"].set()
                return
    raise RuntimeError(f"no thread beats for the flow run {run_id}")


@flow(flow_run_name="parent")
async def parent() -> None:
    announce("parent")
    await arun_deployment("long-flow/child", parameters={"role": "child"})


async def living() -> None:
    await asyncio.gather(*await start_in_turn(parent, deaf), healthy_runs())


if __name__ == "__main__":
    asyncio.run(living())
