"""Alembic runs this for each command; `store.schema` has opened connection and transaction."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
