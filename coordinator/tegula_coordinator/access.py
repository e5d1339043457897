"""Lets requesters and workers in: by the operator's tokens_file, the database, or what a worker was given.

What the database says is believed for a few seconds, so a token is revoked within that time and a request
rarely waits for the database. Counts are this program's own: an heir begins with new ones.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from math import ceil

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from tegula_coordinator import bearer
from tegula_coordinator.bearer import Scope, Token
from tegula_coordinator.derive import Derive
from tegula_coordinator.store import TokenTable
from tegula_market.model import TegulaError

BELIEVED_SECONDS = 5.0
MOST_BELIEVED = 10_000
STRANGE_TRIES = 60
"""Requests a minute of one address with tokens that are not known: each is a look into the database."""
OF_FILE, OF_WORKER = "tokens_file", "worker"
WORKERS = Token(OF_WORKER, frozenset({Scope.READ, Scope.ORDER}))
"""For blobs and evidence alone."""


class NotKnown(TegulaError):
    """No token, or none that is valid here."""


class NotAllowed(TegulaError):
    """The token is valid, but not for this."""


class TooMany(TegulaError):
    """More than is let through in a time.

    Attributes:
        retry_after: seconds until it is worth another try, 1 at least.
    """

    def __init__(self, sentence: str, retry_after: int) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class Access:
    """
    Args:
        fixed: the tokens of tokens_file, which may do everything, without an end.
    """

    def __init__(
        self,
        fixed: Iterable[str],
        table: TokenTable,
        derive: Derive,
        clock: Callable[[], float] = time.time,
    ) -> None:
        everything = Token(OF_FILE, frozenset(Scope))
        self._fixed = {bearer.digest_of(secret): everything for secret in fixed}
        self._table = table
        self._derive = derive
        self._clock = clock
        self._believed: dict[bytes, tuple[Token, float]] = {}
        self._counts = FixedWindowRateLimiter(MemoryStorage())
        self._strange = RateLimitItemPerMinute(STRANGE_TRIES)

    async def admit(self, secret: str | None, scope: Scope, peer: str, workers: bool = False) -> Token:
        """
        Args:
            peer: address that the request comes from.
            workers: whether a worker's token will do.
        Raises:
            NotKnown, NotAllowed, TooMany: the message says what to do.
            StoreError: the database does not answer.
        """
        if not secret:
            raise NotKnown("want a requester's bearer token; ask the operator for one")
        if workers and self._derive.is_blob_token(secret):
            return WORKERS
        token = await self._known(bearer.digest_of(secret), peer)
        if token.revoked is not None:
            raise NotKnown(f"the token {token.name} was revoked; ask the operator for another one")
        if token.expires is not None and token.expires <= self._clock():
            raise NotKnown(f"the token {token.name} has expired; ask the operator for another one")
        if scope not in token.scopes:
            raise NotAllowed(
                f"the token {token.name} is for {', '.join(sorted(token.scopes))}, and this wants {scope};"
                " ask the operator for one that has it"
            )
        if token.requests is not None:
            each_minute = RateLimitItemPerMinute(token.requests)
            self._count(each_minute, token.name, f"{token.requests} requests a minute")
        return token

    async def _known(self, digest: bytes, peer: str) -> Token:
        if digest in self._fixed:
            return self._fixed[digest]
        token, until = self._believed.get(digest, (None, 0.0))
        if token is not None and until > self._clock():
            return token
        if not self._counts.test(self._strange, peer):
            wait = self._wait(self._strange, peer)
            raise TooMany(
                f"too many requests with unknown tokens from {peer}; try again in {wait} seconds", wait
            )
        found = await asyncio.to_thread(self._table.find, digest)
        if found is None:
            self._counts.hit(self._strange, peer)
            raise NotKnown("the token is not known here; ask the operator for one")
        if len(self._believed) >= MOST_BELIEVED:
            self._believed.clear()
        self._believed[digest] = found, self._clock() + BELIEVED_SECONDS
        return found

    def _count(self, limit: RateLimitItem, name: str, words: str) -> None:
        if not self._counts.hit(limit, name):
            wait = self._wait(limit, name)
            raise TooMany(f"the token {name} is for {words}; try again in {wait} seconds", wait)

    def _wait(self, limit: RateLimitItem, name: str) -> int:
        """Seconds, by the counter's own clock."""
        return max(1, ceil(self._counts.get_window_stats(limit, name).reset_time - time.time()))
