"""Requesters' tokens."""

import sqlalchemy as sql
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "tokens",
        sql.Column("name", sql.String(64), primary_key=True),
        sql.Column("digest", sql.LargeBinary(32), nullable=False),
        sql.Column("scopes", sql.String(64), nullable=False),
        sql.Column("made", sql.Float, nullable=False),
        sql.Column("expires", sql.Float, nullable=True),
        sql.Column("revoked", sql.Float, nullable=True),
        sql.Column("requests", sql.BigInteger, nullable=True),
    )
    op.create_index("tokens_by_digest", "tokens", ["digest"], unique=True)
