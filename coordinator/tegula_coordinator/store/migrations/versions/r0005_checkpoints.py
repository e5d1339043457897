"""Checkpoints of the book, behind which the event log can be cut."""

import sqlalchemy as sql
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    number = sql.BigInteger().with_variant(sql.Integer, "sqlite")
    op.create_table(
        "checkpoints",
        sql.Column("id", number, primary_key=True),
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
    op.create_table(
        "checkpoint_parts",
        sql.Column("checkpoint", sql.BigInteger, primary_key=True),
        sql.Column("number", sql.Integer, primary_key=True),
        sql.Column("body", sql.LargeBinary, nullable=False),
    )
