"""Requesters' tokens. Written by the operator's command while a coordinator serves, and read by that."""

from contextlib import AbstractContextManager

import sqlalchemy as sql
from sqlalchemy.exc import IntegrityError

from tegula_coordinator.bearer import Scope, Token
from tegula_coordinator.store import database
from tegula_coordinator.store.database import StoreError
from tegula_market.model import Address

table = sql.Table(
    "tokens",
    sql.MetaData(),
    sql.Column("name", sql.String(64), primary_key=True),
    sql.Column("digest", sql.LargeBinary(32), nullable=False),
    sql.Column("scopes", sql.String(64), nullable=False),
    sql.Column("made", sql.Float, nullable=False),
    sql.Column("expires", sql.Float, nullable=True),
    sql.Column("revoked", sql.Float, nullable=True),
    sql.Column("requests", sql.BigInteger, nullable=True),
    sql.Column("jobs", sql.BigInteger, nullable=True),
    sql.Column("upload_bytes", sql.BigInteger, nullable=True),
    sql.Column("account", sql.LargeBinary(20), nullable=True),
)
"""As the migrations have made it."""


class TokenTable:
    """Every transaction is one statement: a row that was read before would have to be locked."""

    def __init__(self, url: str) -> None:
        """Connects to nothing yet. Raises: StoreError."""
        self._engine = database.open_engine(url)

    def there(self) -> bool:
        """Whether the database has been brought to a schema with tokens."""
        with self._connected() as connection:
            return sql.inspect(connection).has_table(table.name)

    def add(self, token: Token, digest: bytes) -> None:
        """Raises: StoreError: the name is taken."""
        with self._connected() as connection:
            try:
                connection.execute(table.insert().values(digest=digest, **_row(token)))
            except IntegrityError as error:
                raise StoreError(
                    f"there is a token {token.name} already; choose another name, so that it is clear who"
                    " did what"
                ) from error

    def find(self, digest: bytes) -> Token | None:
        with self._connected() as connection:
            row = connection.execute(sql.select(table).where(table.c.digest == digest)).first()
        return None if row is None else _token(row)

    def revoked(self, name: str) -> bool:
        """Whether there is such a token, and it is."""
        query = sql.select(table.c.name).where(table.c.name == name, table.c.revoked.is_not(None))
        with self._connected() as connection:
            return connection.execute(query).first() is not None

    def all(self) -> list[Token]:
        """By name."""
        with self._connected() as connection:
            rows = connection.execute(sql.select(table).order_by(table.c.name)).all()
        return [_token(row) for row in rows]

    def revoke(self, name: str, at: float) -> None:
        """Raises: StoreError: there is no such token that is not revoked."""
        valid = table.c.name == name, table.c.revoked.is_(None)
        with self._connected() as connection:
            if connection.execute(table.update().where(*valid).values(revoked=at)).rowcount != 1:
                raise StoreError(f"there is no token {name} that could be revoked; `token list` has them all")

    def readmit(self, name: str) -> None:
        """Raises: StoreError: there is no such token that is revoked."""
        ended = table.c.name == name, table.c.revoked.is_not(None)
        with self._connected() as connection:
            if connection.execute(table.update().where(*ended).values(revoked=None)).rowcount != 1:
                raise StoreError(f"{name} is not revoked; `token list` has all that are")

    def close(self) -> None:
        self._engine.dispose()

    def _connected(self) -> AbstractContextManager[sql.Connection]:
        return database.transaction(self._engine, "the tokens")


def _row(token: Token) -> dict[str, object]:
    return {
        "name": token.name,
        "scopes": ",".join(sorted(token.scopes)),
        "made": token.made,
        "expires": token.expires,
        "revoked": token.revoked,
        "requests": token.requests,
        "jobs": token.jobs,
        "upload_bytes": token.upload_bytes,
        "account": token.account,
    }


def _token(row: "sql.Row[tuple[object, ...]]") -> Token:
    scopes = frozenset(map(Scope, row.scopes.split(",")))
    quotas = row.requests, row.jobs, row.upload_bytes
    account = None if row.account is None else Address(bytes(row.account))
    return Token(row.name, scopes, row.made, row.expires, row.revoked, *quotas, account)
