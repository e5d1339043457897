"""The event log."""

import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

import sqlalchemy as sql
from sqlalchemy.exc import SQLAlchemyError

from tegula_coordinator.events import KINDS, Event, job_of
from tegula_coordinator.store import checkpoints, database, leading, schema
from tegula_coordinator.store.checkpoints import Checkpoint, CheckpointTable
from tegula_coordinator.store.database import StoreError
from tegula_market import codec
from tegula_market.model import JobId

events = sql.Table(
    "events",
    sql.MetaData(),
    sql.Column("seq", sql.BigInteger().with_variant(sql.Integer, "sqlite"), primary_key=True),
    sql.Column("at", sql.Float, nullable=False),
    sql.Column("job", sql.LargeBinary(32), nullable=True),
    sql.Column("kind", sql.String(32), nullable=False),
    sql.Column("body", sql.LargeBinary, nullable=False),
)
"""As the migrations have made it."""


CUT_AT_ONCE = 1000
"""Events, in one transaction: an append waits for no more."""


@dataclass(frozen=True, slots=True)
class Recorded:
    seq: int
    event: Event


@dataclass(frozen=True, slots=True)
class Oldest:
    """Of the events that the log still has."""

    seq: int
    at: float


@dataclass(frozen=True, slots=True)
class Extent:
    """What the log has, for whoever looks after it. Times are Unix seconds, and 0 where there is nothing."""

    oldest: int
    """Number of its first event."""
    oldest_at: float
    checkpoint: int
    """Number of the last event that the newest checkpoint has."""
    checkpoint_at: float
    """When that was written."""
    bytes: int
    """Of the whole database."""


class EventLog:
    """List of events, numbered from 1. It grows at its end, and is cut at its beginning behind a checkpoint.

    Anyone reads. One program leads and appends, over the one connection that holds the lead: when that is
    gone, so is the lead, and no other connection is ever tried.
    """

    def __init__(self, url: str) -> None:
        """
        Raises:
            StoreError: the database cannot be opened, or a newer program has written it.
        """
        self._engine = database.open_engine(url)
        self.checkpoints = CheckpointTable(self._engine)
        self.begun = 1
        """`begins`, as it was found last; whoever leads and cuts knows it."""
        self._leader: sql.Connection | None = None
        self._last = 0
        """Number of the last event, while this program leads."""
        self._lock: FileIO | None = None
        self._turn = threading.Lock()
        with ExitStack() as failing:
            failing.callback(self._engine.dispose)
            try:
                with self._engine.connect() as connection:
                    schema.check(connection)
            except SQLAlchemyError as error:
                raise self._unopened(error) from error
            failing.pop_all()

    def lead(self) -> bool:
        """Becomes the one that appends, and brings the schema up to date. At once, without waiting.

        Returns:
            False: another program leads, and this one may try again. Only with PostgreSQL.

        Raises:
            StoreError: another program leads, and SQLite lets none stand by; or the database fails.
        """
        try:
            with ExitStack() as failing:
                connection = failing.enter_context(self._engine.connect())
                if self._engine.dialect.name == "postgresql":
                    if not leading.take(connection):
                        return False
                elif file := self._engine.url.database:
                    self._lock = failing.enter_context(leading.take_file(Path(file)))
                with connection.begin():
                    schema.upgrade(connection)
                    self._last = connection.scalar(sql.select(sql.func.max(events.c.seq))) or 0
                failing.pop_all()
        except (SQLAlchemyError, OSError) as error:
            raise self._unopened(error) from error
        self._leader = connection
        return True

    def append(self, batch: Sequence[Event]) -> list[int]:
        """All events or none, on disk when it returns; their numbers.

        Raises:
            StoreError: they may or may not be in the log, and this program leads no more.
        """
        # Numbered here: to ask the database for each row's number takes longer than the row.
        numbers = [self._last + 1 + index for index in range(len(batch))]
        rows = [
            {"seq": seq, "at": e.at, "job": job_of(e), "kind": type(e).__name__, "body": codec.dumps(e)}
            for seq, e in zip(numbers, batch, strict=True)
        ]
        with self._leading() as connection:
            connection.execute(events.insert(), rows)
        self._last = numbers[-1]
        return numbers

    def confirm(self) -> None:
        """
        Raises:
            StoreError: this program leads no more; nothing may be sent that follows from what it knows.
        """
        with self._leading():
            pass

    @property
    def leads(self) -> bool:
        """Whether this program does, as far as it knows."""
        return self._leader is not None

    def last(self) -> int:
        """Number of the last event, as the database has it now.

        Raises:
            StoreError: it cannot be read.
        """
        try:
            with self._engine.connect() as connection:
                return connection.scalar(sql.select(sql.func.max(events.c.seq))) or 0
        except SQLAlchemyError as error:
            raise StoreError(f"cannot read the event log: {error}") from error

    def replay(self, after: int = 0) -> Iterator[Recorded]:
        """Every event with a number above `after`, in order.

        Raises:
            StoreError: it cannot be read, or was cut beyond `after`.
        """
        query = sql.select(events).where(events.c.seq > after).order_by(events.c.seq)
        with closing(self._read(query)) as found:
            first = next(found, None)
            if self.begins() > after + 1:  # asked when reading has begun: what is cut later is read
                raise StoreError(
                    f"the event log was cut beyond event {after + 1}, from which it is to be replayed"
                )
            if first is not None:
                yield first
                yield from found

    def begins(self) -> int:
        """Number of the first event that is there for sure: 1 if nothing was ever cut."""
        self.begun = max((each.seq for each in self.checkpoints.all() if each.cut), default=1)
        return self.begun

    def extent(self) -> Extent:
        """Raises: StoreError."""
        oldest, known = self.oldest() or Oldest(0, 0.0), self.checkpoints.all()
        newest = (known[0].seq, known[0].written) if known else (0, 0.0)
        with database.transaction(self._engine, "its size") as connection:
            return Extent(oldest.seq, oldest.at, *newest, database.size(connection))

    def oldest(self) -> Oldest | None:
        """None in an empty log."""
        query = sql.select(events.c.seq, events.c.at).order_by(events.c.seq).limit(1)
        with database.transaction(self._engine, "the event log") as connection:
            row = connection.execute(query).first()
        return None if row is None else Oldest(row.seq, row.at)

    def time_of(self, seq: int) -> float:
        """When that event happened, in Unix seconds.

        Raises:
            StoreError: the log has none with that number.
        """
        with database.transaction(self._engine, "the event log") as connection:
            at = connection.scalar(sql.select(events.c.at).where(events.c.seq == seq))
        if at is None:
            raise StoreError(f"the event log has no event {seq}")
        return float(at)

    def cut(self, behind: Checkpoint) -> int:
        """Removes the events that the checkpoint has but its last one, which keeps the numbers going.

        The oldest first, a few at a time, so that a kill leaves a log without a gap. Never without the
        checkpoint: it is marked, while it is whole, before anything goes.

        Returns:
            How many are gone.

        Raises:
            StoreError: this program leads no more.
        """
        with self._leading() as connection:
            there = checkpoints.table.c.id == behind.id, checkpoints.table.c.whole
            marked = connection.execute(checkpoints.table.update().where(*there).values(cut=True)).rowcount
        if marked:
            self.begun = max(self.begun, behind.seq)
        oldest, gone = self.oldest(), 0
        for start in range(oldest.seq, behind.seq, CUT_AT_ONCE) if marked and oldest is not None else ():
            time.sleep(database.BREATH_SECONDS)
            end = min(start + CUT_AT_ONCE, behind.seq)
            with self._leading() as connection:
                gone += connection.execute(events.delete().where(events.c.seq < end)).rowcount
        return gone

    def of_job(self, job: JobId, after: int, limit: int = 1000) -> list[Recorded]:
        query = sql.select(events).where(events.c.job == job, events.c.seq > after)
        return list(self._read(query.order_by(events.c.seq).limit(limit)))

    def close(self) -> None:
        with self._turn:
            self._step_down()
        self._engine.dispose()

    @contextmanager
    def _leading(self) -> Iterator[sql.Connection]:
        """A transaction in which this program leads. After a failure it never leads again."""
        with self._turn:
            if self._leader is None:
                raise StoreError("this program does not lead, so it may not append to the event log")
            try:
                with self._leader.begin():
                    if self._engine.dialect.name == "postgresql":
                        leading.insist(self._leader)
                    yield self._leader
            except SQLAlchemyError as error:
                self._step_down()
                raise StoreError(f"cannot append to the event log, so this program ends: {error}") from error
            except StoreError:
                self._step_down()
                raise

    def _step_down(self) -> None:
        if self._leader is not None:
            self._leader.invalidate()  # not only closed: the server's lock is the session's, not the pool's
            self._leader.close()
            self._leader = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _read(self, query: sql.Select[tuple[object, ...]]) -> Generator[Recorded, None, None]:
        try:
            with (
                self._engine.connect() as connection,
                connection.execution_options(yield_per=1000).execute(query) as rows,
            ):
                for row in rows:
                    yield Recorded(row.seq, codec.loads(KINDS[row.kind], row.body))
        except SQLAlchemyError as error:
            raise StoreError(f"cannot read the event log: {error}") from error

    def _unopened(self, error: Exception) -> StoreError:
        return StoreError(f"cannot open the database {database.shown(self._engine.url)}: {error}")
