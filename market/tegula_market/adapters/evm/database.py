"""Small SQLite databases of what must outlive a kill."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tegula_market.adapters.evm import ChainError


def opened(path: Path | None, tables: str) -> sqlite3.Connection:
    """For its owner's eyes. What is committed is on the disk, its name included.

    Args:
        path: None keeps all in memory.
        tables: SQL that makes what is missing.
    """
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT, 0o600))
    rows = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
    rows.execute("PRAGMA synchronous = EXTRA")
    rows.executescript(tables)
    return rows


@contextmanager
def told(path: Path | None, what: str) -> Iterator[None]:
    """Turns errors of the disk into a sentence.

    Raises:
        ChainError: ends with what to do.
    """
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise ChainError(f"{what} {path} ({error}); make room there, or move it away") from error
