"""Lets requesters and workers in: by the operator's tokens_file, the database, or what was given to a worker,
or to an account that has signed in.

What the database says is believed for a few seconds, so a token is revoked within that time and a request
rarely waits for the database.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Container, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from weakref import WeakValueDictionary

from tegula_coordinator import bearer
from tegula_coordinator.bearer import Scope, Token
from tegula_coordinator.derive import Derive
from tegula_coordinator.quotas import Quotas
from tegula_coordinator.refusals import NotAllowed, NotKnown, Refusal, TooMany
from tegula_coordinator.store import Act, AuditLog, Entry, TokenTable
from tegula_market import codec
from tegula_market.model import Digest, JobId, WorkerId

BELIEVED_SECONDS = 5.0
MOST_BELIEVED = 10_000
ENDS = frozenset({Act.CANCEL, Act.CLOSE})
"""Of jobs, which are noted of whoever has signed in up to a number: orders are noted once they are paid."""
JOB_ENDS_SECONDS = 60
"""After which it is worth another look whether a job has ended."""
OF_FILE = "tokens_file"
WORKERS = "worker-"
"""Before the beginning of their keys: what workers are called here."""
ACCOUNTS = "0x"
"""Before the digits of their addresses: what accounts that have signed in are called here."""
FOR_WORKERS = frozenset({Scope.READ, Scope.ORDER, Scope.ALL})
"""Where they are let in, which is at blobs and evidence, jobs are everybody's."""


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
        self.quotas = Quotas(all_bytes)
        self._clock = clock
        self._believed: dict[bytes, tuple[Token, float]] = {}
        self._believed_revoked: dict[str, tuple[bool, float]] = {}
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
        self.quotas.count_request(token)
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
            self.quotas.count_end(token)
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
        if self.quotas.one_more_refusal():
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
        if token is None:
            self.quotas.check_strange(peer)
        found = await asyncio.to_thread(self._table.find, digest)
        if found is None:
            self.quotas.count_strange(peer)
            raise NotKnown("the token is not known here; ask the operator for one")
        if len(self._believed) >= MOST_BELIEVED:
            self._believed.clear()
        found = replace(found, digest=digest)
        self._believed[digest] = found, self._clock() + BELIEVED_SECONDS
        return found

    async def _revoked(self, name: str) -> bool:
        said, until = self._believed_revoked.get(name, (False, 0.0))
        if until > self._clock():
            return said
        said = await asyncio.to_thread(self._table.revoked, name)
        if len(self._believed_revoked) >= MOST_BELIEVED:
            self._believed_revoked.clear()
        self._believed_revoked[name] = said, self._clock() + BELIEVED_SECONDS
        return said
