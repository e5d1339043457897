"""Brings a database to the schema of this program, by the migrations that are shipped with it."""

import sqlalchemy as sql
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from tegula_coordinator.store.database import StoreError

FIRST = "0001"
"""What a database has that was made before there were migrations."""


def check(connection: sql.Connection) -> None:
    """
    Raises:
        StoreError: a newer program has written it.
    """
    shipped = ScriptDirectory.from_config(_config(connection))
    known = {script.revision for script in shipped.walk_revisions()}
    newer = set(_heads(connection)) - known
    if newer:
        raise StoreError(
            f"the database is of a newer tegula-coordinator (schema {', '.join(sorted(newer))}; this one"
            f" knows up to {max(known)}); update this program, or go back to a backup of before the update"
        )


def upgrade(connection: sql.Connection) -> None:
    """In the transaction that is open: all of it, or nothing.

    Raises:
        StoreError: a newer program has written it.
    """
    check(connection)
    config = _config(connection)
    if not _heads(connection) and sql.inspect(connection).has_table("events"):
        command.stamp(config, FIRST)
    command.upgrade(config, "head")


def _heads(connection: sql.Connection) -> tuple[str, ...]:
    return MigrationContext.configure(connection).get_current_heads()


def _config(connection: sql.Connection) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "tegula_coordinator.store:migrations")
    return config
