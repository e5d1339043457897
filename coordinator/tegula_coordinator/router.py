"""The coordinator's side towards workers: hears what they say, carries out what the book commands."""

import asyncio
import time

import structlog

from tegula_coordinator import events, notary
from tegula_coordinator.blobs import Blobs, BlobsAway
from tegula_coordinator.book import arrivals
from tegula_coordinator.bookkeeper import Bookkeeper
from tegula_coordinator.commands import Command, Greet, SendLease, SendProbe, SendRoot, Tell, WakeAt
from tegula_coordinator.config import Config
from tegula_coordinator.court import Court
from tegula_coordinator.derive import Derive
from tegula_market import audit, messages, probes, vouchers
from tegula_market.adapters import signing
from tegula_market.adapters.wire import Router, RubbishFrom
from tegula_market.messages import FromCoordinator, FromWorker
from tegula_market.model import NOBODY, Ask, Digest, JobId, LeaseId, Outcome, WorkerId, lease_parts
from tegula_market.vouchers import Domain

log = structlog.get_logger(__name__)

SILENT_HEARTBEATS = 5
"""A worker that says nothing for so many heartbeats is taken for gone."""


class Floor:
    """Where the workers are. One task listens, the bookkeeper's task sends."""

    def __init__(
        self,
        router: Router,
        keeper: Bookkeeper,
        blobs: Blobs,
        court: Court,
        derive: Derive,
        domain: Domain,
        config: Config,
    ) -> None:
        self._router = router
        self._keeper = keeper
        self._blobs = blobs
        self._derive = derive
        self._court = court
        self._domain = domain
        self._config = config
        self._beats = 0
        """Heartbeats in which all was read that had come. A clock would go on while this program stands still
        or waits for its blobs, and whoever has spoken meanwhile would be taken for gone."""
        self._heard: dict[WorkerId, int] = {}
        """In which of them."""
        self._missed: set[WorkerId] = set()
        """Workers that something could not be told; a new HELLO brings them up to date."""
        self._probes: dict[LeaseId, SendProbe] = {}

    async def listen(self) -> None:
        while True:
            try:
                worker, message = await self._router.receive()
            except RubbishFrom as error:
                log.warning("malformed message", worker=error.worker.hex(), reason=str(error))
                await self._router.send(error.worker, messages.Refused(str(error)))
                continue
            self._heard[worker] = self._beats
            await self._hear(worker, message)
            if worker in self._missed:
                self._missed.discard(worker)
                if not isinstance(message, messages.Hello):
                    await self._router.send(worker, messages.Refused("unknown connection; say HELLO"))

    async def watch(self) -> None:
        """Notices workers that have gone silent: a killed process says no goodbye."""
        while True:
            await asyncio.sleep(self._config.heartbeat_seconds)
            if not self._router.caught_up():
                continue
            self._beats += 1
            last = self._beats - SILENT_HEARTBEATS
            for worker in [w for w, heard in self._heard.items() if heard < last]:
                self._lose(worker, "silent")

    async def judge(self) -> None:
        """Has probes compared with tiles, by other programs."""
        await self._court.sit(self._decide)

    def _decide(self, found: events.Judged | events.Suspected) -> None:
        if isinstance(found, events.Judged):
            said = found.verdict
            say = log.debug if said.outcome is Outcome.ACCEPTED else log.info
            say("verdict", lease=said.lease, outcome=said.outcome, statistic=said.statistic)
        else:
            log.info("suspected", lease=found.lease, statistic=found.statistic, reason=found.reason)
        self._keeper.post(found)

    async def carry_out(self, command: Command) -> None:
        match command:
            case Tell(worker, message):
                await self._tell(worker, message)
            case Greet(worker):
                token = self._derive.blob_token(worker)
                await self._tell(worker, messages.Welcome(token, self._config.heartbeat_seconds))
            case SendLease(lease):
                commitment = probes.commitment(self._derive.salt(lease.id))
                log.debug("lease", lease=lease.id, worker=lease.worker.hex())
                await self._tell(lease.worker, messages.Grant(lease, commitment))
            case SendRoot(worker, job):
                await self._send_root(worker, job)
            case SendProbe():
                self._probes[command.lease] = command
                await self._send_probe(command)
            case WakeAt():
                raise AssertionError("the bookkeeper rings the alarms")

    async def _tell(self, worker: WorkerId, message: FromCoordinator) -> None:
        """What does not reach a worker is told again when it next says HELLO, and it is asked to."""
        if not await self._router.send(worker, message):
            log.info("worker not reached", worker=worker.hex(), kind=type(message).__name__)
            self._missed.add(worker)

    async def _hear(self, worker: WorkerId, message: FromWorker) -> None:
        now = time.time()
        if isinstance(message, messages.Hello):
            await self._welcome(worker, message)
            return
        if worker not in self._keeper.book.workers or not self._keeper.book.workers[worker].online:
            await self._router.send(worker, messages.Refused("unknown here; say HELLO"))
            return
        match message:
            case messages.Heartbeat():
                await self._router.send(worker, messages.Heartbeat())
            case messages.AskFor():
                offer = message.price, message.slots, message.expiry, message.holdback
                ask = Ask(worker, message.job, *offer)
                self._keeper.post(events.AskArrived(now, ask, message.warm))
            case messages.Decline():
                self._keeper.post(events.AskDeclined(now, worker, message.job, message.reason))
            case messages.Post(token, price, slots):
                self._keeper.post(events.AskPosted(now, worker, token, price, slots))
            case messages.Deliver():
                await self._take_result(worker, message)
            case messages.Return():
                log.info(
                    "lease returned", lease=message.lease, failure=message.failure, reason=message.reason
                )
                returned = events.LeaseReturned(now, worker, message.lease, message.failure, message.reason)
                self._keeper.post(returned)
            case messages.Probed() | messages.ProbeFailed():
                self._take_probe(worker, message)
            case messages.Bye():
                self._lose(worker, "left")

    async def _welcome(self, worker: WorkerId, hello: messages.Hello) -> None:
        reason = self._why_not(worker, hello)
        if reason:
            log.warning("worker refused", worker=worker.hex(), reason=reason)
            await self._router.send(worker, messages.Refused(reason))
            return
        if worker in self._keeper.book.banned:
            await self._turn_away(worker)
            return
        joined = events.WorkerJoined(
            time.time(), worker, hello.payout, hello.blender, hello.device, hello.slots, hello.verifier
        )
        log.info("worker joined", worker=worker.hex(), blender=hello.blender, device=hello.device)
        self._keeper.post(joined)

    async def _turn_away(self, worker: WorkerId) -> None:
        """With what it has earned: a voucher signed since it was banned has no other way to it."""
        book = self._keeper.book
        log.warning("banned worker refused", worker=worker.hex())
        for command in arrivals.dues(book, book.workers[worker]) if worker in book.workers else ():
            await self.carry_out(command)
        await self._router.send(worker, messages.Refused(book.banned[worker].sentence))
        self._heard.pop(worker, None)
        self._router.forget(worker)

    def _why_not(self, worker: WorkerId, hello: messages.Hello) -> str:
        if hello.verifier and worker not in self._config.verifiers:
            return "this key is not among the coordinator's verifiers; ask the operator to add it"
        if not 1 <= hello.slots <= 64:
            return f"{hello.slots} slots; want 1 to 64"
        if hello.payout == NOBODY:
            return "the payout address is nobody's; name one that you have the key of"
        binding = vouchers.binding_payload(self._domain, worker, hello.payout)
        if signing.recover(binding, hello.binding) != hello.payout:
            return "the payout address has not signed this worker's key"
        return ""

    async def _take_result(self, worker: WorkerId, message: messages.Deliver) -> None:
        result = message.result
        answer = self._keeper.book.answer_to(worker, result.lease)
        if answer is not None:  # decided before; the worker has not heard
            await self._router.send(worker, answer)
            return
        job, unit, attempt = lease_parts(result.lease)
        payload = vouchers.result_payload(self._domain, job, unit, attempt, result.image)
        if signing.recover(payload, result.signature) != self._keeper.book.jobs[job].payees[result.lease]:
            await self._router.send(
                worker, messages.Revoke(result.lease, "the result's signature is not yours")
            )
        elif (there := await self._look_for(result.image)) is None:
            self._missed.add(worker)
        elif not there:
            await self._router.send(worker, messages.Revoke(result.lease, "the image was not uploaded"))
        else:
            log.debug("result", lease=result.lease, seconds=round(result.render_seconds, 3))
            lot = audit.lot(self._derive.salt(result.lease), result.image)
            self._keeper.post(events.ResultArrived(time.time(), worker, result, lot))

    async def _look_for(self, image: Digest) -> bool | None:
        """None if it cannot be known now."""
        if self._blobs.surely_has(image):  # nearly always; going to a thread and back takes longer
            return True
        try:
            return await asyncio.to_thread(self._blobs.has, image)
        except BlobsAway as error:
            log.warning("image not looked for", reason=str(error))
            return None

    async def _send_root(self, worker: WorkerId, job_id: JobId) -> None:
        job, payout = self._keeper.book.jobs[job_id], self._keeper.book.workers[worker].payout
        tree = await asyncio.to_thread(notary.tree, job)
        proof = tree.proof(payout)
        await self._tell(worker, messages.Rooted(job_id, job.ledger.owed[payout], tree.root, proof))

    async def _send_probe(self, probe: SendProbe) -> None:
        rects, overscan = self._court.where(probe)
        message = messages.Probe(
            probe.lease, probe.job, probe.order, probe.unit, rects, overscan, twin=probe.whole
        )
        await self._tell(probe.verifier, message)

    def _take_probe(self, worker: WorkerId, message: messages.Probed | messages.ProbeFailed) -> None:
        probe = self._probes.get(message.lease)
        probing = self._keeper.book.probers.get(message.lease)
        if probe is None or probing is None or not probe.verifier == probing.verifier == worker:
            log.warning("probe nobody asked for", worker=worker.hex(), lease=message.lease)
            return
        del self._probes[message.lease]
        if isinstance(message, messages.Probed):
            book = self._keeper.book
            payee = book.jobs[probe.job].payees[probe.lease]
            self._court.hear(probe, message, payee, book.workers[worker].device)
        else:
            log.warning("probe failed", lease=message.lease, verifier=worker.hex(), reason=message.reason)
            reason = f"the verifier could not render the probe: {message.reason}"
            self._keeper.post(self._court.no_verdict(probe, reason))

    def _lose(self, worker: WorkerId, reason: str) -> None:
        self._heard.pop(worker, None)
        self._router.forget(worker)
        log.info("worker left", worker=worker.hex(), reason=reason)
        self._keeper.post(events.WorkerLeft(time.time(), worker, reason))
