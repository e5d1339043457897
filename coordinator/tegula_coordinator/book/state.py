"""What the book holds: jobs, workers, and who probes what."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from tegula_coordinator import events
from tegula_coordinator.book import shelf
from tegula_coordinator.book.history import History
from tegula_coordinator.book.job import Job
from tegula_coordinator.book.recent import Priced, Shown
from tegula_coordinator.events import Event
from tegula_market import messages
from tegula_market.audit import NEWCOMER, Record
from tegula_market.messages import FromCoordinator
from tegula_market.model import (
    Address,
    InvalidValue,
    JobId,
    Lease,
    LeaseId,
    Order,
    Outcome,
    TegulaError,
    Wei,
    WorkerId,
    lease_parts,
)
from tegula_market.reputation import Reputation


class NotAdmitted(TegulaError):
    """An event that the book does not allow as things are."""


@dataclass(frozen=True, slots=True)
class Posted:
    """What a worker asks at present, whatever the job."""

    token: Address
    price: Wei
    """Token units per megasample."""
    slots: int
    at: float
    """When it was posted."""


@dataclass(slots=True)
class Worker:
    id: WorkerId
    payout: Address
    blender: str
    device: str
    slots: int
    verifier: bool
    online: bool = True
    leases: set[LeaseId] = field(default_factory=set)
    """What it is rendering."""
    probes: set[LeaseId] = field(default_factory=set)
    """What it is rendering again."""
    shown: Shown = field(default_factory=Shown)
    posted: Posted | None = None
    """Of this connection: with every HELLO it is posted anew."""

    @property
    def free(self) -> int:
        return self.slots - len(self.leases) - len(self.probes)


@dataclass(frozen=True, slots=True)
class Probing:
    verifier: WorkerId
    number: int
    """Of all probes ever sent."""


@dataclass(frozen=True, slots=True)
class Ban:
    at: float
    reason: str

    @property
    def sentence(self) -> str:
        return f"the operator has banned this worker: {self.reason}"


@dataclass(frozen=True, slots=True)
class Earned:
    owed: Wei = Wei(0)  # noqa: RUF009 a NewType's call is the number itself
    signed: Wei = Wei(0)  # noqa: RUF009
    """How much of it by vouchers."""


@dataclass(frozen=True, slots=True)
class Timing:
    call_seconds: float
    lease_seconds: float


@dataclass(slots=True)
class Book:
    sizes: Callable[[Order], tuple[int, ...]]
    """Splits an order into units: all that the book knows of a kind of work."""
    timing: Timing
    jobs: dict[JobId, Job] = field(default_factory=dict)
    live: dict[JobId, Job] = field(default_factory=dict)
    """Jobs that are not closed: what an event costs must not grow with the number of finished ones."""
    earned: dict[Address, dict[JobId, None]] = field(default_factory=dict)
    """Jobs that have vouchers or roots for a payout address, the first one that had any first."""
    earnings: dict[Address, dict[Address, Earned]] = field(default_factory=dict)
    """What payout addresses have earned in all jobs, by token: summed up as it comes, for the dashboard."""
    workers: dict[WorkerId, Worker] = field(default_factory=dict)
    verifiers: dict[WorkerId, Worker] = field(default_factory=dict)
    """Those of the workers that are: looked through with every result, as all of them cannot be."""
    rules: int = 0
    """By which the events since the last start were judged; 0 before the first."""
    draining: bool = False
    """The coordinator is about to end."""
    banned: dict[WorkerId, Ban] = field(default_factory=dict)
    unprobed: deque[LeaseId] = field(default_factory=deque)
    """Delivered results that wait for a verifier."""
    probers: dict[LeaseId, Probing] = field(default_factory=dict)
    probes_sent: int = 0
    tried: dict[LeaseId, set[WorkerId]] = field(default_factory=dict)
    """Verifiers that have looked at a lease, or were to."""
    suspected: dict[LeaseId, WorkerId] = field(default_factory=dict)
    """Delivered results of which a few probes looked wrong, and to which verifier."""
    records: dict[Address, Record] = field(default_factory=dict)
    """What each payout address has shown here: how much an audit of it stands for."""
    reputations: dict[Address, Reputation] = field(default_factory=dict)
    """And how likely its next lease comes to something."""
    prices: dict[JobId, Priced] = field(default_factory=dict)
    """At which jobs have cleared of late, and when; oldest first."""
    history: History = field(default_factory=lambda: History({}))

    @property
    def under_way(self) -> int:
        """Leases and probes that somebody renders."""
        return sum(len(worker.leases) + len(worker.probes) for worker in self.workers.values())

    def reputation(self, payout: Address) -> Reputation:
        return self.reputations.get(payout, Reputation())

    def earn(self, payout: Address, token: Address, *, owed: int = 0, signed: int = 0) -> None:
        sums = self.earnings.setdefault(payout, {})
        before = sums.get(token, Earned())
        sums[token] = Earned(Wei(before.owed + owed), Wei(before.signed + signed))

    def proven(self, payout: Address) -> bool:
        return self.records.get(payout, Record()).passed >= NEWCOMER

    def answer_to(self, worker: WorkerId, lease: LeaseId) -> FromCoordinator | None:
        """What to tell a worker about a result that is of no more use; None if the result is wanted."""
        try:
            job_id, unit, _ = lease_parts(lease)
            job = self.jobs[job_id]
        except (InvalidValue, KeyError):
            return messages.Revoke(lease, "there is no such lease")
        for payout, verdict in shelf.verdicts(job, unit):
            if verdict.lease == lease and verdict.outcome is not Outcome.INCONCLUSIVE:
                return messages.Decided(verdict, job.ledger.owed.get(payout, Wei(0)))
        held = job.leases.get(lease)
        if held is None or held.worker != worker:
            return messages.Revoke(lease, "the lease has ended and the tile is somebody else's now")
        return None

    def held(self, lease_id: LeaseId) -> tuple[Job, Lease]:
        """The lease while its worker renders.

        Raises:
            NotAdmitted: it has ended, or never was.
        """
        try:
            job = self.jobs[lease_parts(lease_id)[0]]
            lease = job.leases[lease_id]
        except (InvalidValue, KeyError) as error:
            raise NotAdmitted("the lease has ended") from error
        if not job.units[lease.unit].holds(lease_id) or lease_id in job.waiting:
            raise NotAdmitted("the lease has ended")
        return job, lease

    def awaits(self, event: Event) -> bool:
        """Whether an alarm may still matter; of most kinds nobody can say before it rings."""
        match event:
            case events.LeaseExpired(_, lease):
                job = self.jobs.get(lease_parts(lease)[0])
                return job is not None and lease in job.leases
            case events.JobLags(at, job_id):
                return job_id in self.live and self.live[job_id].look == at
            case events.ProbeExpired(_, lease, number):
                probing = self.probers.get(lease)
                return probing is not None and probing.number == number
            case _:
                return True

    def job(self, job: JobId) -> Job:
        try:
            return self.jobs[job]
        except KeyError as error:
            raise NotAdmitted("there is no such job here") from error

    def live_job(self, job: JobId) -> Job:
        try:
            return self.live[job]
        except KeyError as error:
            raise NotAdmitted("there is no such job here, or it is closed") from error
