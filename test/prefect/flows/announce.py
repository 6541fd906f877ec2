"""How flows make themselves known to the tests, one JSON object a line on stdout, and begin one after another."""

import asyncio
import json
from collections import Counter

from prefect import Flow
from prefect.runtime import flow_run

POLL = 0.1

announced: Counter[str] = Counter()


def announce(role: str) -> None:
    """Called in a flow: its run is one of this role."""
    announced[role] += 1
    tell(event="run", role=role, flow_run_id=str(flow_run.id))


def tell(**line: str) -> None:
    print(json.dumps(line), flush=True)


async def start_in_turn(*flows: Flow) -> list[asyncio.Task]:
    """Starts a run of each, the next one when the run before it has announced itself, with its flow's name as role.

    A server on SQLite answers 503 to a dozen writes at a time, and a client gives up after five of them. Raises what
    kept a run from beginning; what happens to it afterwards is its task's.
    """
    tasks = []
    for flow in flows:
        before = announced[flow.name]
        task = asyncio.create_task(flow())
        tasks.append(task)
        while announced[flow.name] == before and not task.done():
            await asyncio.sleep(POLL)
        if announced[flow.name] == before:
            await task
    return tasks
