"""Prefect's own subscriber with an empty loop body: how fast events come out of it, and what CPU each costs."""

import asyncio
import json
import resource
import signal
import sys
import time

from prefect.events.clients import PrefectEventSubscriber
from prefect.events.filters import EventFilter, EventNameFilter


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def main(events_total: int) -> None:
    """Ends with the last event, or when told to by SIGTERM; says what it has come to. SIGUSR1: counts from 0 again."""
    event_filter = EventFilter(event=EventNameFilter(prefix=["prefect.flow-run."]))
    events = 0

    def count_again() -> None:
        nonlocal events
        events = 0

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, count_again)
    cpu_before = 0.0
    try:
        async with PrefectEventSubscriber(filter=event_filter) as subscriber:
            cpu_before = cpu_seconds()
            async for _ in subscriber:
                events += 1
                if events >= events_total:
                    break
            ended_at_ms = time.time() * 1000
            cpu = cpu_seconds() - cpu_before
    except asyncio.CancelledError:
        ended_at_ms = time.time() * 1000
        cpu = cpu_seconds() - cpu_before
    rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"events": events, "endedAtMs": ended_at_ms, "cpuMicros": cpu * 1e6, "rssMb": rss_mb}))


asyncio.run(main(int(sys.argv[1])))
