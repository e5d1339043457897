"""Opens the database that a URL names: an SQLite file on one machine, PostgreSQL for several."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sql
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from tegula_market.model import TegulaError

PATIENCE = {
    "connect_timeout": 5,
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 5_000,
    "application_name": "tegula-coordinator",
}
"""libpq's: a server that has vanished without a word is noticed in five seconds instead of two hours."""


SQLITE_SECONDS = 30.0
"""For which a connection waits while another one writes: on a slow disk a commit alone can take seconds, and
a leader whose event is not written ends."""


BREATH_SECONDS = 0.03
"""Between two transactions of work that can wait, in which others have their turn. To SQLite it is no queue:
whoever waits looks again now and then, and finds the next one of a row."""


class StoreError(TegulaError):
    """The database cannot be opened, read or written, or is another program's to write."""


def open_engine(url: str) -> sql.Engine:
    """Connects to nothing yet.

    Raises:
        StoreError: no URL, not of a database that can be used, or its driver is not installed.
    """
    parsed = _parsed(url)
    try:
        match parsed.get_backend_name():
            case "sqlite":
                return _sqlite(parsed)
            case "postgresql":
                return _postgresql(parsed)
    except ImportError as error:
        raise StoreError(
            "the driver for PostgreSQL is not installed: pip install 'tegula-coordinator[postgresql]'"
        ) from error
    except SQLAlchemyError as error:
        raise StoreError(f"cannot open the database {shown(parsed)}: {error}") from error
    raise StoreError(
        f"database: {shown(parsed)} cannot be used; want sqlite:///FILE or postgresql://USER@HOST/NAME"
    )


def file_of(url: str) -> Path | None:
    """Of an SQLite database; None if the URL names a server's.

    Raises:
        StoreError: no URL.
    """
    parsed = _parsed(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


@contextmanager
def transaction(engine: sql.Engine, what: str) -> Iterator[sql.Connection]:
    """
    Args:
        what: is read or written, for the sentence if it cannot be.
    Raises:
        StoreError: it cannot be; then nothing of it was done.
    """
    try:
        with engine.begin() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise StoreError(f"cannot read or write {what} in the database: {error}") from error


def size(connection: sql.Connection) -> int:
    """Bytes that the database takes; of an SQLite file, those that are not free for what comes."""
    if connection.dialect.name == "postgresql":
        return int(connection.scalar(sql.text("SELECT pg_database_size(current_database())")) or 0)
    pages, free, each = (
        int(connection.exec_driver_sql(f"PRAGMA {name}").scalar() or 0)
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * each


def shown(url: sql.URL) -> str:
    return url.render_as_string(hide_password=True)


def _parsed(url: str) -> sql.URL:
    try:
        return sql.make_url(url)
    except ArgumentError as error:  # whose message would show a password
        raise StoreError(
            "database: want a URL, sqlite:///FILE or postgresql://USER@HOST/NAME; this is none"
        ) from error


def _postgresql(url: sql.URL) -> sql.Engine:
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    return sql.create_engine(url, connect_args=PATIENCE, pool_pre_ping=True, hide_parameters=True)


def _sqlite(url: sql.URL) -> sql.Engine:
    engine = sql.create_engine(url, connect_args={"timeout": SQLITE_SECONDS}, hide_parameters=True)
    sql.event.listen(engine, "connect", _durable)
    sql.event.listen(engine, "begin", _begin)
    return engine


def _durable(connection: "sql.engine.interfaces.DBAPIConnection", _record: object) -> None:
    """WAL lets readers in while the book writes; FULL keeps what was acknowledged through a power cut."""
    connection.isolation_level = None  # else Python's module begins no transaction before a CREATE TABLE
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _begin(connection: sql.Connection) -> None:
    connection.exec_driver_sql("BEGIN")
