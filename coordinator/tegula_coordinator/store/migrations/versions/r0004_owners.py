"""Whose jobs a token reaches. Those that were made before reach all jobs, as they did."""

import sqlalchemy as sql
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("tokens", sql.Column("account", sql.LargeBinary(20), nullable=True))
    op.execute("UPDATE tokens SET scopes = scopes || ',all'")
