"""The end of a job: a unit that is late is leased a second time, to an idle worker that will be sooner.

Nothing is open any more, so the job ends when its last unit does, and whoever is idle could only wait. A
second lease is over the same price, and on the same reserve: the first result that is right is paid, the
other lease ends at once and is paid nothing. Were both paid, whoever owns two names could take a unit under
one, wait, and deliver what he did once under both.

What is left of a lease is what its worker usually takes, less its age. Past that, nobody knows why it is
late, and it is expected to be as late again. In the second half of its usual time it is left alone: whoever
is overtaken has worked for nothing.
"""

from collections.abc import Iterator

from tegula_coordinator import events
from tegula_coordinator.book import audits, rounds
from tegula_coordinator.book.job import Job
from tegula_coordinator.book.state import Book, NotAdmitted, Worker
from tegula_coordinator.commands import Command, SendLease, Tell, WakeAt
from tegula_market import auction, messages
from tegula_market.lifecycle import JobPhase, Phase
from tegula_market.model import Lease, LeaseId

SOONER = 2.0
"""Times that an idle worker could do it until the other one is expected to be done: what is known of either
is an average."""
SLACK = 0.1
"""Seconds past the moment at which a lease is late enough: no rounding has an alarm ring too early."""
LOOKED_AT = 64
"""Leases, the oldest first, and idle workers, the cheapest first, that are compared at a time."""


def watch_for(book: Book, worker: Worker, at: float) -> Iterator[Command]:
    """After a slot of it has become free."""
    if worker.free > 0:
        for job in book.live.values():
            if worker.id in job.taken:
                yield from watch(book, job, at)


def watch(book: Book, job: Job, at: float) -> Iterator[Command]:
    """Has the job looked at when the first of its leases will be late enough for somebody who is idle."""
    alone = _alone(job)
    idle = _idle(book, job, at) if alone else []
    late = [_late_at(book, job, lease, idle, at) for lease in alone] if idle else []
    due = min((moment for moment in late if moment is not None), default=None)
    if due is not None and (job.look is None or job.look <= at or due < job.look):
        job.look = due
        yield WakeAt(events.JobLags(due, job.id))


def overtake(book: Book, event: events.JobLags) -> Iterator[Command]:
    job = book.live_job(event.job)
    doubled = list(_doubled(book, job, event.at))
    if not doubled:
        raise NotAdmitted("nobody who is idle is expected to be sooner")
    for lease in doubled:
        yield SendLease(lease)
        yield WakeAt(events.LeaseExpired(float(lease.expiry), lease.id))
    yield from watch(book, job, event.at)


def end(book: Book, job: Job, lease_id: LeaseId, reason: str, at: float) -> Iterator[Command]:
    """A lease whose unit is accepted from another. Its usual time was its own; what it took beyond counts."""
    lease = job.leases[lease_id]
    worker = book.workers[lease.worker]
    if job.waiting.pop(lease_id, None) is None:
        worker.leases.discard(lease_id)
        began, payout = job.leased_at[lease_id], job.payees[lease_id]
        beyond = max(0.0, at - began - (_known(job, lease, worker) or 0.0))
        share = beyond / max(1.0, lease.expiry - began)
        book.reputations[payout] = book.reputation(payout).missed(at, share)
    job.drop(lease)
    yield Tell(lease.worker, messages.Revoke(lease_id, reason))


def _doubled(book: Book, job: Job, at: float) -> Iterator[Lease]:
    idle = _idle(book, job, at)
    left = {lease.id: _left(book, job, lease, idle, at) for lease in _alone(job)}
    for lease in sorted(map(job.leases.__getitem__, left), key=lambda lease: -left[lease.id]):
        fit = (w for w in _idle(book, job, at) if _fits(job, lease, w))
        sooner = (w for w in fit if SOONER * _seconds(job, lease, w) <= left[lease.id])
        worker = min(sooner, key=lambda w: (_seconds(job, lease, w), w.id), default=None)
        if worker is not None:
            expiry = min(int(at + book.timing.lease_seconds), job.order.terms.deadline)
            second = job.double(lease, worker.id, worker.payout, expiry)
            worker.leases.add(second.id)
            job.leased_at[second.id] = at
            yield second


def _alone(job: Job) -> list[Lease]:
    """Leases that are being rendered, and nobody else renders their units; none as long as a unit is open."""
    if job.open_units or job.phase is not JobPhase.OPEN:
        return []
    found = []
    for lease in job.leases.values():
        unit = job.units[lease.unit]
        if unit.phase is Phase.LEASED and unit.second is None:
            found.append(lease)
            if len(found) == LOOKED_AT:
                break
    return found


def _idle(book: Book, job: Job, at: float) -> list[Worker]:
    """Taken workers of known speed that could take more of the job."""
    if book.draining or job.adrift or at >= job.order.terms.deadline:
        return []
    found = []
    for name, ask in job.taken.items():
        worker = book.workers[name]
        free = min(worker.free, ask.slots - len(worker.leases))
        if free > 0 and worker.online and worker.shown.pace is not None:
            found.append(worker)
            if len(found) == LOOKED_AT:
                break
    return [worker for worker in found if audits.room(book, job, worker) > 0]


def _fits(job: Job, lease: Lease, worker: Worker) -> bool:
    ask = job.taken[worker.id]
    return (
        worker.id != lease.worker
        and lease.unit not in job.returned.get(worker.id, set())
        and auction.price_of(job.sizes[lease.unit], ask.price) <= lease.price
        and not rounds.holds_back(job, worker, ask, lease.unit)
    )


def _late_at(book: Book, job: Job, lease: Lease, idle: list[Worker], at: float) -> float | None:
    """When the first of the idle workers would be sooner by enough; None if the lease runs out first."""
    needs = min((SOONER * _seconds(job, lease, w) for w in idle if _fits(job, lease, w)), default=None)
    if needs is None:
        return None
    overdue = job.leased_at[lease.id] + _usual(book, job, lease, idle) + needs
    moment = at if _left(book, job, lease, idle, at) >= needs else max(at, overdue)
    return None if moment + needs > lease.expiry else moment + SLACK


def _left(book: Book, job: Job, lease: Lease, idle: list[Worker], at: float) -> float:
    """Seconds that a lease is expected to take still; 0 for one that is not to be overtaken yet."""
    age, usual = at - job.leased_at[lease.id], _usual(book, job, lease, idle)
    if usual / 2 < age <= usual:
        return 0.0
    return min(abs(usual - age), lease.expiry - at)


def _usual(book: Book, job: Job, lease: Lease, idle: list[Worker]) -> float:
    """Seconds that the unit usually takes its worker; if nothing is known of it, the slowest that is idle."""
    own = _known(job, lease, book.workers[lease.worker])
    return max((_seconds(job, lease, w) for w in idle), default=0.0) if own is None else own


def _seconds(job: Job, lease: Lease, worker: Worker) -> float:
    seconds = _known(job, lease, worker)
    assert seconds is not None
    return seconds


def _known(job: Job, lease: Lease, worker: Worker) -> float | None:
    """A scene is loaded by whoever has delivered a unit of the job, or said so when it asked."""
    standing = job.asks.get(worker.id)
    warm = worker.id in job.unjudged or (standing is not None and standing.warm)
    return worker.shown.seconds(job.sizes[lease.unit], warm=warm)
