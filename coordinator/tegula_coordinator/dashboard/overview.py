"""A running coordinator at one glance, for `tegula-coordinator status`. Nothing in it names a requester."""

from collections import Counter
from dataclasses import dataclass

from tegula_coordinator.book import Book, Job, Worker, why
from tegula_coordinator.readiness import Check
from tegula_coordinator.store import Extent
from tegula_market.audit import Record
from tegula_market.lifecycle import Phase
from tegula_market.model import Address, JobId, Wei, WorkerId


@dataclass(frozen=True, slots=True)
class JobLine:
    job: JobId
    phase: str
    tiles: int
    open: int
    leased: int
    delivered: int
    accepted: int
    price: Wei | None
    """Token units for a megasample, at which it cleared last."""
    token: Address
    reserved: Wei
    unsigned: Wei
    """Earned, and not covered by a voucher."""
    deadline: int
    code: str
    """Why the first tile that is not finished is no further; empty if none is left."""
    sentence: str


@dataclass(frozen=True, slots=True)
class WorkerLine:
    key: WorkerId
    payout: Address
    device: str
    blender: str
    verifier: bool
    slots: int
    leases: int
    probes: int
    passed: int
    """Audits in a row."""
    rejected: int
    code: str
    """Why it renders nothing."""
    sentence: str


@dataclass(frozen=True, slots=True)
class Overview:
    at: float
    """Unix seconds, as `since`, at which it began to serve."""
    since: float
    version: str
    coordinator: Address
    chain_id: int
    events: int
    """That were ever in the log."""
    log: Extent
    checks: tuple[Check, ...]
    ether: Wei | None
    """Of the coordinator's own account; None if the chain does not say."""
    free_bytes: int
    """On the disk of the data folder."""
    jobs: tuple[JobLine, ...]
    """That are not closed, the newest first."""
    closed: int
    workers: tuple[WorkerLine, ...]
    """That are online."""
    offline: int


def jobs(book: Book) -> tuple[JobLine, ...]:
    return tuple(_job(book, job) for job in reversed(book.live.values()))


def workers(book: Book) -> tuple[WorkerLine, ...]:
    return tuple(_worker(book, worker) for worker in book.workers.values() if worker.online)


def _job(book: Book, job: Job) -> JobLine:
    count = Counter(state.phase for state in job.units)
    waits = _first(job)
    reason = why.Why("", "") if waits is None else why.unit(book, job, waits)
    return JobLine(
        job.id,
        job.phase.value,
        len(job.units),
        count[Phase.OPEN],
        count[Phase.LEASED],
        count[Phase.DELIVERED],
        count[Phase.ACCEPTED],
        job.price,
        job.order.terms.token,
        job.ledger.total_reserved,
        Wei(job.ledger.total_owed - job.ledger.total_paid),
        job.order.terms.deadline,
        reason.code,
        reason.sentence,
    )


def _first(job: Job) -> int | None:
    """A unit to say the reason of: one for a job, since it can have 200,000."""
    first = next(iter(job.open_units), None)
    return next((lease.unit for lease in job.leases.values()), None) if first is None else first


def _worker(book: Book, worker: Worker) -> WorkerLine:
    record, reason = book.records.get(worker.payout, Record()), why.worker(book, worker)
    return WorkerLine(
        worker.id,
        worker.payout,
        worker.device,
        worker.blender,
        worker.verifier,
        worker.slots,
        len(worker.leases),
        len(worker.probes),
        record.passed,
        record.rejected,
        reason.code,
        reason.sentence,
    )
