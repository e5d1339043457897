"""An end that costs nobody work: nothing more is leased, and what is under way is waited for, for a while."""

import asyncio
import time

import structlog

from tegula_coordinator import events
from tegula_coordinator.bookkeeper import Bookkeeper

log = structlog.get_logger(__name__)


async def drain(keeper: Bookkeeper, hurry: asyncio.Event, seconds: float) -> int:
    """Returns when nothing is being rendered any more, or time is up, or somebody is in a hurry.

    Args:
        seconds: at most; 0 waits for nothing.
    Returns:
        How many leases and probes are still under way. The next start finds them as a kill would leave them.
    """
    if not keeper.book.under_way or seconds == 0:
        return keeper.book.under_way
    log.info("coordinator drains", under_way=keeper.book.under_way, seconds=seconds)
    await keeper.record(events.Draining(time.time()))
    until = time.monotonic() + seconds
    while keeper.book.under_way and not hurry.is_set() and time.monotonic() < until:
        async with asyncio.TaskGroup() as tasks:
            news = tasks.create_task(keeper.beyond(keeper.seq, until - time.monotonic()))
            hurried = tasks.create_task(hurry.wait())
            await asyncio.wait((news, hurried), return_when=asyncio.FIRST_COMPLETED)
            news.cancel()
            hurried.cancel()
    return keeper.book.under_way
