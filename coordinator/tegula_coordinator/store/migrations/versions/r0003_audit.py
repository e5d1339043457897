"""The audit log, and quotas of jobs and bytes."""

import sqlalchemy as sql
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "audit",
        sql.Column("seq", sql.BigInteger().with_variant(sql.Integer, "sqlite"), primary_key=True),
        sql.Column("at", sql.Float, nullable=False),
        sql.Column("who", sql.String(64), nullable=False),
        sql.Column("act", sql.String(16), nullable=False),
        sql.Column("subject", sql.String(80), nullable=False),
        sql.Column("detail", sql.String(200), nullable=False),
    )
    op.create_index("audit_by_who", "audit", ["who", "act"])
    op.add_column("tokens", sql.Column("jobs", sql.BigInteger, nullable=True))
    op.add_column("tokens", sql.Column("upload_bytes", sql.BigInteger, nullable=True))
