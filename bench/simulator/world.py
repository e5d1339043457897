"""Time passes, and the real book is told what happens in it. Deterministic by its seed.

Everything that decides is the shipped code: the book with its auction, lifecycle, ledger, audits, reputation
and price history. Made up are the machines, the jobs, and whether an audit finds a forged tile.
"""

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count
from random import Random

from simulator.machines import FORGED, SLOTS, Machine, learn
from tegula_coordinator import events
from tegula_coordinator.book import Book, Job, JobPhase, NotAdmitted, Timing, shelf, step
from tegula_coordinator.commands import Command, SendLease, SendProbe, Tell, WakeAt
from tegula_coordinator.events import Event
from tegula_market import auction, messages
from tegula_market.auction import Reason
from tegula_market.digests import digest
from tegula_market.model import (
    ETHER,
    MEGASAMPLE,
    Address,
    Ask,
    Digest,
    JobId,
    Lease,
    LeaseId,
    Order,
    Outcome,
    Result,
    Scene,
    Signature,
    SignedVoucher,
    Terms,
    Verdict,
    Voucher,
    Wei,
    WorkerId,
)

START = 1_000_000.0
UNIT = 4 * MEGASAMPLE
CEILING = Wei(100)
LEASE_SECONDS, CALL_SECONDS = 30.0, 2.0
LOAD_SECONDS, PROBE_SECONDS, WAY_SECONDS = 2.0, 0.3, 0.1
DETECTION = 0.99
"""Of forged tiles that are audited: docs/verification.md has 99.5 % for a quarter of the samples."""
SIGNATURE = Signature(bytes(65))
JUDGES = 4
FOREVER = 2**40
STILL_SECONDS = 120.0
"""For which a machine stands still, when it does: a laptop that is closed, a card that somebody plays on."""


@dataclass(frozen=True, slots=True)
class Round:
    """That took somebody."""

    at: float
    price: int
    dearest_cost: int
    """Of the machines that were taken: what the price would be if all asked their cost."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A job, all of whose tiles are accepted, or whose deadline has come."""

    job: JobId
    opened: float
    at: float
    units: int
    missed: int
    price: int | None


@dataclass(frozen=True, slots=True)
class Rendering:
    """A lease on its machine."""

    start: float
    done: float
    cost: float


def a_book(lease_seconds: float = LEASE_SECONDS) -> Book:
    return Book(lambda order: (UNIT,) * len(order.frames), Timing(CALL_SECONDS, lease_seconds))


@dataclass(slots=True)
class World:
    machines: list[Machine]
    chance: Random
    book: Book = field(default_factory=a_book)
    still: float = 0.0
    """The chance, with each lease, that its machine stands still for a while."""
    overtakes: bool = True
    """Whether late tiles are leased a second time."""
    now: float = START
    rounds: list[Round] = field(default_factory=list)
    ended: dict[JobId, Ended] = field(default_factory=dict)
    opened: dict[JobId, float] = field(default_factory=dict)
    forged: set[LeaseId] = field(default_factory=set)
    by_name: dict[WorkerId, Machine] = field(default_factory=dict)
    leases: int = 0
    granted: list[tuple[float, JobId]] = field(default_factory=list)
    """When, and in which job: each of them."""
    lost: float = 0.0
    """What overtaken machines have spent."""
    rendering: dict[LeaseId, Rendering] = field(default_factory=dict)
    _names: "count[int]" = field(default_factory=lambda: count(1))
    _order: "count[int]" = field(default_factory=count)
    _agenda: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)

    def at(self, when: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (when, next(self._order), do))

    def play(self) -> None:
        """Until nothing more is to come."""
        for _ in range(JUDGES):
            judge = WorkerId(digest(b"judge %d" % next(self._names)))
            self.tell(events.WorkerJoined(self.now, judge, Address(judge[:20]), "4.5", "CPU", 10**6, True))
        while self._agenda:
            self.now, _, do = heapq.heappop(self._agenda)
            do()

    def tell(self, event: Event) -> None:
        try:
            commands = step(self.book, event)
        except NotAdmitted:
            return
        if isinstance(event, events.CallEnded):
            self._note_round(self.book.jobs[event.job])
        for command in commands:
            self._carry_out(command)
        of = events.job_of(event)
        if of is not None and of in self.book.live:
            self._settle(self.book.live[of])

    def join(self, machine: Machine) -> None:
        """Under a name that nobody knows."""
        machine.name = WorkerId(digest(b"machine %d" % next(self._names)))
        machine.payout = Address(machine.name[:20])
        machine.names.append(machine.payout)
        machine.joined = machine.joined or self.now
        self.by_name[machine.name] = machine
        device = machine.device
        self.tell(
            events.WorkerJoined(self.now, machine.name, machine.payout, "4.5", device, SLOTS, verifier=False)
        )

    def open_job(self, units: int, seconds: float, ceiling: Wei = CEILING) -> None:
        number = next(self._names)
        job = JobId(digest(b"job %d" % number))
        ann, key, coordinator = (Address(bytes([each]) * 20) for each in (1, 2, 3))
        salt = number.to_bytes(32, "big")
        terms = Terms(ann, key, coordinator, ETHER, int(self.now + seconds), 3600, salt)
        scene = Scene(digest(salt), "4.5", 64, 64, 100, None, False, 16, 0, None, 1)
        order = Order(terms, scene, tuple(range(units)), 64, 0, ceiling)
        funded = auction.most((UNIT,) * units, ceiling)
        self.opened[job] = self.now
        self.tell(events.JobOpened(self.now, job, order, digest(salt), SIGNATURE, funded))

    def earned(self, machines: Iterable[Machine]) -> int:
        """What the ledgers owe to all names that these machines ever had."""
        names = {name for machine in machines for name in machine.names}
        jobs = self.book.jobs.values()
        return sum(total for job in jobs for payee, total in job.ledger.owed.items() if payee in names)

    def _carry_out(self, command: Command) -> None:
        match command:
            case WakeAt(events.JobLags()) if not self.overtakes:
                pass
            case WakeAt(event):
                self.at(max(self.now, event.at), lambda: self.tell(event))
            case SendLease(lease):
                self._render(self.by_name[lease.worker], lease)
            case SendProbe():
                self.at(self.now + PROBE_SECONDS, lambda: self._judge(command))
            case Tell(worker, message) if worker in self.by_name:
                self._hear(self.by_name[worker], message)
            case _:
                pass

    def _hear(self, machine: Machine, message: messages.FromCoordinator) -> None:
        stained = False
        match message:
            case messages.Call(job, order):
                price = Wei(machine.plan.asks(machine, order.ceiling))
                ask = Ask(machine.name, job, price, SLOTS, FOREVER)
                arrived = events.AskArrived(self.now + WAY_SECONDS, ask, machine.warm == job)
                self.at(arrived.at, lambda: self.tell(arrived))
            case messages.NotTaken(_, Reason.OUTBID | Reason.OUTRANKED, _):
                learn(machine, lost=True)
            case messages.Decided(verdict, _):
                stained = verdict.outcome is Outcome.REJECTED
                machine.accepted = 0 if stained else machine.accepted + 1
            case messages.Revoke(lease):
                stained = machine.plan.times_out
                self._stop(machine, lease)
            case _:
                pass
        if stained and machine.plan.fresh:
            self.at(self.now, lambda: self._vanish(machine))

    def _vanish(self, machine: Machine) -> None:
        self.tell(events.WorkerLeft(self.now, machine.name, "bye"))
        self.join(machine)

    def _render(self, machine: Machine, lease: Lease) -> None:
        self.leases += 1
        self.granted.append((self.now, lease.job))
        machine.tiles += 1
        machine.first_lease = self.now if machine.first_lease is None else machine.first_lease
        if machine.plan.times_out:
            return
        share = 1.0
        if machine.plan.forges(machine, self.chance):
            self.forged.add(lease.id)
            share = FORGED
        loading = 0.0 if machine.warm == lease.job else LOAD_SECONDS
        rendering = share * UNIT / MEGASAMPLE / machine.speed
        machine.warm = lease.job
        if self.still and self.chance.random() < self.still:
            machine.busy_until = max(self.now, machine.busy_until) + STILL_SECONDS
        start = max(self.now, machine.busy_until)
        machine.busy_until = start + loading + rendering
        image = digest(lease.id.encode())
        result = Result(lease.id, image, rendering, loading, machine.device, SIGNATURE)
        name, done = machine.name, machine.busy_until + WAY_SECONDS
        cost = share * machine.cost * UNIT / MEGASAMPLE
        self.rendering[lease.id] = Rendering(start, machine.busy_until, cost)

        def deliver() -> None:
            if self.rendering.pop(lease.id, None) is None:
                return  # stopped meanwhile
            machine.spent += cost
            lot = Digest(self.chance.randbytes(32))
            self.tell(events.ResultArrived(self.now, name, result, lot))

        self.at(done, deliver)

    def _stop(self, machine: Machine, lease: LeaseId) -> None:
        """What it has rendered so far is lost; what it would have is time for others."""
        stopped = self.rendering.pop(lease, None)
        if stopped is not None:
            whole = stopped.done - stopped.start
            left = min(whole, max(0.0, stopped.done - self.now))
            machine.busy_until -= left
            machine.spent += stopped.cost * (1 - left / whole)
            self.lost += stopped.cost * (1 - left / whole)

    def _judge(self, probe: SendProbe) -> None:
        found = probe.lease in self.forged and self.chance.random() < DETECTION
        if found and not probe.whole:
            self.tell(events.Suspected(self.now, probe.lease, probe.number, 9.0, 2.0, "odd pixels"))
            return
        outcome = Outcome.REJECTED if found else Outcome.ACCEPTED
        rest = () if found else tuple(r.lease for r in probe.batch if r.lease != probe.lease)
        verdict, *others = (
            Verdict(lease, outcome, 0.0, 2.0, 300, PROBE_SECONDS, "because", bytes(32))
            for lease in (probe.lease, *rest)
        )
        strayed = (0.01,) if probe.whole and not found else ()
        self.tell(events.Judged(self.now, verdict, tuple(others), probe.number, strayed))

    def _note_round(self, job: Job) -> None:
        if not job.taken or job.price is None:
            return
        taken = [self.by_name[worker] for worker in job.taken]
        self.rounds.append(Round(self.now, job.price, max(machine.cost for machine in taken)))
        for machine in taken:
            if job.taken[machine.name].price == job.price:
                learn(machine, lost=False)

    def _settle(self, job: Job) -> None:
        """A requester that is there: it signs for all that is owed and closes."""
        if job.phase is JobPhase.OPEN or job.leases:
            return
        missed = len(job.units) - len([s for s in job.units if s.phase.value == "ACCEPTED"])
        self.ended[job.id] = Ended(job.id, self.opened[job.id], self.now, len(job.units), missed, job.price)
        for payee, total in job.ledger.owed.items():
            voucher = SignedVoucher(Voucher(job.id, payee, total), SIGNATURE, SIGNATURE)
            step(self.book, events.VoucherSigned(self.now, voucher))
        step(self.book, events.JobClosed(self.now, job.id, job.ledger.total_owed, SIGNATURE))
        shelf.put_away(job)
