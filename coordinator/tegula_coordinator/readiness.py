"""Whether a job can be rendered and paid here at the moment, and if not, what is missing."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from tegula_coordinator.blobs import Blobs
from tegula_coordinator.book import Book
from tegula_coordinator.store import EventLog
from tegula_market.adapters import chain
from tegula_market.model import JobId, TegulaError

log = structlog.get_logger(__name__)

FRESH_SECONDS = 5.0
"""For which an answer stands: anybody may ask, and is not to make us ask the chain each time."""
PATIENCE_SECONDS = 5.0
"""For each part."""
NO_JOB = JobId(bytes(32))


@dataclass(frozen=True, slots=True)
class Check:
    part: str
    ok: bool
    reason: str = ""


class Readiness:
    """
    Args:
        clock: seconds.
    """

    def __init__(
        self,
        book: Book,
        events: EventLog,
        blobs: Blobs,
        escrow: chain.Escrow,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._book, self._events, self._blobs, self._escrow = book, events, blobs, escrow
        self._clock = clock
        self._turn = asyncio.Lock()
        self._last: tuple[Check, ...] = ()
        self._looked = 0.0
        self._missing: set[str] = set()

    async def look(self) -> tuple[Check, ...]:
        """Every part, as it was some seconds ago at most."""
        async with self._turn:
            if not self._last or self._clock() >= self._looked + FRESH_SECONDS:
                self._last = (
                    self._lead(),
                    *await asyncio.gather(
                        self._asked("database", self._events.last, "the database does not answer"),
                        self._asked("blobs", self._blobs.check, "blobs cannot be stored"),
                        self._asked("chain", self._ask_chain, "the chain's node does not answer"),
                    ),
                    self._verifier(),
                )
                self._looked = self._clock()
            return self._last

    def _lead(self) -> Check:
        if not self._events.leads:
            return Check("lead", ok=False, reason="this coordinator leads no more, and is about to end")
        if self._book.draining:
            return Check("lead", ok=False, reason="this coordinator drains, and is about to end")
        return Check("lead", ok=True)

    def _verifier(self) -> Check:
        there = any(worker.online for worker in self._book.verifiers.values())
        none = "no verifier is online, so nothing is accepted; run: tegula-worker run --verifier"
        return Check("verifier", there, "" if there else none)

    def _ask_chain(self) -> None:
        self._escrow.account(NO_JOB)

    async def _asked(self, part: str, ask: Callable[[], object], otherwise: str) -> Check:
        """
        Args:
            ask: blocks, and raises a TegulaError if the part is not there.
            otherwise: all that everybody is told then: an error can quote a URL with a password in it.
        """
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await asyncio.to_thread(ask)
        except (TegulaError, TimeoutError) as error:
            first = part not in self._missing
            self._missing.add(part)
            (log.warning if first else log.debug)("not ready", part=part, reason=str(error) or "no answer")
            return Check(part, ok=False, reason=f"{otherwise}; the log says more")
        self._missing.discard(part)
        return Check(part, ok=True)
