"""Writes a checkpoint of the book, in a program beside the one that serves.

It replays what came since the last checkpoint, which can take a minute of a core: in the program that serves
everybody would wait for that. It leads nothing and is told nothing secret but the database's URL, on stdin.
"""

import os
import signal
import sys
from contextlib import closing
from dataclasses import dataclass

import structlog

from tegula_coordinator import tiles
from tegula_coordinator.book import Book, Timing, checkpoint
from tegula_coordinator.bookkeeper import Bookkeeper
from tegula_coordinator.config import Config
from tegula_coordinator.store import Checkpoint, EventLog, StoreError
from tegula_market import codec
from tegula_market.adapters import logs
from tegula_market.model import TegulaError

NICE = 10
"""Others have the processor first."""

log = structlog.get_logger(__name__)


class Unfaithful(TegulaError):
    """What was written does not give the same book again: a fault of this program. Nothing was kept."""


@dataclass(frozen=True, slots=True)
class Setting:
    database: str
    call_seconds: float
    lease_seconds: float

    @classmethod
    def of(cls, config: Config) -> "Setting":
        return cls(config.database_url, config.call_seconds, config.lease_seconds)

    @property
    def timing(self) -> Timing:
        return Timing(self.call_seconds, self.lease_seconds)


def write(setting: Setting) -> Checkpoint:
    """Of the book as the log has it now; the last one, if nothing came since.

    Raises:
        StoreError, Unfaithful: it cannot be read or written; the last one counts as before.
    """
    with closing(EventLog(setting.database)) as events:
        keeper = Bookkeeper(Book(tiles.sizes, setting.timing), events)
        keeper.replay()
        known = events.checkpoints.all()
        if known and known[0].seq == keeper.seq:
            return known[0]
        if not keeper.seq:
            raise StoreError("nothing has happened yet, so there is nothing to write down")
        body = checkpoint.pack(keeper.book)
        _try(keeper.book, body)
        return events.checkpoints.write(keeper.seq, events.time_of(keeper.seq), checkpoint.mark(), body)


def _try(book: Book, body: bytes) -> None:
    """Raises: Unfaithful."""
    again = Book(book.sizes, book.timing)
    checkpoint.restore(again, body)
    if again != book or checkpoint.pack(again) != body:
        raise Unfaithful("a book that was read from its checkpoint is another one; please report this")


def main() -> int:
    """One checkpoint; exits with 1 if there is none, and says why on stderr."""
    for number in (signal.SIGINT, signal.SIGTERM):  # sent to all programs of a terminal or a unit
        signal.signal(number, signal.SIG_IGN)
    os.nice(NICE)
    logs.configure(0)
    setting = codec.loads(Setting, sys.stdin.buffer.readline())
    try:
        made = write(setting)
    except (StoreError, Unfaithful) as error:
        log.error("no checkpoint written", reason=str(error))  # noqa: TRY400 a sentence says it all
        return 1
    log.info("checkpoint written", events=made.seq, bytes=made.size)
    return 0


if __name__ == "__main__":
    sys.exit(main())
