"""The audit log: who asked for what, and when. Rows are added and never changed."""

from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sql

from tegula_coordinator.store import database

LONGEST = {"who": 64, "subject": 80, "detail": 200}
"""Letters."""
table = sql.Table(
    "audit",
    sql.MetaData(),
    sql.Column("seq", sql.BigInteger().with_variant(sql.Integer, "sqlite"), primary_key=True),
    sql.Column("at", sql.Float, nullable=False),
    sql.Column("who", sql.String(LONGEST["who"]), nullable=False),
    sql.Column("act", sql.String(16), nullable=False),
    sql.Column("subject", sql.String(LONGEST["subject"]), nullable=False),
    sql.Column("detail", sql.String(LONGEST["detail"]), nullable=False),
)
"""As the migrations have made it."""


class Act(StrEnum):
    ORDER = "order"
    CANCEL = "cancel"
    CLOSE = "close"
    SETTLE = "settle"
    DEPOSIT = "deposit"
    UPLOAD = "upload"
    SIGN_IN = "sign-in"
    TOKEN = "token"  # noqa: S105 an act, made or revoked
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Entry:
    at: float
    """Unix seconds."""
    who: str
    """A token's name, an account that has signed in, `operator`, or an address that has no token."""
    act: Act
    subject: str = ""
    """A job, a blob, a token, or the path that was asked for."""
    detail: str = ""

    def __post_init__(self) -> None:
        """Bounded: what comes from outside must not fill the disk, or be refused by PostgreSQL."""
        for name, letters in LONGEST.items():
            clean = "".join(c if c.isprintable() else "?" for c in getattr(self, name))
            object.__setattr__(self, name, clean[:letters])


class AuditLog:
    def __init__(self, url: str) -> None:
        """Connects to nothing yet. Raises: StoreError."""
        self._engine = database.open_engine(url)

    def add(self, entry: Entry) -> None:
        """On disk when it returns. Raises: StoreError."""
        row = {"who": entry.who, "act": entry.act, "subject": entry.subject, "detail": entry.detail}
        with database.transaction(self._engine, "the audit log") as connection:
            connection.execute(table.insert().values(at=entry.at, **row))

    def last(self, count: int, who: str = "") -> list[Entry]:
        """The latest, in the order in which they came; everybody's if `who` is empty."""
        query = sql.select(table).order_by(table.c.seq.desc()).limit(count)
        if who:
            query = query.where(table.c.who == who)
        with database.transaction(self._engine, "the audit log") as connection:
            rows = connection.execute(query).all()
        return [Entry(row.at, row.who, Act(row.act), row.subject, row.detail) for row in reversed(rows)]

    def subjects(self, who: str, act: Act) -> set[str]:
        query = sql.select(table.c.subject).where(table.c.who == who, table.c.act == act)
        with database.transaction(self._engine, "the audit log") as connection:
            return set(connection.scalars(query))

    def close(self) -> None:
        self._engine.dispose()
