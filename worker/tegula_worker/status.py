"""What `tegula-worker status` knows: the worker's last snapshot, whether it still runs, the books."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import psutil

from tegula_worker import snapshot, statement, store
from tegula_worker.snapshot import Snapshot
from tegula_worker.statement import Statement

SILENT_SECONDS = 60
"""A coordinator's heartbeat is shorter by far."""


class Life(StrEnum):
    RUNS = "RUNS"
    SILENT = "SILENT"
    """Its process is there and says nothing."""
    ENDED = "ENDED"
    NEVER = "NEVER"
    """No worker has run on this data folder."""


@dataclass(frozen=True, slots=True)
class Status:
    life: Life
    age: int
    """Seconds since the worker last said anything; 0 if it never did."""
    moment: Snapshot | None
    books: Statement


def look(folder: Path, now: Callable[[], float] = time.time) -> Status:
    """Takes no lock: a worker may run, and usually does.

    Raises:
        StoreError: the books cannot be read.
    """
    kept = store.Store(folder, tidy=False)
    books = statement.draw_up(kept.jobs(), kept.tallies(), kept.sums())
    moment = snapshot.read(folder)
    age = 0 if moment is None else max(0, int(now()) - moment.at)
    return Status(life(moment, age), age, moment, books)


def life(moment: Snapshot | None, age: int) -> Life:
    if moment is None:
        return Life.NEVER
    if not _is_alive(moment):
        return Life.ENDED
    return Life.SILENT if age > SILENT_SECONDS else Life.RUNS


def _is_alive(moment: Snapshot) -> bool:
    """A number can be another process's by now, which has begun later."""
    try:
        process = psutil.Process(moment.pid)
        return process.status() != psutil.STATUS_ZOMBIE and process.create_time() < moment.since + 1
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
