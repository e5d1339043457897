"""The running worker: carries out what the session commands, in one task group.

One task hears the coordinator and one speaks to it, so that neither waits behind a render or an upload.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, TypeAlias, assert_never

import structlog

from tegula_market import codec, messages, tiling
from tegula_market.adapters.blobs import BlobClient
from tegula_market.adapters.wire import Dealer
from tegula_market.codec import MalformedInput
from tegula_market.model import Lease, LeaseId, Order, TegulaError
from tegula_market.vouchers import Domain
from tegula_worker.books import Books
from tegula_worker.claims import Claims
from tegula_worker.commands import (
    Command,
    Consider,
    DropResult,
    EndJob,
    KeepEvidence,
    KeepOrder,
    KeepResult,
    KeepRoot,
    KeepVoucher,
    NoteLoss,
    NoteVerdict,
    Quit,
    Reprobe,
    Say,
    Stop,
    UseToken,
    Work,
)
from tegula_worker.display import Display
from tegula_worker.events import (
    Considered,
    Drained,
    Equipped,
    Event,
    Finished,
    Heard,
    Paused,
    Repriced,
    Resumed,
    Started,
    Ticked,
)
from tegula_worker.evidence import EvidenceFolder
from tegula_worker.notes import note
from tegula_worker.policy import tiles_of
from tegula_worker.prudence import Prudence
from tegula_worker.rendering import REMEDY, Workshop
from tegula_worker.room import NoRoom
from tegula_worker.session import Session, step
from tegula_worker.store import Store
from tegula_worker.wallet import Wallet
from tegula_worker.watch import Watch

COLLECT_SECONDS = 15.0
"""Between two looks at what is due."""
WATCH_SECONDS = 5.0
"""Between two looks at the machine."""
PRICE_SECONDS = 60.0
"""Between two looks at what the pricing rules say: a price that follows the market moves with every lease,
and each change is an event in the coordinator's log."""
OUTAGE_SECONDS = 600.0
"""For which blobs wait for a coordinator, or for its store: a new version or a new disk takes some minutes. A
tile that is given back for want of an answer was rendered in vain, and a job fails whose only worker does."""
SHORTEST_BEAT = 0.02
"""Seconds; a coordinator cannot make a worker spin."""

Answer: TypeAlias = messages.Deliver | messages.Return | messages.Probed | messages.ProbeFailed

log = structlog.get_logger(__name__)


class NotWanted(TegulaError):
    """The coordinator refuses this worker, or it has nothing left to render on; the message says why."""


class _Over(Exception):
    """Ends the task group."""


class Agent:
    def __init__(
        self,
        session: Session,
        dealer: Dealer,
        prudence: Prudence,
        workshop: Workshop,
        wallet: Wallet,
        store: Store,
        evidence: EvidenceFolder,
        domain: Domain,
        books: Books,
        watch: Watch,
        changes: "asyncio.Queue[Equipped]",
        display: Display,
    ) -> None:
        """
        Args:
            changes: of the devices.
        """
        self._session = session
        self._dealer = dealer
        self._prudence = prudence
        self._workshop = workshop
        self._wallet = wallet
        self._store = store
        self._evidence = evidence
        self._domain = domain
        self._books = books
        self._watch = watch
        self._changes = changes
        self._display = display
        self._claims = Claims(wallet, books, prudence.config)
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._working: dict[LeaseId, asyncio.Task[None]] = {}
        self._welcomed = asyncio.Event()
        self._refusal = ""
        self._token: str | None = None
        """For blobs, as the coordinator said it last; whatever it says is a token."""

    def drain(self) -> None:
        """Take nothing new, say goodbye, come to an end."""
        self._events.put_nowait(Drained())

    async def converse(self) -> None:
        """Until drained.

        Raises:
            NotWanted: the coordinator refuses this worker, or the last device is set aside.
        """
        self._events.put_nowait(Started(time.monotonic()))
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listen())
                tasks.create_task(self._beat())
                tasks.create_task(self._collect())
                tasks.create_task(self._look())
                tasks.create_task(self._attend())
                if not self._prudence.config.verifier:
                    tasks.create_task(self._price())
                await self._mind(tasks)
        except* _Over:
            pass
        finally:
            self._workshop.close()
        if self._refusal:
            raise NotWanted(self._refusal)

    async def _mind(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            self._session, commands = step(self._session, await self._events.get())
            for command in commands:
                self._display.note(command)
                if not await self._attempt(command, tasks):
                    break

    async def _attempt(self, command: Command, tasks: asyncio.TaskGroup) -> bool:
        """Whether what comes after it is to be done, too."""
        try:
            await self._carry_out(command, tasks)
        except NoRoom as error:
            # A result is said all the same, being in memory and uploaded. An ask is not: vouchers would come
            # to nothing. All is called for and paid out anew with the HELLO after the pause for the disk.
            log.warning("disk full", reason=str(error), remedy=REMEDY)
            return not isinstance(command, KeepOrder)
        return True

    async def _listen(self) -> None:
        while True:
            try:
                message = await self._dealer.receive()
            except MalformedInput as error:
                log.warning("malformed message", reason=str(error))
                continue
            note(message)
            self._events.put_nowait(Heard(time.monotonic(), message))

    async def _beat(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(max(self._session.heartbeat, SHORTEST_BEAT)):
                    await self._welcomed.wait()  # from now on in the coordinator's own time
            self._welcomed.clear()
            self._events.put_nowait(Ticked(time.monotonic()))
            await asyncio.to_thread(self._display.show, self._session)

    async def _attend(self) -> None:
        while True:
            self._events.put_nowait(await self._changes.get())

    async def _collect(self) -> None:
        """Again and again: a claim can fail, and a deadline passes without anybody's word."""
        while True:
            await self._claims.collect()
            await asyncio.sleep(COLLECT_SECONDS)

    async def _look(self) -> None:
        """Pauses and goes on as the watch says."""
        while True:
            before = self._watch.why
            now = await asyncio.to_thread(self._watch.look)
            if now and not before:
                log.info("paused", code=now.code.value, reason=now.sentence)
                self._events.put_nowait(Paused(int(time.time())))
            elif before and not now:
                log.info("goes on")
                self._events.put_nowait(Resumed(time.monotonic()))
            await asyncio.sleep(WATCH_SECONDS)

    async def _price(self) -> None:
        before = None
        while True:
            price = await self._prudence.at_present()
            if price != before:
                log.info("price", megasample=price)
                before = price
            self._events.put_nowait(Repriced(self._prudence.config.token, price))
            await asyncio.sleep(PRICE_SECONDS)

    async def _carry_out(self, command: Command, tasks: asyncio.TaskGroup) -> None:
        match command:
            case Say(message):
                await self._dealer.send(message)
            case UseToken(token):
                self._welcomed.set()
                if token != self._token:
                    self._token = token
                    blobs = BlobClient(self._prudence.config.coordinator, token, OUTAGE_SECONDS)
                    self._workshop.use(blobs)
                    self._evidence.use(blobs)
            case Consider(call):
                tasks.create_task(self._consider(call))
            case KeepOrder(job, order, price):
                await asyncio.to_thread(self._wallet.keep_order, job, self._domain, order)
                await asyncio.to_thread(self._books.ask, job, order, price)
            case NoteLoss(loss):
                await asyncio.to_thread(self._books.lose, loss.job, loss.code, loss.reason)
            case NoteVerdict(messages.Decided(verdict, cumulative)):
                await asyncio.to_thread(self._books.judge, verdict, cumulative)
            case Work(lease, order):
                self._begin(lease.id, partial(self._work, lease, order), tasks)
            case Reprobe(probe):
                self._begin(probe.lease, partial(self._workshop.probe, probe), tasks)
            case Stop(lease_id):
                if task := self._working.get(lease_id):
                    task.cancel()
            case KeepResult(result):
                log.info("tile rendered", lease=result.lease, seconds=round(result.render_seconds, 3))
                await asyncio.to_thread(self._store.keep_result, result)
            case DropResult(lease_id):
                await asyncio.to_thread(self._store.drop_result, lease_id)
            case KeepEvidence(lease_id):
                tasks.create_task(self._evidence.keep(lease_id))
            case KeepVoucher():
                await self._bank(command)
                tasks.create_task(self._claims.collect())  # its ENDED may have come before
            case KeepRoot(said):
                await self._bank_root(said)
                tasks.create_task(self._claims.collect())
            case EndJob(job_id):
                await asyncio.to_thread(self._wallet.end, job_id)
                tasks.create_task(self._claims.collect())
            case Quit(refusal):
                self._refusal = refusal
                raise _Over
            case _:
                assert_never(command)

    def _begin(
        self, lease: LeaseId, work: Callable[[], Coroutine[Any, Any, Answer]], tasks: asyncio.TaskGroup
    ) -> None:
        async def finish() -> None:
            self._events.put_nowait(Finished(lease, await work()))

        task = self._working[lease] = tasks.create_task(finish())
        task.add_done_callback(partial(self._done, lease))

    def _done(self, lease: LeaseId, task: asyncio.Task[None]) -> None:
        if self._working.get(lease) is task:  # a probe may be asked for again while this one is being stopped
            del self._working[lease]

    async def _work(self, lease: Lease, order: Order) -> messages.Deliver | messages.Return:
        no = await self._prudence.objection(lease, order)
        if no:
            await asyncio.to_thread(self._books.refuse, "lease", no)
            return messages.Return(lease.id, "NOT_SAFE", codec.line(no.sentence))
        size = tiling.size(tiles_of(order)[lease.unit], order.scene)
        await asyncio.to_thread(self._books.win, size, lease.price)
        answer = await self._workshop.work(lease, order)
        await asyncio.to_thread(self._books.finish, size, answer)
        return answer

    async def _consider(self, call: messages.Call) -> None:
        answer = await self._prudence.consider(call)
        if isinstance(answer, messages.AskFor):
            self._events.put_nowait(Considered(call.order, answer))
            return
        log.info("job declined", job=call.job.hex(), code=answer.code.value, reason=answer.sentence)
        await asyncio.to_thread(self._books.refuse, "call", answer)
        self._events.put_nowait(
            Considered(call.order, messages.Decline(call.job, codec.line(answer.sentence)))
        )

    async def _bank(self, command: KeepVoucher) -> None:
        voucher = command.signed.voucher
        reason = await asyncio.to_thread(self._wallet.bank, command.signed)
        if reason:
            log.warning("voucher refused", job=voucher.job.hex(), reason=reason)
            await asyncio.to_thread(self._books.refuse_voucher, voucher.job, reason)
        else:
            log.info("voucher", job=voucher.job.hex(), cumulative=voucher.cumulative)

    async def _bank_root(self, said: messages.Rooted) -> None:
        reason = await asyncio.to_thread(self._wallet.bank_root, said)
        if reason:
            log.warning("root refused", job=said.job.hex(), reason=reason)
            await asyncio.to_thread(self._books.refuse_voucher, said.job, f"root: {reason}")
