"""One job in the book: its units, its asks, its leases and its money."""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from tegula_coordinator.events import JobOpened, ResultArrived
from tegula_market import auction, lifecycle
from tegula_market.auction import Reason
from tegula_market.ledger import Ledger
from tegula_market.lifecycle import JobPhase, Phase, UnitEvent, UnitState
from tegula_market.model import (
    Address,
    Ask,
    Digest,
    JobId,
    Lease,
    LeaseId,
    Order,
    Result,
    SignedVoucher,
    Verdict,
    Wei,
    WorkerId,
    lease_id,
)
from tegula_market.ranking import Prospect

BARRED, BUSY = "BARRED", "BUSY"
"""Why an ask was not taken, besides what an auction says."""


@dataclass(frozen=True, slots=True)
class StandingAsk:
    ask: Ask
    warm: bool
    code: str = ""
    """Why it was not taken in the last round; empty if it was, or before the first."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PostedRoot:
    hash: bytes
    reserve: Wei
    final_at: int
    """Unix seconds of the chain."""


@dataclass(frozen=True, slots=True)
class Away:
    """What a closed job had, as `shelf` packs it."""

    fields: bytes
    verdicts: tuple[bytes, ...]


@dataclass(slots=True)
class Job:
    id: JobId
    order: Order
    sizes: tuple[int, ...]
    ledger: Ledger
    units: list[UnitState]
    open_units: set[int]
    """Indices of the units that are OPEN, kept so that finding work costs nothing in a large job."""
    queue: list[int]
    """Heap over `open_units`, with leftovers of units that are open no more."""
    opener: str = ""
    """As in `JobOpened`."""
    alone: dict[int, None] = field(default_factory=dict)
    """Units that one worker renders, the one that has been so for longest first."""
    finished: int = 0
    dead: int | None = None
    """A unit that is DEAD, if there is one."""
    leases: dict[LeaseId, Lease] = field(default_factory=dict)
    """Leases that are LEASED or DELIVERED."""
    leased_at: dict[LeaseId, float] = field(default_factory=dict)
    turnaround: dict[LeaseId, float] = field(default_factory=dict)
    """Seconds from a lease to its result."""
    last: dict[int, Lease] = field(default_factory=dict)
    """The lease that a unit has, or had last."""
    waiting: dict[LeaseId, ResultArrived] = field(default_factory=dict)
    """Second results of units whose first one is not judged yet."""
    look: float | None = None
    """When its stragglers are looked at next: `overtaking`."""
    looked: float = 0.0
    """When they were last."""
    results: dict[int, Result] = field(default_factory=dict)
    """Last result of a unit."""
    verdicts: dict[int, list[tuple[Address, Verdict]]] = field(default_factory=dict)
    payees: dict[LeaseId, Address] = field(default_factory=dict)
    """Whom each lease ever granted is owed to: a worker may name another address while it works."""
    unjudged: dict[WorkerId, set[LeaseId]] = field(default_factory=dict)
    """Delivered results without a verdict."""
    rendering: dict[Address, set[LeaseId]] = field(default_factory=dict)
    """Leases that are not delivered, by whom they are owed to."""
    held: dict[Address, dict[LeaseId, Digest]] = field(default_factory=dict)
    """Delivered results that no lot is drawn among yet, with their lots, by the same."""
    batches: dict[LeaseId, tuple[LeaseId, ...]] = field(default_factory=dict)
    """What stands or falls with a result that is being audited, itself included."""
    forfeits: set[LeaseId] = field(default_factory=set)
    """Results that earn nothing, since another of their batch was rejected."""
    strayed: tuple[float, ...] = ()
    """How far verifiers' other kernels have strayed here, at most; `adapters.verify.screen`."""
    lots: dict[LeaseId, Digest] = field(default_factory=dict)
    """Of all results in `batches`."""
    asks: dict[WorkerId, StandingAsk] = field(default_factory=dict)
    taken: dict[WorkerId, Ask] = field(default_factory=dict)
    price: Wei | None = None
    """Clearing price of the last round that took an ask."""
    barred: dict[Address, str] = field(default_factory=dict)
    """Payout addresses whose workers get no more of this job, and why."""
    declined: dict[WorkerId, str] = field(default_factory=dict)
    """Why workers did not ask."""
    expired: dict[Address, int] = field(default_factory=dict)
    """Leases that an address has let run out while its worker was there."""
    returned: dict[WorkerId, set[int]] = field(default_factory=dict)
    """Units that a worker could not render."""
    vouchers: dict[Address, SignedVoucher] = field(default_factory=dict)
    decided: bool = False
    """What is owed is the last word, of which a root is made: no voucher is signed beyond it."""
    root: PostedRoot | None = None
    adrift: bool = False
    """The chain does not have its deposit, at the moment."""
    refunded: bool = False
    closed: Wei | None = None
    """What both sides have signed to be owed in the end."""
    calling: bool = False
    """A round is open for asks."""
    stopped: JobPhase | None = None
    """FAILED, CANCELLED or CLOSED, once it is."""
    reason: str = ""
    clock: int = 0
    """Counts the changes of units that a requester can see."""
    changed: dict[int, int] = field(default_factory=dict)
    """By unit, the clock at its last change."""
    away: Away | None = None
    """What of it was packed since it was closed; `shelf.whole` has it all."""
    forgotten: bool = False
    """Its units are gone, and all that was of them but the money."""

    @classmethod
    def of(cls, opened: JobOpened, sizes: tuple[int, ...]) -> "Job":
        units = [UnitState() for _ in sizes]
        indices, ledger = range(len(sizes)), Ledger(opened.funded)
        return cls(opened.job, opened.order, sizes, ledger, units, set(indices), list(indices), opened.opener)

    @property
    def phase(self) -> JobPhase:
        if self.stopped is not None:
            return self.stopped
        return JobPhase.DONE if self.finished == len(self.units) else JobPhase.OPEN

    @property
    def settled(self) -> bool:
        """Nothing more can be earned, and vouchers, or a root, cover all that was."""
        return not self.leases and (self.root is not None or not self.unsigned)

    @property
    def unsigned(self) -> bool:
        """Something is owed beyond what vouchers cover."""
        return self.ledger.paid != self.ledger.owed

    def clear(self, prospects: Mapping[WorkerId, Prospect], now: float) -> None:
        """Holds a round among the asks of workers that are there; who is taken works at its price.

        Args:
            prospects: what is expected of each worker that is there.
        """
        standing = {w: s for w, s in self.asks.items() if w in prospects}
        leased = {
            lease.unit for lease in self.leases.values() if self.units[lease.unit].phase is Phase.LEASED
        }
        demand = len(self.open_units) + len(leased)
        cleared = auction.clear(
            (s.ask for s in standing.values()), demand, self.order.ceiling, int(now), prospects
        )
        self.calling = False
        self.taken = {ask.worker: ask for ask in cleared.taken}
        self.price = cleared.price or self.price
        for ask in cleared.taken:
            self.asks[ask.worker] = replace(standing[ask.worker], code="", reason="")
        for no in cleared.refused:
            self.asks[no.ask.worker] = replace(
                standing[no.ask.worker], code=no.reason.value, reason=no.sentence
            )

    def warm(self, worker: WorkerId) -> bool:
        """Whether the scene is loaded there: it has delivered a unit of the job, or said so when it asked."""
        standing = self.asks.get(worker)
        return worker in self.unjudged or (standing is not None and standing.warm)

    def spare_asks(self) -> bool:
        """Whether somebody who lost the last round could fill a gap in another."""
        return any(
            standing.code not in (Reason.ABOVE_CEILING, BARRED)
            for worker, standing in self.asks.items()
            if worker not in self.taken
        )

    def next_unit(self, worker: WorkerId) -> int | None:
        """The first open unit that this worker has not given back before."""
        given_back = self.returned.get(worker, set())
        skipped, found = [], None
        while self.queue and found is None:
            unit = heapq.heappop(self.queue)
            if unit in given_back:
                skipped.append(unit)
            elif unit in self.open_units:
                found = unit
        for unit in skipped if found is None else (*skipped, found):
            heapq.heappush(self.queue, unit)
        return found

    def bar(self, payout: Address, workers: Iterable[WorkerId], reason: str) -> None:
        """Whoever works for that address gets no more of the job."""
        self.barred[payout] = reason
        for worker in workers:
            self.taken.pop(worker, None)
            if worker in self.asks:
                standing = self.asks[worker]
                self.asks[worker] = StandingAsk(standing.ask, standing.warm, BARRED, reason)

    def lease(self, unit: int, worker: WorkerId, payout: Address, expiry: int) -> Lease:
        """Raises: Overdrawn: the deposit does not cover the unit."""
        assert self.price is not None
        price = auction.price_of(self.sizes[unit], self.price)
        lease = self._next(unit, worker, price, expiry)
        self.ledger.reserve(lease.id, price)
        self.leases[lease.id] = self.last[unit] = lease
        self._owe_to(payout, lease.id)
        self.move(unit, lifecycle.Leased(lease.id))
        return lease

    def double(self, first: Lease, worker: WorkerId, payout: Address, expiry: int) -> Lease:
        """A second lease of the unit, on the reserve of the first: whoever is right first is paid from it."""
        lease = self._next(first.unit, worker, first.price, expiry)
        self.leases[lease.id] = lease
        self._owe_to(payout, lease.id)
        self.move(first.unit, lifecycle.Doubled(lease.id))
        return lease

    def _owe_to(self, payout: Address, lease: LeaseId) -> None:
        self.payees[lease] = payout
        self.rendering.setdefault(payout, set()).add(lease)

    def _next(self, unit: int, worker: WorkerId, price: Wei, expiry: int) -> Lease:
        attempt = self.units[unit].attempt + 1
        return Lease(lease_id(self.id, unit, attempt), self.id, unit, worker, price, attempt, expiry)

    def drop(self, lease: Lease) -> None:
        """Ends a lease that earns nothing; the reserve stays where the unit has another one."""
        if self.units[lease.unit].lease in (None, lease.id):
            self.ledger.release(lease.id)
        self._forget(lease)

    def pay(self, lease: Lease) -> None:
        """Turns the lease's reserve into what is owed, or frees it if the result is forfeit."""
        if lease.id in self.forfeits:
            self.drop(lease)
            return
        self.ledger.owe(lease.id, self.payees[lease.id])
        self._forget(lease)

    def _forget(self, lease: Lease) -> None:
        del self.leases[lease.id], self.leased_at[lease.id]
        self.rendering[self.payees[lease.id]].discard(lease.id)
        self.turnaround.pop(lease.id, None)
        self.unjudged.get(lease.worker, set()).discard(lease.id)

    def touch(self, unit: int) -> None:
        self.clock += 1
        self.changed[unit] = self.clock

    def move(self, unit: int, event: UnitEvent) -> None:
        self.touch(unit)
        before = self.units[unit]
        after = self.units[unit] = lifecycle.step(before, event)
        if before.lease is not None and after.lease not in (None, before.lease):
            self.ledger.pass_on(before.lease, after.lease)
            self.last[unit] = self.leases[after.lease]
        if after.phase is Phase.OPEN:
            self.open_units.add(unit)
            heapq.heappush(self.queue, unit)
        else:
            self.open_units.discard(unit)
        if after.phase is Phase.LEASED and after.second is None:
            self.alone[unit] = None
        else:
            self.alone.pop(unit, None)
        if after.phase is Phase.DEAD:
            self.dead = unit
        self.finished += (after.phase in lifecycle.FINISHED) - (before.phase in lifecycle.FINISHED)
