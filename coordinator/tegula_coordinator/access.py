"""Lets requesters and workers in: by the operator's tokens_file, the database, or what was given to a worker,
or to an account that has signed in.

What the database says is believed for a few seconds, so a token is revoked within that time and a request
rarely waits for the database. Counts are this program's own: an heir begins with new ones.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Container, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from math import ceil
from weakref import WeakValueDictionary

from limits import RateLimitItem, RateLimitItemPerDay, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from tegula_coordinator import bearer
from tegula_coordinator.bearer import Scope, Token
from tegula_coordinator.derive import Derive
from tegula_coordinator.store import Act, AuditLog, Entry, TokenTable
from tegula_market import codec
from tegula_market.model import Digest, JobId, TegulaError, WorkerId

BELIEVED_SECONDS = 5.0
MOST_BELIEVED = 10_000
STRANGE_TRIES = 60
"""Requests a minute of one address with tokens that are not known: each is a look into the database."""
REFUSALS_NOTED = 100
"""Most an hour, of everybody together: whoever is refused must not fill the disk with it."""
SIGN_INS_EACH, SIGN_INS = 20, 120
"""Most messages to sign in a minute, for one address and for all."""
SIGNED_IN_ENDS = 120
"""Most ends of jobs an hour that are noted of an account that has signed in. Its uploads are bounded by their
bytes, and its orders by what they cost: they are noted once their deposit is seen."""
ENDS = frozenset({Act.CANCEL, Act.CLOSE})
JOB_ENDS_SECONDS = 60
"""After which it is worth another look whether a job has ended."""
LEAST_UPLOAD = 4096
"""Bytes that an upload counts for: so much a small file takes on a disk."""
OF_FILE = "tokens_file"
WORKERS = "worker-"
"""Before the beginning of their keys: what workers are called here."""
ACCOUNTS = "0x"
"""Before the digits of their addresses: what accounts that have signed in are called here."""
FOR_WORKERS = frozenset({Scope.READ, Scope.ORDER, Scope.ALL})
"""Where they are let in, which is at blobs and evidence, jobs are everybody's."""


class Refusal(TegulaError):
    """
        Refusal
        ├── NotKnown
        ├── NotAllowed
        └── TooMany

    Attributes:
        who: name of the token; empty if it is not known.
    """

    def __init__(self, sentence: str, who: str = "") -> None:
        super().__init__(sentence)
        self.who = who


class NotKnown(Refusal):
    """No token, or none that is valid here."""


class NotAllowed(Refusal):
    """The token is valid, but not for this."""


class TooMany(Refusal):
    """More than is let through in a time, or at once.

    Attributes:
        retry_after: seconds until it is worth another try, 1 at least.
    """

    def __init__(self, sentence: str, retry_after: int, who: str = "") -> None:
        super().__init__(sentence, who)
        self.retry_after = retry_after


class Access:
    """
    Args:
        fixed: the tokens of tokens_file, which may do everything to all jobs, without an end.
        banned: whether the operator has banned a worker.
        signed_in: what somebody may do who signed in with an account and got that token; None if it is none.
        all_bytes: most that accounts which have signed in may upload in a day, together.
    """

    def __init__(
        self,
        fixed: Iterable[str],
        table: TokenTable,
        audit: AuditLog,
        derive: Derive,
        banned: Callable[[WorkerId], bool],
        signed_in: Callable[[str], Token | None],
        all_bytes: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._fixed = {
            digest: Token(OF_FILE, frozenset(Scope), digest=digest) for digest in map(bearer.digest_of, fixed)
        }
        self._table = table
        self._audit = audit
        self._derive = derive
        self._banned = banned
        self._signed_in = signed_in
        self._all_bytes = all_bytes
        self._clock = clock
        self._believed: dict[bytes, tuple[Token, float]] = {}
        self._believed_revoked: dict[str, tuple[bool, float]] = {}
        self._counts = FixedWindowRateLimiter(MemoryStorage())
        self._strange = RateLimitItemPerMinute(STRANGE_TRIES, namespace="strange")
        self._refusals = RateLimitItemPerHour(REFUSALS_NOTED, namespace="refusals")
        self._ends = RateLimitItemPerHour(SIGNED_IN_ENDS, namespace="ends")
        self._turns = WeakValueDictionary[str, asyncio.Lock]()
        """In which a token opens one job after the other."""
        self._noting = asyncio.Lock()
        """SQLite's writers do not queue: among many one can wait for too long, and one is the event log."""

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
        digest = bearer.digest_of(secret)
        worker = self._derive.worker_of(secret) if workers else None
        if worker is not None:
            return self._worker(worker, scope, digest)
        token = self._signed_in(secret) or await self._known(digest, peer)
        another = "sign in again" if token.signed_in else "ask the operator for another one"
        if token.expires is not None and token.expires <= self._clock():
            raise NotKnown(f"the token {token.name} has expired; {another}", token.name)
        await self.check_not_revoked(token)
        if scope not in token.scopes:
            raise NotAllowed(
                f"the token {token.name} is for {', '.join(sorted(token.scopes))}, and this wants {scope};"
                " ask the operator for one that has it",
                token.name,
            )
        if token.requests is not None:
            words = f"the token {token.name} is for {token.requests} requests a minute"
            self._count(_Quota(RateLimitItemPerMinute(token.requests), token.name, words), token.name)
        return token

    async def check_not_revoked(self, token: Token) -> None:
        """Raises: NotKnown: the operator has taken it back, or shut out the account that signed in."""
        revoked = await self._revoked(token.name) if token.signed_in else token.revoked is not None
        if revoked:
            what = "account" if token.signed_in else "token"
            raise NotKnown(f"the {what} {token.name} was revoked; ask the operator for a token", token.name)

    async def note(self, token: Token, act: Act, subject: str, detail: str = "") -> None:
        """Into the audit log, before it is done: so nothing that was done is missing there.

        Raises:
            TooMany: an account that has signed in would fill the disk with it.
            StoreError: it cannot be written, and the act must not follow.
        """
        if token.signed_in and act in ENDS:
            words = f"{token.name} is for {SIGNED_IN_ENDS} cancels and closes an hour"
            self._count(_Quota(self._ends, token.name, words), token.name)
        await self._write(Entry(self._clock(), token.name, act, subject, detail))

    async def note_upload(self, token: Token, blob: Digest, size: int) -> None:
        """That it begins; of workers it is not noted: it happens with each tile, and the event log has those.

        Args:
            size: as it was said, in bytes; 0 if it was not.
        """
        if not token.worker:
            await self.note(token, Act.UPLOAD, codec.encode(blob), f"{size} bytes" if size else "")

    async def note_refusal(self, refusal: Refusal, peer: str, path: str) -> None:
        """Into the audit log, as long as there are not too many."""
        if self._counts.hit(self._refusals):
            await self._write(Entry(self._clock(), refusal.who or peer, Act.REFUSED, path, str(refusal)))

    @asynccontextmanager
    async def ordering(self, token: Token, job: JobId, live: Container[JobId]) -> AsyncIterator[None]:
        """While a job is opened, and noted: one after the other, where their number is limited.

        Args:
            live: the jobs that are open. This one may be among them: an order can be sent again.
        Raises:
            TooMany: the token's jobs are all open.
        """
        if token.jobs is None:
            yield
            return
        async with self._turns.setdefault(token.name, asyncio.Lock()):
            ordered = await asyncio.to_thread(self._audit.subjects, token.name, Act.ORDER)
            jobs = {codec.decode(JobId, each, "job") for each in ordered}
            if job not in live and sum(each in live for each in jobs) >= token.jobs:
                raise TooMany(
                    f"the token {token.name} is for {token.jobs} open jobs; close or cancel one first",
                    JOB_ENDS_SECONDS,
                    token.name,
                )
            yield

    async def counted(
        self, token: Token, announced: int, chunks: AsyncIterator[bytes]
    ) -> AsyncIterator[bytes]:
        """An upload, held to the bytes that the token may send in a day.

        Args:
            announced: bytes that it will have; 0 if that was not said.
        Raises:
            TooMany: it is more, at once if it was said.
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

    def _daily(self, token: Token) -> list["_Quota"]:
        quotas = []
        if token.upload_bytes is not None:
            limit, words = RateLimitItemPerDay(token.upload_bytes), f"{token.upload_bytes} bytes a day"
            quotas.append(_Quota(limit, token.name, f"the token {token.name} is for {words}"))
        if token.signed_in:
            words = f"accounts that have signed in may send {self._all_bytes} bytes a day together"
            quotas.append(_Quota(RateLimitItemPerDay(self._all_bytes, namespace="signed in"), "", words))
        return quotas

    def _worker(self, worker: WorkerId, scope: Scope, digest: bytes) -> Token:
        """Who is banned may go on fetching: there may be evidence of what it was banned for."""
        name = f"{WORKERS}{worker.hex()[:32]}"
        if scope is Scope.ORDER and self._banned(worker):
            raise NotAllowed("the operator has banned this worker, so it uploads nothing", name)
        return Token(name, FOR_WORKERS, worker=True, digest=digest)

    async def _write(self, entry: Entry) -> None:
        async with self._noting:
            await asyncio.to_thread(self._audit.add, entry)

    async def _known(self, digest: bytes, peer: str) -> Token:
        if digest in self._fixed:
            return self._fixed[digest]
        token, until = self._believed.get(digest, (None, 0.0))
        if token is not None and until > self._clock():
            return token
        # Who was known here before is no stranger: others behind the same proxy must not keep it out.
        if token is None and not self._counts.test(self._strange, peer):
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
        found = replace(found, digest=digest)
        self._believed[digest] = found, self._clock() + BELIEVED_SECONDS
        return found

    def count_sign_in(self, peer: str) -> None:
        """Raises: TooMany: more are begun than would be by people. What is kept of them is bounded by it."""
        for limit, whose, words in (
            (RateLimitItemPerMinute(SIGN_INS_EACH, namespace="sign in"), peer, f"by {peer}"),
            (RateLimitItemPerMinute(SIGN_INS, namespace="sign in"), "", "by all"),
        ):
            self._count(_Quota(limit, whose, f"{limit.amount} sign-ins a minute may be begun {words}"), "")

    async def _revoked(self, name: str) -> bool:
        said, until = self._believed_revoked.get(name, (False, 0.0))
        if until > self._clock():
            return said
        said = await asyncio.to_thread(self._table.revoked, name)
        if len(self._believed_revoked) >= MOST_BELIEVED:
            self._believed_revoked.clear()
        self._believed_revoked[name] = said, self._clock() + BELIEVED_SECONDS
        return said

    def _count(self, quota: "_Quota", name: str, cost: int = 1) -> None:
        if not self._counts.hit(quota.limit, quota.whose, cost=cost):
            raise self._too_many(quota, name)

    def _too_many(self, quota: "_Quota", name: str) -> TooMany:
        wait = self._wait(quota.limit, quota.whose)
        return TooMany(f"{quota.words}; try again in {wait} seconds", wait, name)

    def _wait(self, limit: RateLimitItem, whose: str) -> int:
        """Seconds, by the counter's own clock."""
        return max(1, ceil(self._counts.get_window_stats(limit, whose).reset_time - time.time()))


@dataclass(frozen=True, slots=True)
class _Quota:
    limit: RateLimitItem
    whose: str
    """Name of the token; empty for one that many share."""
    words: str
