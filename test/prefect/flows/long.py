"""Flow runs that do nothing but live: they beat until their time is over, or until somebody kills them.

long.py direct NAME...   runs one flow run a name, all in this process
long.py serve NAME...    serves one deployment a name; runs of it are created over REST
long.py limited NAME...  the same, with one run of each at a time

Runs are announced on stdout, one JSON object a line: {"event": "run", "role": NAME, "flow_run_id": ID}.
"""

import asyncio
import sys

from announce import announce
from prefect import flow, serve


@flow(flow_run_name="{role}", log_prints=False)
async def long_flow(role: str, seconds: int = 6 * 3600) -> None:
    announce(role)
    await asyncio.sleep(seconds)


async def run_directly(roles: list[str]) -> None:
    await asyncio.gather(*(long_flow(role) for role in roles))


if __name__ == "__main__":
    how, names = sys.argv[1], sys.argv[2:]
    if how in ("serve", "limited"):
        limit = 1 if how == "limited" else None
        serve(*(long_flow.to_deployment(name=name, concurrency_limit=limit) for name in names))
    else:
        asyncio.run(run_directly(names))
