"""Sees to it that one program alone appends to a log.

With PostgreSQL by an advisory lock that lives as long as the connection that took it: whoever waits for it
has it a moment after the leader's death, and the server itself knows who is alive. With SQLite by a lock on a
file beside the database, which the operating system gives up with the process.
"""

import fcntl
from io import FileIO
from pathlib import Path

import sqlalchemy as sql

from tegula_coordinator.store.database import StoreError

KEY = sql.literal(int.from_bytes(b"tegula"), sql.BigInteger)
"""Of the advisory lock, which is the database's: so a database is one coordinator's."""
SERVER_PATIENCE = "tcp_keepalives_idle = 2", "tcp_keepalives_interval = 1", "tcp_keepalives_count = 3"
"""After which the server takes a leader that has vanished for dead; its default is two hours."""


def take(connection: sql.Connection) -> bool:
    """Whether this connection, to PostgreSQL, leads from now on; at once, without waiting."""
    for setting in SERVER_PATIENCE:
        connection.exec_driver_sql(f"SET {setting}")
    taken = connection.scalar(sql.select(sql.func.pg_try_advisory_lock(KEY)))
    connection.commit()
    return bool(taken)


def insist(connection: sql.Connection) -> None:
    """That nobody else leads until the end of this transaction.

    Who has the lock may take it once more. A pooler that gives each transaction another session fails here.

    Raises:
        StoreError: somebody does.
    """
    if not connection.scalar(sql.select(sql.func.pg_try_advisory_xact_lock(KEY))):
        raise StoreError("another coordinator has taken the lead, so this one ends")


def take_file(database: Path) -> FileIO:
    """What to keep open for as long as this program leads.

    Raises:
        StoreError: another program does.
        OSError: the lock cannot be made.
    """
    lock = FileIO(database.with_name(f"{database.name}.lock"), "a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise StoreError(
            f"another coordinator serves from {database}; end it first. Only with PostgreSQL can a second one"
            " stand by"
        ) from error
    return lock
