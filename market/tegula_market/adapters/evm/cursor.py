"""How far a watcher has seen, on the disk: blocks with their hashes, and the logs given away of late."""

import json
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tegula_market.adapters.evm import database

KEPT_BLOCKS = 1024
"""Behind the newest one; no chain was ever reorganised so far."""
TABLES = """
CREATE TABLE IF NOT EXISTS marks (number INTEGER PRIMARY KEY, hash BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS seen (number INTEGER NOT NULL, place INTEGER NOT NULL, log TEXT NOT NULL,
    PRIMARY KEY (number, place));
"""


@dataclass(frozen=True, slots=True)
class Mark:
    """A block that was seen."""

    number: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Log:
    """An event of a contract."""

    block: Mark
    place: int
    """logIndex: which one of the block's."""
    tx: bytes
    topics: tuple[bytes, ...]
    data: bytes


class Cursor:
    """
    Args:
        path: of the database; None forgets with the program.
    Raises:
        ChainError: the file cannot be used.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        with self._told():
            self._rows = database.opened(path, TABLES)

    def marks(self) -> list[Mark]:
        """Newest first."""
        with self._told():
            return [Mark(*row) for row in self._rows.execute("SELECT * FROM marks ORDER BY number DESC")]

    def above(self, number: int) -> list[Log]:
        """What was given away of later blocks, newest first: in this order it is taken back."""
        with self._told():
            found = self._rows.execute(
                "SELECT log FROM seen WHERE number > ? ORDER BY number DESC, place DESC", (number,)
            ).fetchall()
        return [_read(text) for (text,) in found]

    def keep(self, ancestor: int, logs: Iterable[Log], marks: Iterable[Mark]) -> None:
        """Goes back to the ancestor and on with what is new, all at once."""
        with self._told(), self._rows:  # one transaction
            self._rows.execute("BEGIN")
            for table in ("marks", "seen"):
                self._rows.execute(f"DELETE FROM {table} WHERE number > ?", (ancestor,))  # noqa: S608 two constants
            self._rows.executemany(
                "INSERT INTO seen VALUES (?, ?, ?)",
                [(log.block.number, log.place, _text(log)) for log in logs],
            )
            self._rows.executemany(
                "INSERT OR REPLACE INTO marks VALUES (?, ?)", [(mark.number, mark.hash) for mark in marks]
            )
            for table in ("marks", "seen"):
                self._rows.execute(
                    f"DELETE FROM {table} WHERE number < (SELECT max(number) FROM marks) - ?",  # noqa: S608
                    (KEPT_BLOCKS,),
                )

    def _told(self) -> AbstractContextManager[None]:
        return database.told(self._path, "what was seen of the chain cannot be remembered in")


def _text(log: Log) -> str:
    parts = log.block.hash, log.tx, log.data, *log.topics
    return json.dumps([log.block.number, log.place, *(part.hex() for part in parts)])


def _read(text: str) -> Log:
    number, place, *parts = json.loads(text)
    block, tx, data, *topics = (bytes.fromhex(part) for part in parts)
    return Log(Mark(number, block), place, tx, tuple(topics), data)


def log_of(found: Any) -> Log:
    """As web3 has it."""
    return Log(
        Mark(found["blockNumber"], bytes(found["blockHash"])),
        found["logIndex"],
        bytes(found["transactionHash"]),
        tuple(bytes(topic) for topic in found["topics"]),
        bytes(found["data"]),
    )
