"""The coordinator's side towards requesters: checks what they bring before the book hears of it."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import structlog

from tegula_coordinator import events, views
from tegula_coordinator.bearer import Token
from tegula_coordinator.blobs import Blobs
from tegula_coordinator.book import Book, Job, shelf
from tegula_coordinator.bookkeeper import Bookkeeper
from tegula_coordinator.evidence import EvidenceFolder
from tegula_coordinator.presence import Presence
from tegula_coordinator.retention import Told
from tegula_coordinator.store import Recorded
from tegula_coordinator.tiles import sizes
from tegula_market import auction, codec, messages, tiling, vouchers
from tegula_market.adapters import chain, signing
from tegula_market.codec import MalformedInput
from tegula_market.digests import digest
from tegula_market.lifecycle import FINISHED
from tegula_market.model import (
    Address,
    Digest,
    JobId,
    Order,
    SceneManifest,
    Signature,
    SignedVoucher,
    TegulaError,
    Voucher,
    Wei,
)

log = structlog.get_logger(__name__)

MAX_UNITS = 200_000
"""Tiles of one job: an hour of film in 4K frames of one tile each."""
NO_SUCH_JOB = "there is no such job here"


class NoSuchJob(TegulaError):
    """No job of that id was ever opened here."""


class Forgotten(TegulaError):
    """It is over since long, and nothing of its tiles is left."""


class NotTheirs(TegulaError):
    """An order of a job that the token does not reach."""


class NotFunded(TegulaError):
    """The escrow does not hold what the order can cost."""


class NoRoot(TegulaError):
    """The job's workers are paid by vouchers alone."""


class TooEarly(TegulaError):
    """What can be had once nobody can gain by it any more."""


class NotAcceptable(TegulaError):
    """A request that is well formed but cannot be served."""


class Desk:
    def __init__(
        self,
        keeper: Bookkeeper,
        blobs: Blobs,
        kept: EvidenceFolder,
        escrow: chain.Escrow,
        key: signing.Key,
        contact: dict[str, Any],
    ) -> None:
        self.blobs = blobs
        self._kept = kept
        self._keeper = keeper
        self._escrow = escrow
        self._key = key
        self._contact = contact
        self.presence = Presence()
        self.told = Told()
        self._start = secrets.token_hex(8)

    @property
    def book(self) -> Book:
        return self._keeper.book

    @property
    def address(self) -> Address:
        """Of the key that co-signs vouchers."""
        return self._key.address

    @property
    def domain(self) -> vouchers.Domain:
        return self._escrow.domain

    def about(self) -> dict[str, Any]:
        """Where and who this coordinator is; `contact` has the router's endpoint and key, and the arbiter."""
        domain = self._escrow.domain
        return {
            "version": version("tegula-coordinator"),
            "protocol": messages.PROTOCOL.decode(),
            "coordinator": codec.encode(self._key.address),
            "chain_id": domain.chain_id,
            "escrow": codec.encode(domain.escrow),
            **self._contact,
        }

    def missing(self, digests: Iterable[Digest]) -> list[Digest]:
        """Blobs that are not here; the others will be for a while. Blocks."""
        asked = list(digests)
        with self.told.telling(asked) as here:  # or it could be swept between
            missing = self.blobs.missing(asked)
            here.update(set(asked).difference(missing))
        return missing

    def find(self, job: JobId) -> Job:
        try:
            return self.book.jobs[job]
        except KeyError as error:
            raise NoSuchJob(NO_SUCH_JOB) from error

    def find_for(self, caller: Token, job: JobId) -> Job:
        """Raises: NoSuchJob: there is none, or it is somebody else's: who asks is not to learn which."""
        found = self.find(job)
        if not caller.reaches(found.order.terms.requester, found.opener):
            raise NoSuchJob(NO_SUCH_JOB)
        return found

    def hear(self, job: JobId) -> None:
        """A word of the job's requester, whatever it says."""
        if job in self.book.live:
            self.presence.hear(job)

    def _remembered(self, job: JobId) -> Job:
        """Raises: NoSuchJob, Forgotten."""
        found = self.find(job)
        if found.forgotten:
            raise Forgotten(
                "the job is over since long, and its tiles are forgotten; what its workers have earned is"
                " kept for them"
            )
        return found

    async def whole(self, job: Job) -> Job:
        """As `shelf.whole`. Workers are heard meanwhile."""
        return job if job.away is None else await asyncio.to_thread(shelf.whole, job)

    async def show(self, job: JobId, since: str) -> dict[str, Any]:
        """The job as its requester may see it.

        Args:
            since: the mark of an earlier view, whose units are left out if they have not changed.

        Raises:
            NoSuchJob, Forgotten: there is none, or nothing of its tiles is left.
        """
        found = self._remembered(job)
        try:
            root = await self._root(found)
        except chain.ChainError:
            root = self._last_root(found)
        view = views.job(self.book, await self.whole(found), self._keeper.seq, self._clock(since), root)
        return {**view, "mark": f"{self._start}-{found.clock}"}

    def show_root(self, job: JobId) -> dict[str, Any]:
        """Raises: NoRoot: none, or no such job: anybody asks here, and is not to learn which."""
        found = self.book.jobs.get(job)
        if found is None or found.root is None:
            raise NoRoot("no job of that id has a root here: its workers are paid by vouchers")
        return views.root(found, found.root)

    async def _root(self, job: Job) -> views.RootView | None:
        """As the chain has it now: a dispute moves the time, a claim by voucher what a close has to leave."""
        if job.root is None or job.id not in self.book.live:
            return self._last_root(job)
        account, root = await asyncio.to_thread(self._rooted, job.id)
        if root is None:  # voided, of which the book hears in a moment
            return None
        kept = max(job.ledger.total_owed, Wei(account.paid + root.reserved))
        return views.RootView(root.hash, root.reserved, root.final_at, kept)

    def _last_root(self, job: Job) -> views.RootView | None:
        """As the book has it."""
        if job.root is None:
            return None
        owed = job.ledger.total_owed if job.closed is None else job.closed
        return views.RootView(job.root.hash, job.root.reserve, job.root.final_at, owed)

    def _rooted(self, job: JobId) -> tuple[chain.Account, chain.Root | None]:
        """Blocks."""
        return self._escrow.account(job), self._escrow.root(job)

    def _clock(self, mark: str) -> int:
        """The job's, when the mark was given; -1 if that was before this start.

        A view can show what is not on disk yet. Were the coordinator killed then, its clock would come to the
        same number by another way.
        """
        start, _, clock = mark.partition("-")
        return int(clock) if start == self._start and clock.isdecimal() else -1

    async def events_of(self, job: JobId, after: int, wait: float) -> list[Recorded]:
        return await self._keeper.events_of(job, after, wait)

    def lacks(self, after: int, found: Sequence[Recorded]) -> bool:
        """Whether the log may have had more of the job beyond `after`, which was cut."""
        return self._keeper.lacks(after, found)

    async def show_evidence(self, job: JobId, unit: int, attempt: int, path: Path) -> None:
        """Writes the bundle of a verdict at `path`.

        Raises:
            NoSuchJob, Forgotten, NoEvidence: there is none.
            TooEarly: the tile is not finished. A bundle can hold all of it as a verifier rendered it, and
                whoever gets the next lease would only have to deliver that.
        """
        units = (await self.whole(self._remembered(job))).units
        if 0 <= unit < len(units) and units[unit].phase not in FINISHED:
            raise TooEarly("the tile is not finished; ask again when it is accepted, or the job has ended")
        await asyncio.to_thread(self._kept.bundle, job, unit, attempt, path)

    def check_owner(self, caller: Token, order: Order) -> None:
        """Raises: NotTheirs: the job would be, or is, one that the token does not reach."""
        known = self.book.jobs.get(chain.job_id(order.terms))
        if caller.reaches(order.terms.requester, caller.name if known is None else known.opener):
            return
        if caller.account is not None:
            raise NotTheirs(
                f"the token {caller.name} is of the account {codec.encode(caller.account)}, and the order's"
                " terms name another requester; order with a token of theirs"
            )
        raise NotTheirs(
            f"the job was opened with another token than {caller.name}; go on with that one, or ask the"
            " operator for one of the requester's account"
        )

    async def open_job(
        self, order: Order, signature: Signature, opener: str, note: Callable[[], Awaitable[None]]
    ) -> JobId:
        """Takes an order whose deposit is on chain. Taking the same order again changes nothing.

        Args:
            opener: name of the token that it came with.
            note: called before the job is opened, once all is as it should be.
        Raises:
            NotFunded: the deposit is not there or too small.
            NotAcceptable: another coordinator's, too late, too large, wrongly signed, blobs missing.
        """
        job = chain.job_id(order.terms)
        order_digest = digest(codec.dumps(order))
        known = self.book.jobs.get(job)
        if known is not None and known.order == order:
            return job
        await asyncio.to_thread(self.check, order)  # cutting a frame by a map takes some tens of ms
        payload = vouchers.order_payload(self._escrow.domain, job, order_digest)
        if signing.recover(payload, signature) != order.terms.signer:
            raise NotAcceptable("the order is not signed by the session key that its terms name")
        await asyncio.to_thread(self._check_blobs, order)
        funded = await asyncio.to_thread(self._check_deposit, order, job)
        await note()
        opened = events.JobOpened(time.time(), job, order, order_digest, signature, funded, opener)
        await self._keeper.record(opened)
        log.info("job opened", job=job.hex(), units=tiling.count(order))
        return job

    async def take_voucher(self, job: JobId, worker: Address, cumulative: Wei, signature: Signature) -> None:
        """Adds the coordinator's signature to the requester's and hands the voucher to the worker."""
        found = self.find(job)
        voucher = Voucher(job, worker, cumulative)
        if found.ledger.paid.get(worker, 0) >= cumulative:
            return  # a voucher for this much is out already
        payload = vouchers.voucher_payload(self._escrow.domain, voucher)
        self._check_session(found, payload, signature)
        signed = SignedVoucher(voucher, signature, signing.sign(payload, self._key))
        await self._keeper.record(events.VoucherSigned(time.time(), signed))

    async def cancel(self, job: JobId, reason: str) -> None:
        self.find(job)
        await self._keeper.record(events.JobCancelled(time.time(), job, reason))
        log.info("job cancelled", job=job.hex())

    async def close(self, job: JobId, owed: Wei, signature: Signature) -> Signature:
        """The coordinator's signature under a close, with which the rest of the deposit returns at once."""
        found = self.find(job)
        payload = vouchers.close_payload(self._escrow.domain, job, owed)
        self._check_session(found, payload, signature)
        ours = signing.sign(payload, self._key)
        if job in self.book.live:
            await self._check_owed(found, owed)
            await self._keeper.record(events.JobClosed(time.time(), job, owed, ours))
            self.presence.forget(job)
            log.info("job closed", job=job.hex(), owed=owed)
        elif found.closed != owed:
            raise NotAcceptable(f"the job is closed, with {found.closed} owed and not {owed}")
        return ours

    async def _check_owed(self, job: Job, owed: Wei) -> None:
        """Where there is a root; else the book knows all of it."""
        root = await self._root(job)
        if root is not None and owed != root.owed:
            raise NotAcceptable(f"with the root, {root.owed} has to be left for workers, not {owed}")

    def _check_session(self, job: Job, payload: dict[str, Any], signature: Signature) -> None:
        if signing.recover(payload, signature) != job.order.terms.signer:
            raise NotAcceptable("the signature is not of the job's session key")

    def check(self, order: Order) -> None:
        """Raises: NotAcceptable: another coordinator's, too late or too large."""
        if order.terms.coordinator != self._key.address:
            raise NotAcceptable("the terms name another coordinator; ask /v1/about for this one's address")
        if order.terms.deadline <= time.time():
            raise NotAcceptable("the deadline has passed; order again with a later one")
        units = tiling.count(order)
        if not 1 <= units <= MAX_UNITS:
            raise NotAcceptable(f"the order has {units} tiles; 1 to {MAX_UNITS} can be taken")

    def _check_blobs(self, order: Order) -> None:
        """Blocks: looks at files."""
        try:
            with self.blobs.at_hand([order.scene.manifest]) as find:
                manifest = codec.loads(SceneManifest, find(order.scene.manifest).read_bytes())
        except FileNotFoundError as error:
            raise NotAcceptable("the scene's manifest is not uploaded") from error
        except MalformedInput as error:
            raise NotAcceptable(f"the scene's manifest is not one: {error}") from error
        missing = self.missing([order.scene.manifest, *(file.digest for file in manifest.files)])
        if missing:
            raise NotAcceptable(f"{len(missing)} files of the scene are not uploaded")
        if manifest.blend not in {file.path for file in manifest.files}:
            raise NotAcceptable("the scene's manifest does not list its .blend")

    def _check_deposit(self, order: Order, job: JobId) -> Wei:
        """Blocks: asks the chain."""
        account = self._escrow.account(job)
        budget = auction.most(sizes(order), order.ceiling)
        if not account.open:
            raise NotFunded("the escrow has no open job of these terms; open and fund it first")
        if account.funded < budget:
            raise NotFunded(
                f"the escrow holds {account.funded} for this job; at its ceiling it can cost {budget}"
            )
        return account.funded
