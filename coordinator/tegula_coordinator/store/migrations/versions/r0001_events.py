"""The event log."""

import sqlalchemy as sql
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "events",
        sql.Column("seq", sql.BigInteger().with_variant(sql.Integer, "sqlite"), primary_key=True),
        sql.Column("at", sql.Float, nullable=False),
        sql.Column("job", sql.LargeBinary(32), nullable=True),
        sql.Column("kind", sql.String(32), nullable=False),
        sql.Column("body", sql.LargeBinary, nullable=False),
    )
    op.create_index("events_by_job", "events", ["job", "seq"])
