"""Checkpoints: the book as it was after an event, from which a replay of the log can begin.

Any program may write one: it says nothing but what the log says. It is written in parts, so that whoever
appends never waits for more than one, and counts only when it was read back and marked whole; what a kill
leaves is swept later. Events before one are cut only after it was marked `cut`: that no event is missing is
known by there being no such mark.
"""

import hashlib
import time
from dataclasses import dataclass
from importlib.metadata import version

import sqlalchemy as sql

from tegula_coordinator.store import database
from tegula_coordinator.store.database import StoreError
from tegula_market.digests import SIZE
from tegula_market.model import Digest

PART_BYTES = 1 << 18
table = sql.Table(
    "checkpoints",
    sql.MetaData(),
    sql.Column("id", sql.BigInteger().with_variant(sql.Integer, "sqlite"), primary_key=True),
    sql.Column("seq", sql.BigInteger, nullable=False),
    sql.Column("at", sql.Float, nullable=False),
    sql.Column("written", sql.Float, nullable=False),
    sql.Column("version", sql.String(32), nullable=False),
    sql.Column("mark", sql.LargeBinary(32), nullable=False),
    sql.Column("digest", sql.LargeBinary(32), nullable=False),
    sql.Column("size", sql.BigInteger, nullable=False),
    sql.Column("whole", sql.Boolean, nullable=False),
    sql.Column("cut", sql.Boolean, nullable=False),
)
parts = sql.Table(
    "checkpoint_parts",
    sql.MetaData(),
    sql.Column("checkpoint", sql.BigInteger, primary_key=True),
    sql.Column("number", sql.Integer, primary_key=True),
    sql.Column("body", sql.LargeBinary, nullable=False),
)
"""Both as the migrations have made them."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    id: int
    seq: int
    """Number of the last event that it has."""
    at: float
    """When that happened, in Unix seconds; as `written`, when this was written."""
    written: float
    version: str
    """Of the program that wrote it."""
    mark: Digest
    """`book.checkpoint.mark` of that program."""
    digest: Digest
    size: int
    """Bytes."""
    cut: bool
    """Events before `seq` may be gone."""


class CheckpointTable:
    def __init__(self, engine: sql.Engine) -> None:
        self._engine = engine

    def all(self) -> list[Checkpoint]:
        """That are whole, the newest first. None in a database of before there were any."""
        with database.transaction(self._engine, "checkpoints") as connection:
            if not sql.inspect(connection).has_table(table.name):
                return []
            rows = connection.execute(
                sql.select(table).where(table.c.whole).order_by(table.c.seq.desc(), table.c.id.desc())
            )
            return [_checkpoint(row) for row in rows]

    def body(self, of: Checkpoint) -> bytes:
        """
        Raises:
            StoreError: it cannot be read, or is not as it was written.
        """
        query = sql.select(parts.c.body).where(parts.c.checkpoint == of.id).order_by(parts.c.number)
        with database.transaction(self._engine, "a checkpoint") as connection:
            found = b"".join(connection.scalars(query))
        if _digest(found) != of.digest:
            raise StoreError(f"the checkpoint after event {of.seq} is damaged: its digest is another one")
        return found

    def write(self, seq: int, at: float, mark: Digest, body: bytes) -> Checkpoint:
        """Whole and on disk when it returns, and read back.

        Raises:
            StoreError: it cannot be written. What is there of it does not count.
        """
        row = {
            "seq": seq, "at": at, "written": time.time(), "version": version("tegula-coordinator")[:32],
            "mark": mark, "digest": _digest(body), "size": len(body),
        }  # fmt: skip
        with database.transaction(self._engine, "a checkpoint") as connection:
            if not sql.inspect(connection).has_table(table.name):
                raise StoreError(
                    "the database is of an older tegula-coordinator; `serve` brings it up to date"
                )
        # Each with a write as its first statement: to SQLite, one that has read before is too late to write
        # once somebody else has, and it does not wait.
        with database.transaction(self._engine, "a checkpoint") as connection:
            made = connection.execute(table.insert().values(whole=False, cut=False, **row))
            (number,) = made.inserted_primary_key or (0,)
        for index, start in enumerate(range(0, len(body), PART_BYTES)):
            time.sleep(database.BREATH_SECONDS)
            part = {"checkpoint": number, "number": index, "body": body[start : start + PART_BYTES]}
            with database.transaction(self._engine, "a checkpoint") as connection:
                connection.execute(parts.insert().values(part))
        found = Checkpoint(number, cut=False, **row)  # type: ignore[arg-type]
        self.body(found)
        with database.transaction(self._engine, "a checkpoint") as connection:
            update = table.update().where(table.c.id == number).values(whole=True)
            if connection.execute(update).rowcount != 1:
                raise StoreError("the checkpoint was swept while it was written: that took a day; try again")
        return found

    def unfinished(self, before: float) -> list[int]:
        """Of which a kill, or a failure, has left parts, begun before that Unix time."""
        with database.transaction(self._engine, "checkpoints") as connection:
            query = sql.select(table.c.id).where(sql.not_(table.c.whole), table.c.written < before)
            return list(connection.scalars(query))

    def drop(self, number: int) -> None:
        """Part by part, so that whoever appends waits for none for long. What a kill leaves is unfinished."""
        with database.transaction(self._engine, "checkpoints") as connection:
            connection.execute(table.update().where(table.c.id == number).values(whole=False))
            query = sql.select(parts.c.number).where(parts.c.checkpoint == number)
            there = list(connection.scalars(query))
        for index in there:
            time.sleep(database.BREATH_SECONDS)
            with database.transaction(self._engine, "checkpoints") as connection:
                connection.execute(
                    parts.delete().where(parts.c.checkpoint == number, parts.c.number == index)
                )
        with database.transaction(self._engine, "checkpoints") as connection:
            connection.execute(table.delete().where(table.c.id == number))


def _checkpoint(row: "sql.Row[tuple[object, ...]]") -> Checkpoint:
    return Checkpoint(
        row.id,
        row.seq,
        row.at,
        row.written,
        row.version,
        Digest(bytes(row.mark)),
        Digest(bytes(row.digest)),
        row.size,
        row.cut,
    )


def _digest(body: bytes) -> Digest:
    return Digest(hashlib.blake2b(body, digest_size=SIZE).digest())
