"""Home of SQLAlchemy: the event log, the only truth that the coordinator keeps.

SQLite by default, PostgreSQL by URL. Calls block; the shell makes them in a thread.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sql
from sqlalchemy.exc import SQLAlchemyError

from tegula_coordinator.events import KINDS, Event, job_of
from tegula_market import codec
from tegula_market.model import JobId, TegulaError

metadata = sql.MetaData()
events = sql.Table(
    "events",
    metadata,
    sql.Column("seq", sql.BigInteger().with_variant(sql.Integer, "sqlite"), primary_key=True),
    sql.Column("at", sql.Float, nullable=False),
    sql.Column("job", sql.LargeBinary(32), nullable=True),
    sql.Column("kind", sql.String(32), nullable=False),
    sql.Column("body", sql.LargeBinary, nullable=False),
    sql.Index("events_by_job", "job", "seq"),
)


class StoreError(TegulaError):
    """The database cannot be opened, read or written."""


@dataclass(frozen=True, slots=True)
class Recorded:
    seq: int
    event: Event


class EventLog:
    """Append-only list of events, numbered from 1."""

    def __init__(self, url: str) -> None:
        """Opens the log, making the database if there is none.

        Raises:
            StoreError: the database cannot be opened.
        """
        try:
            self._engine = sql.create_engine(url)
            if self._engine.dialect.name == "sqlite":
                sql.event.listen(self._engine, "connect", _durable)
            metadata.create_all(self._engine)
        except (SQLAlchemyError, ImportError) as error:
            raise StoreError(f"cannot open the database {_without_password(url)}: {error}") from error

    def append(self, batch: Sequence[Event]) -> list[int]:
        """All events or none, on disk when it returns; their numbers."""
        rows = [
            {"at": e.at, "job": job_of(e), "kind": type(e).__name__, "body": codec.dumps(e)} for e in batch
        ]
        statement = events.insert().returning(events.c.seq, sort_by_parameter_order=True)
        try:
            with self._engine.begin() as connection:
                return [row.seq for row in connection.execute(statement, rows)]
        except SQLAlchemyError as error:
            raise StoreError(f"cannot append to the event log: {error}") from error

    def replay(self, after: int = 0) -> Iterator[Recorded]:
        """Every event with a number above `after`, in order."""
        return self._read(sql.select(events).where(events.c.seq > after).order_by(events.c.seq))

    def of_job(self, job: JobId, after: int, limit: int = 1000) -> list[Recorded]:
        query = sql.select(events).where(events.c.job == job, events.c.seq > after)
        return list(self._read(query.order_by(events.c.seq).limit(limit)))

    def close(self) -> None:
        self._engine.dispose()

    def _read(self, query: sql.Select[tuple[object, ...]]) -> Iterator[Recorded]:
        with self._engine.connect() as connection:
            for row in connection.execution_options(yield_per=1000).execute(query):
                yield Recorded(row.seq, codec.loads(KINDS[row.kind], row.body))


def _durable(connection: "sql.engine.interfaces.DBAPIConnection", _record: object) -> None:
    """WAL lets readers in while the book writes; FULL keeps what was acknowledged through a power cut."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _without_password(url: str) -> str:
    return sql.engine.make_url(url).render_as_string(hide_password=True)
