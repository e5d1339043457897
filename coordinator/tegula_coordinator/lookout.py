"""Watches what happens to jobs in the escrow: the book hears what something follows from, the log the rest.

What a reorganisation of the chain takes back is taken back here, too.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import structlog

from tegula_coordinator import events
from tegula_coordinator.book import NotAdmitted
from tegula_coordinator.bookkeeper import Bookkeeper
from tegula_coordinator.events import Event
from tegula_coordinator.relay import Relay
from tegula_market.adapters import happenings
from tegula_market.adapters.chain import Changes, Watcher
from tegula_market.adapters.happenings import Happening, Kind

log = structlog.get_logger(__name__)


class Lookout:
    def __init__(self, keeper: Bookkeeper, relay: Relay, watcher: Watcher) -> None:
        self._keeper, self._relay, self._watcher = keeper, relay, watcher

    async def watch(self) -> None:
        stop = threading.Event()
        take = self._taker()
        try:
            await asyncio.to_thread(self._watcher.follow, take, stop)
        finally:
            stop.set()

    async def look(self) -> None:
        """Once."""
        await asyncio.to_thread(self._watcher.look, self._taker())

    def _taker(self) -> Callable[[Changes], None]:
        """For the watcher's thread, which goes on when the book has it: else it could be forgotten."""
        loop = asyncio.get_running_loop()
        return lambda changes: asyncio.run_coroutine_threadsafe(self._take(changes), loop).result()

    async def _take(self, changes: Changes) -> None:
        for each in changes.withdrawn:
            await self._note(happenings.of(each), withdrawn=True)
        for each in changes.arrived:
            await self._note(happenings.of(each), withdrawn=False)
        if changes.withdrawn:
            await self._relay.settle()  # what was ours of it is sent again

    async def _note(self, it: Happening, *, withdrawn: bool) -> None:
        if it.job not in self._keeper.book.jobs:
            return
        event = _follows(it, withdrawn=withdrawn)
        if event is not None:
            with suppress(NotAdmitted):  # it is known: logs can come twice
                await self._keeper.record(event)
        say = log.warning if withdrawn or it.kind in (Kind.DISPUTED, Kind.VOIDED) else log.info
        say("in the escrow", kind=it.kind.value, withdrawn=withdrawn, job=it.job.hex(), tx=it.tx.hex())


def _follows(it: Happening, *, withdrawn: bool) -> Event | None:
    """What it means to the book."""
    now = time.time()
    match it.kind, withdrawn:
        case Kind.OPENED, True:
            return events.DepositLost(now, it.job)
        case (Kind.OPENED, False) | (Kind.REFUNDED, True):
            return events.DepositFound(now, it.job)
        case Kind.REFUNDED, False:
            return events.DepositRefunded(now, it.job)
        case Kind.VOIDED, False:
            return events.RootVoided(now, it.job)
    return None
