"""What was signed, on the disk before any node sees it, until it is too deep in the chain to be lost.

After a kill it is found again: sent once more, or seen to be mined. Signed transactions lie here, no keys.
"""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

from tegula_market.adapters.evm import NotMined, database
from tegula_market.model import Address

TABLE = """
CREATE TABLE IF NOT EXISTS transactions (
    hash BLOB NOT NULL,
    chain TEXT NOT NULL,
    sender BLOB NOT NULL,
    nonce INTEGER NOT NULL,
    fields TEXT NOT NULL,
    raw BLOB NOT NULL,
    block INTEGER,
    PRIMARY KEY (chain, hash)
)
"""
"""`block` is the one that it was mined in. Versions of a transaction have one nonce. A test chain that is
started anew can be sent the same bytes."""


@dataclass(frozen=True, slots=True)
class Version:
    """A transaction as it was signed, with one of the fees that it was offered at."""

    hash: bytes
    fields: dict[str, Any]
    """What was signed: `to` and `data` as hex, all else numbers."""
    raw: bytes
    block: int | None = None

    @property
    def name(self) -> str:
        """As people look it up."""
        return "0x" + self.hash.hex()


class Outbox:
    """
    Args:
        path: of the database; None keeps all in memory, for chains that do not outlive the program.
            It is made when it is first needed.
    Raises:
        ChainError: the file cannot be used.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._one = threading.Lock()
        """One connection, many threads."""
        self._turns: dict[Address, threading.Lock] = {}

    @contextmanager
    def turn(self, sender: Address, patience: float) -> Iterator[None]:
        """Held while a transaction of the sender is under way, against other threads and processes.

        Two that take a nonce at once would take the same.

        Raises:
            NotMined: somebody else holds it longer than `patience` seconds.
        """
        with self._thread_turn(sender, patience), self._process_turn(sender, patience):
            yield

    def left(self, chain: str, sender: Address) -> list[list[Version]]:
        """What may still be needed, lowest nonce first, each in all its versions, oldest first."""
        with self._told():
            found = self._rows.execute(
                "SELECT nonce, hash, fields, raw, block FROM transactions WHERE chain = ? AND sender = ?"
                " ORDER BY nonce, rowid",
                (chain, sender),
            ).fetchall()
        groups = groupby(found, key=lambda row: row[0])
        return [[Version(h, json.loads(f), raw, b) for _, h, f, raw, b in rows] for _, rows in groups]

    def keep(self, chain: str, sender: Address, version: Version) -> None:
        """On the disk when this returns."""
        row = version.hash, chain, sender, version.fields["nonce"], json.dumps(version.fields), version.raw
        with self._told():
            self._rows.execute("INSERT INTO transactions VALUES (?, ?, ?, ?, ?, ?, NULL)", row)

    def mark(self, chain: str, versions: list[Version], block: int) -> None:
        """That one of them was mined."""
        with self._told():
            self._rows.executemany(
                "UPDATE transactions SET block = ? WHERE chain = ? AND hash = ?",
                [(block, chain, one.hash) for one in versions],
            )

    def drop(self, chain: str, versions: list[Version]) -> None:
        with self._told():
            self._rows.executemany(
                "DELETE FROM transactions WHERE chain = ? AND hash = ?",
                [(chain, one.hash) for one in versions],
            )

    @cached_property
    def _rows(self) -> sqlite3.Connection:
        return database.opened(self._path, TABLE)

    @contextmanager
    def _thread_turn(self, sender: Address, patience: float) -> Iterator[None]:
        lock = self._turns.setdefault(sender, threading.Lock())
        if not lock.acquire(timeout=patience):
            raise _busy(sender)
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _process_turn(self, sender: Address, patience: float) -> Iterator[None]:
        """A lock that ends with its process, on every system: an empty SQLite database."""
        if self._path is None:
            yield
            return
        with self._told():
            _ = self._rows  # makes the folder
            lock = sqlite3.connect(
                f"{self._path}.{sender.hex()}.turn", timeout=patience, isolation_level=None
            )
        with closing(lock):
            try:
                lock.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError as error:
                raise _busy(sender) from error
            yield

    @contextmanager
    def _told(self) -> Iterator[None]:
        with self._one, database.told(self._path, "no transaction is sent: it cannot be kept in"):
            yield


def _busy(sender: Address) -> NotMined:
    return NotMined(f"another transaction of 0x{sender.hex()} is still under way; try again when it is mined")
