"""What a requester's bearer token is: a name, what it may do, for how long and how much of it.

Of the token itself a digest is kept alone. It has 192 bits of chance, so there is nothing to guess from a
digest and no slow hash is needed. It is looked up by its digest, so no time that it takes tells anything.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from enum import StrEnum

from tegula_market.model import Address, InvalidValue

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


class Scope(StrEnum):
    READ = "read"
    """Looks at the market, at jobs and their evidence, and fetches blobs."""
    ORDER = "order"
    """Uploads blobs; opens, pays by voucher, cancels and closes jobs."""
    RELAY = "relay"
    """Has deposits and closes sent, for which the coordinator pays the gas."""
    ALL = "all"
    """Reaches everybody's jobs with the scopes that it has; without it, its own alone."""


@dataclass(frozen=True, slots=True)
class Token:
    name: str
    scopes: frozenset[Scope]
    made: float = 0.0
    """Unix seconds, as the two that follow."""
    expires: float | None = None
    revoked: float | None = None
    requests: int | None = None
    """Most in a minute; None for no limit, as with those that follow."""
    jobs: int | None = None
    """Most that may be open at once."""
    upload_bytes: int | None = None
    """Most in a day."""
    account: Address | None = None
    """Whose jobs it reaches: those whose terms name it as the requester."""
    worker: bool = False
    """Of a worker, for blobs and evidence alone; nobody keeps those."""
    signed_in: bool = False
    """Of an account that has signed in, whoever that is; nobody keeps those either."""
    digest: bytes = b""
    """Of what came with a request; empty elsewhere. Names can be shared: all tokens of a file have one."""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise InvalidValue(
                "a token's name has 1 to 64 letters, digits or ._@- and begins with one of the first two,"
                f" not {self.name[:80]!r}"
            )
        if not self.scopes:
            raise InvalidValue(f"a token wants a scope: {', '.join(Scope)}")

    def reaches(self, requester: Address, opener: str) -> bool:
        """Whether a job is its own.

        Args:
            requester: as the job's terms name it.
            opener: the name of the token that opened the job; empty if that was before it was recorded.
        """
        if Scope.ALL in self.scopes:
            return True
        return requester == self.account if self.account is not None else opener == self.name


def fresh() -> str:
    return secrets.token_urlsafe(24)


def digest_of(secret: str) -> bytes:
    """SHA-256."""
    return hashlib.sha256(secret.encode()).digest()
