"""Home of limits: how much is let through in a time, in fixed windows.

Counts are this program's own: an heir begins with new ones.
"""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from math import ceil

from limits import RateLimitItem, RateLimitItemPerDay, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from tegula_coordinator.bearer import Token
from tegula_coordinator.refusals import TooMany

STRANGE_TRIES = 60
"""Requests a minute of one address with tokens that are not known: each is a look into the database."""
REFUSALS_NOTED = 100
"""Most an hour, of everybody together: whoever is refused must not fill the disk with it."""
SIGN_INS_EACH, SIGN_INS = 20, 120
"""Most messages to sign in a minute, for one address and for all. What is kept and noted of them is bounded
by it: people make fewer."""
SIGNED_IN_ENDS = 120
"""Most cancels and closes an hour of an account that has signed in: each is noted."""
LEAST_UPLOAD = 4096
"""Bytes that an upload counts for: so much a small file takes on a disk."""


@dataclass(frozen=True, slots=True)
class _Quota:
    limit: RateLimitItem
    whose: str
    """Name of a token or an address; empty for one that many share."""
    words: str


class Quotas:
    """What is too much raises TooMany.

    Args:
        all_bytes: most that accounts which have signed in may upload in a day, together.
    """

    def __init__(self, all_bytes: int) -> None:
        self._all_bytes = all_bytes
        self._counts = FixedWindowRateLimiter(MemoryStorage())
        self._refusals = RateLimitItemPerHour(REFUSALS_NOTED, namespace="refusals")
        self._ends = RateLimitItemPerHour(SIGNED_IN_ENDS, namespace="ends")

    def count_request(self, token: Token) -> None:
        if token.requests is not None:
            words = f"the token {token.name} is for {token.requests} requests a minute"
            self._count(_Quota(RateLimitItemPerMinute(token.requests), token.name, words), token.name)

    def count_end(self, token: Token) -> None:
        """Of a job, by an account that has signed in."""
        words = f"{token.name} is for {SIGNED_IN_ENDS} cancels and closes an hour"
        self._count(_Quota(self._ends, token.name, words), token.name)

    def count_sign_in(self, peer: str) -> None:
        """
        Args:
            peer: address that it is begun from.
        """
        for limit, whose, words in (
            (RateLimitItemPerMinute(SIGN_INS_EACH, namespace="sign in"), peer, f"by {peer}"),
            (RateLimitItemPerMinute(SIGN_INS, namespace="sign in"), "", "by all"),
        ):
            self._count(_Quota(limit, whose, f"{limit.amount} sign-ins a minute may be begun {words}"))

    def check_strange(self, peer: str) -> None:
        """Before a token that is not known yet is looked up."""
        quota = self._strange(peer)
        if not self._counts.test(quota.limit, quota.whose):
            raise self._too_many(quota)

    def count_strange(self, peer: str) -> None:
        """It was not found."""
        quota = self._strange(peer)
        self._counts.hit(quota.limit, quota.whose)

    def one_more_refusal(self) -> bool:
        """Whether it is still to be noted."""
        return self._counts.hit(self._refusals)

    async def uploading(
        self, token: Token, announced: int, chunks: AsyncIterator[bytes]
    ) -> AsyncIterator[bytes]:
        """An upload, held to the bytes of a day, at once if it was said how many come.

        Args:
            announced: bytes that it will have; 0 if that was not said.
        """
        quotas, owing = self._daily(token), LEAST_UPLOAD
        for quota in quotas:
            if not self._counts.test(quota.limit, quota.whose, cost=max(announced, owing)):
                raise self._too_many(quota, token.name)
        for quota in quotas:
            self._count(quota, token.name, owing)
        async for chunk in chunks:
            paid = min(owing, len(chunk))
            owing -= paid
            for quota in quotas:
                self._count(quota, token.name, len(chunk) - paid)
            yield chunk

    def _daily(self, token: Token) -> list[_Quota]:
        quotas = []
        if token.upload_bytes is not None:
            limit, words = RateLimitItemPerDay(token.upload_bytes), f"{token.upload_bytes} bytes a day"
            quotas.append(_Quota(limit, token.name, f"the token {token.name} is for {words}"))
        if token.signed_in:
            words = f"accounts that have signed in may send {self._all_bytes} bytes a day together"
            quotas.append(_Quota(RateLimitItemPerDay(self._all_bytes, namespace="signed in"), "", words))
        return quotas

    def _strange(self, peer: str) -> _Quota:
        limit = RateLimitItemPerMinute(STRANGE_TRIES, namespace="strange")
        return _Quota(limit, peer, f"too many requests with unknown tokens from {peer}")

    def _count(self, quota: _Quota, who: str = "", cost: int = 1) -> None:
        if not self._counts.hit(quota.limit, quota.whose, cost=cost):
            raise self._too_many(quota, who)

    def _too_many(self, quota: _Quota, who: str = "") -> TooMany:
        """With seconds by the counter's own clock."""
        left = self._counts.get_window_stats(quota.limit, quota.whose).reset_time - time.time()
        wait = max(1, ceil(left))
        return TooMany(f"{quota.words}; try again in {wait} seconds", wait, who)
