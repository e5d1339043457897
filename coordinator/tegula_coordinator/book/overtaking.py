"""The end of a job: a unit that is late is leased a second time, to an idle worker that will be sooner.

Nothing is open any more, so the job ends when its last unit does, and whoever is idle could only wait. A
second lease is over the same price, and on the same reserve: the first result that is right is paid, the
other lease ends at once and is paid nothing. Were both paid, whoever owns two names could take a unit under
one, wait, and deliver what he did once under both.

Whoever keeps to its own usual time keeps its unit, however slow it is: the auction took it at that speed,
and whoever is overtaken has worked for nothing. Past that time nobody knows why a lease is late, and it is
expected to be as late again.
"""

from collections.abc import Iterator
from itertools import islice

from tegula_coordinator import events
from tegula_coordinator.book import audits, rounds
from tegula_coordinator.book.job import Job
from tegula_coordinator.book.state import Book, NotAdmitted, Worker
from tegula_coordinator.commands import Command, SendLease, Tell, WakeAt
from tegula_market import auction, messages
from tegula_market.lifecycle import JobPhase
from tegula_market.model import Lease, LeaseId

SOONER = 2.0
"""Times that an idle worker could do it until the other one is expected to be done: what is known of either
is an average."""
KNOWN = 4
"""Accepted results from which a worker's usual time is known."""
STRANGE, AGAIN = 10.0, 2.0
"""Until then it has so many times what the slowest idle worker takes, and what it took itself: overtaken
before it has ever delivered, a slow machine would never become known as one, and never earn anything."""
SLACK = 0.1
"""Seconds past the moment at which a lease is late enough: no rounding has an alarm ring too early."""
LOOKED_AT = 32
"""Leases, the oldest first, and idle workers, the cheapest first, that are compared at a time."""
PAUSE = 1.0
"""Seconds between two such looks. All workers of a large job become idle within seconds of each other."""


def watch_for(book: Book, worker: Worker, at: float) -> Iterator[Command]:
    """After a slot of it has become free."""
    if worker.free > 0:
        for job in book.live.values():
            if worker.id in job.taken:
                yield from watch(book, job, at)


def watch(book: Book, job: Job, at: float) -> Iterator[Command]:
    """Has the job looked at when the first of its leases will be late enough for somebody who is idle."""
    if not _ends(job):
        return
    again = job.looked + PAUSE
    if at >= again:
        yield from _look(job, _due(book, job, at), at)
    elif job.look is None or not at < job.look <= again:  # what has changed since then waits until then
        yield from _look(job, again, job.looked)


def overtake(book: Book, event: events.JobLags) -> Iterator[Command]:
    """Admitted, too, if all that follows is that the job is looked at later."""
    job = book.live_job(event.job)
    if not _ends(job):
        raise NotAdmitted("something of the job is open, or nothing is rendered")
    doubled = list(_doubled(book, job, event.at))
    due = _due(book, job, event.at)
    if not doubled and due in (None, job.look):
        raise NotAdmitted("nobody who is idle is expected to be sooner")
    for lease in doubled:
        yield SendLease(lease)
        yield WakeAt(events.LeaseExpired(float(lease.expiry), lease.id))
    yield from _look(job, due, event.at)


def _look(job: Job, due: float | None, at: float) -> Iterator[Command]:
    job.looked = at
    if due is not None and due != job.look:  # later, too: what is known of speeds has changed
        job.look = due
        yield WakeAt(events.JobLags(due, job.id))


def _ends(job: Job) -> bool:
    """Nothing is open any more, and something is being rendered."""
    return not job.open_units and bool(job.alone) and job.phase is JobPhase.OPEN


def end(book: Book, job: Job, lease_id: LeaseId, reason: str, at: float) -> Iterator[Command]:
    """A lease whose unit is accepted from another. Its usual time was its own; what it took beyond counts."""
    lease = job.leases[lease_id]
    worker = book.workers[lease.worker]
    if job.waiting.pop(lease_id, None) is None:
        worker.leases.discard(lease_id)
        began, payout = job.leased_at[lease_id], job.payees[lease_id]
        beyond = max(0.0, at - began - _usual(job, lease, worker))
        share = beyond / max(1.0, lease.expiry - began)
        book.reputations[payout] = book.reputation(payout).missed(at, share)
    job.drop(lease)
    yield Tell(lease.worker, messages.Revoke(lease_id, reason))


def _doubled(book: Book, job: Job, at: float) -> Iterator[Lease]:
    idle = _idle(book, job, at)
    late = {lease.id: at - _late_from(book, job, lease, idle) for lease in _alone(job)}
    for lease in sorted(map(job.leases.__getitem__, late), key=lambda lease: -late[lease.id]):
        worker = next((w for w in _idle(book, job, at) if _fits(job, lease, w)), None)
        if worker is None:
            continue
        needs = SOONER * _seconds(job, lease, worker)
        if needs <= min(late[lease.id], lease.expiry - at):
            expiry = min(int(at + book.timing.lease_seconds), job.order.terms.deadline)
            second = job.double(lease, worker.id, worker.payout, expiry)
            worker.leases.add(second.id)
            job.leased_at[second.id] = at
            yield second


def _due(book: Book, job: Job, at: float) -> float | None:
    """When the first lease is late by what somebody who is idle needs twice, and has as long to go."""
    idle = _idle(book, job, at)
    due = None
    for lease in _alone(job) if idle else []:
        late_from = _late_from(book, job, lease, idle)
        if due is not None and late_from >= due:
            continue
        worker = next((w for w in idle if _fits(job, lease, w)), None)
        if worker is None:
            continue
        needs = SOONER * _seconds(job, lease, worker)
        moment = max(at, late_from + needs) + SLACK
        if moment + needs <= lease.expiry and (due is None or moment < due):
            due = moment
    return due


def _alone(job: Job) -> list[Lease]:
    """Leases of units that nobody else renders, the oldest first."""
    return [job.last[unit] for unit in islice(job.alone, LOOKED_AT)]


def _idle(book: Book, job: Job, at: float) -> list[Worker]:
    """Taken workers of known speed that could take more of the job, the fastest first."""
    if book.draining or job.adrift or at >= job.order.terms.deadline:
        return []
    found = []
    for name, ask in job.taken.items():
        worker = book.workers[name]
        free = min(worker.free, ask.slots - len(worker.leases))
        if free > 0 and worker.online and worker.shown.pace is not None:
            found.append((worker.shown.pace, name, worker))
            if len(found) == LOOKED_AT:
                break
    return [worker for _, _, worker in sorted(found) if audits.room(book, job, worker) > 0]


def _fits(job: Job, lease: Lease, worker: Worker) -> bool:
    ask = job.taken[worker.id]
    return (
        worker.id != lease.worker
        and lease.unit not in job.returned.get(worker.id, set())
        and auction.price_of(job.sizes[lease.unit], ask.price) <= lease.price
        and not rounds.holds_back(job, worker, ask, lease.unit)
    )


def _late_from(book: Book, job: Job, lease: Lease, idle: list[Worker]) -> float:
    """When its worker's usual time is over."""
    worker = book.workers[lease.worker]
    usual = _usual(job, lease, worker)
    if len(worker.shown.work) < KNOWN and idle:
        usual = max(AGAIN * usual, STRANGE * _seconds(job, lease, idle[-1]))
    return job.leased_at[lease.id] + usual


def _seconds(job: Job, lease: Lease, worker: Worker) -> float:
    """That it takes somebody whose speed is known, on average."""
    seconds = worker.shown.seconds(job.sizes[lease.unit], warm=job.warm(worker.id))
    assert seconds is not None
    return seconds


def _usual(job: Job, lease: Lease, worker: Worker) -> float:
    """Seconds within which it is done nine times in ten; 0 if nothing is known of it."""
    return worker.shown.most_seconds(job.sizes[lease.unit], warm=job.warm(worker.id)) or 0.0
