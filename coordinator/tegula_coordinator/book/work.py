"""Leases end: with a result, or without one."""

from collections.abc import Iterator

from tegula_coordinator import events
from tegula_coordinator.book import audits, ending, overtaking, rounds
from tegula_coordinator.book.job import Job
from tegula_coordinator.book.state import Book, NotAdmitted, Worker
from tegula_coordinator.commands import Command, Tell
from tegula_market import lifecycle, messages
from tegula_market.lifecycle import JobPhase, Phase
from tegula_market.model import Address, Lease

MAX_RETURNED = 3
"""Units that a worker may fail to render before it gets no more of the job."""
MAX_EXPIRED = 3
"""Leases that an address may let run out before it gets no more of the job. It is there and says nothing, for
all of a lease's time: what no crash does, and what would keep a tile from everybody else."""


def clear(book: Book, event: events.CallEnded) -> Iterator[Command]:
    yield from rounds.clear(book, event)
    yield from overtaking.watch(book, book.jobs[event.job], event.at)


def expire(book: Book, event: events.LeaseExpired) -> Iterator[Command]:
    job, lease = book.held(event.lease)
    payout = job.payees[lease.id]
    end(book, job, lease, lifecycle.Expired(lease.id, book.proven(payout)), event.at)
    job.taken.pop(lease.worker, None)  # another round decides whether somebody else should have its turn
    job.expired[payout] = job.expired.get(payout, 0) + 1
    if job.expired[payout] >= MAX_EXPIRED:
        bar(book, job, payout, f"let {MAX_EXPIRED} tiles run out")
    yield Tell(lease.worker, messages.Revoke(lease.id, "the lease has expired"))
    yield from _free(book, book.workers[lease.worker], event.at)
    yield from go_on(book, job, event.at)


def take_back(book: Book, event: events.LeaseReturned) -> Iterator[Command]:
    job, lease = book.held(event.lease)
    if lease.worker != event.worker:
        raise NotAdmitted("the lease is another worker's")
    end(book, job, lease, lifecycle.Returned(lease.id, book.proven(job.payees[lease.id])), event.at)
    given_back = job.returned.setdefault(event.worker, set())
    given_back.add(lease.unit)
    if len(given_back) >= MAX_RETURNED:
        bar(
            book,
            job,
            book.workers[event.worker].payout,
            f"could not render {MAX_RETURNED} tiles: {event.reason}",
        )
    yield from _free(book, book.workers[event.worker], event.at)
    if job.units[lease.unit].phase is Phase.OPEN and _nobody_can(book, job, lease.unit):
        where = f"tile {lease.unit} cannot be rendered by any worker here"
        failed = f"{where}: {event.failure}: {event.reason}"
        yield from ending.stop(book, job, JobPhase.FAILED, failed, event.at)
    else:
        yield from go_on(book, job, event.at)


def deliver(book: Book, event: events.ResultArrived) -> Iterator[Command]:
    job, lease = book.held(event.result.lease)
    if lease.worker != event.worker:
        raise NotAdmitted("the lease is another worker's")
    payout, worker = job.payees[lease.id], book.workers[event.worker]
    book.reputations[payout] = book.reputation(payout).delivered(event.at)
    job.turnaround[lease.id] = event.at - job.leased_at[lease.id]
    worker.leases.discard(lease.id)
    job.rendering[payout].discard(lease.id)
    if job.units[lease.unit].phase is Phase.DELIVERED:
        job.waiting[lease.id] = event
    else:
        _take(job, lease, event)
    yield from _free(book, worker, event.at)
    audits.close_of(book, job, worker)
    yield from audits.send_probes(book, event.at)


def _free(book: Book, worker: Worker, at: float) -> Iterator[Command]:
    """After a slot of it has become free."""
    yield from rounds.serve(book, worker, at)
    yield from overtaking.watch_for(book, worker, at)


def take_waiting(job: Job, unit: int) -> None:
    """After a unit's first result has failed: the second, if it is there."""
    lease = job.units[unit].lease
    if lease in job.waiting:
        _take(job, job.leases[lease], job.waiting.pop(lease))


def _take(job: Job, lease: Lease, event: events.ResultArrived) -> None:
    job.results[lease.unit] = event.result
    job.move(lease.unit, lifecycle.Delivered(lease.id))
    audits.hold(job, lease, event.lot)


def go_on(book: Book, job: Job, at: float) -> Iterator[Command]:
    """After a unit may have come back: lease it again, or end the job if it cannot go on."""
    if job.stopped is not None:
        ending.cancel_open(job)
        audits.close(book, job)  # a second result may have taken the place of a first
        yield from audits.send_probes(book, at)
        return
    if job.dead is not None:
        yield from ending.stop(book, job, JobPhase.FAILED, f"tile {job.dead} failed too often", at)
        return
    if job.open_units and job.spare_asks():
        yield from rounds.expect_asks(book, job, at)
    yield from rounds.lease_out(book, job, at)
    yield from overtaking.watch(book, job, at)
    audits.close(book, job)
    yield from audits.send_probes(book, at)


def take_up(book: Book, job: Job, worker: Worker, at: float) -> Iterator[Command]:
    """After a verdict that has made room for the worker: more of what is open."""
    if worker.id in job.taken:
        yield from rounds.lease_to(book, job, worker, at)
        yield from overtaking.watch(book, job, at)
    audits.close_of(book, job, worker)
    yield from audits.send_probes(book, at)


def end(book: Book, job: Job, lease: Lease, event: lifecycle.UnitEvent, at: float) -> None:
    """A lease without a result."""
    payout, began = job.payees[lease.id], job.leased_at[lease.id]
    share = (at - began) / max(1.0, lease.expiry - began)
    book.reputations[payout] = book.reputation(payout).missed(at, share)
    book.workers[lease.worker].leases.discard(lease.id)
    job.move(lease.unit, event)
    job.drop(lease)


def bar(book: Book, job: Job, payout: Address, reason: str) -> None:
    job.bar(payout, (worker.id for worker in book.workers.values() if worker.payout == payout), reason)


def _nobody_can(book: Book, job: Job, unit: int) -> bool:
    return not any(
        worker.online
        and not worker.verifier
        and worker.payout not in job.barred
        and worker.id not in job.declined
        and unit not in job.returned.get(worker.id, set())
        for worker in book.workers.values()
    )
