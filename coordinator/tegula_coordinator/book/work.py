"""Leases end: with a result that is probed and judged, or without one."""

from collections.abc import Iterator
from typing import assert_never

from tegula_coordinator import events
from tegula_coordinator.book import ending, rounds
from tegula_coordinator.book.job import Job
from tegula_coordinator.book.state import Book, NotAdmitted
from tegula_coordinator.commands import Command, SendProbe, Tell
from tegula_market import lifecycle, messages
from tegula_market.lifecycle import JobPhase, Phase
from tegula_market.model import Address, Lease, LeaseId, Outcome, Wei, WorkerId, lease_parts

MAX_RETURNED = 3
"""Units that a worker may fail to render before it gets no more of the job."""


def expire(book: Book, event: events.LeaseExpired) -> Iterator[Command]:
    job, lease = book.held(event.lease)
    end(book, job, lease, lifecycle.Expired(lease.id))
    yield Tell(lease.worker, messages.Revoke(lease.id, "the lease has expired"))
    yield from go_on(book, job, event.at)


def take_back(book: Book, event: events.LeaseReturned) -> Iterator[Command]:
    job, lease = book.held(event.lease)
    if lease.worker != event.worker:
        raise NotAdmitted("the lease is another worker's")
    end(book, job, lease, lifecycle.Returned(lease.id))
    given_back = job.returned.setdefault(event.worker, set())
    given_back.add(lease.unit)
    if len(given_back) >= MAX_RETURNED:
        _bar(job, event.worker, f"could not render {MAX_RETURNED} tiles: {event.reason}")
    if _nobody_can(book, job, lease.unit):
        where = f"tile {lease.unit} cannot be rendered by any worker here"
        yield from ending.stop(book, job, JobPhase.FAILED, f"{where}: {event.failure}: {event.reason}")
    else:
        yield from go_on(book, job, event.at)


def deliver(book: Book, event: events.ResultArrived) -> Iterator[Command]:
    job, lease = book.held(event.result.lease)
    if lease.worker != event.worker:
        raise NotAdmitted("the lease is another worker's")
    job.results[lease.unit] = event.result
    job.move(lease.unit, lifecycle.Delivered(lease.id))
    book.workers[event.worker].leases.discard(lease.id)
    book.unprobed.append(lease.id)
    yield from send_probes(book)
    yield from rounds.lease_out(book, job, event.at)


def judge(book: Book, event: events.Judged) -> Iterator[Command]:
    verdict = event.verdict
    job_id, unit, _ = lease_parts(verdict.lease)
    job = book.jobs.get(job_id)
    lease = job.leases.get(verdict.lease) if job else None
    if job is None or lease is None or verdict.lease not in book.probers:
        raise NotAdmitted("no verdict is due on this lease")
    prober = book.probers.pop(verdict.lease)
    book.workers[prober].probes.discard(verdict.lease)
    payout = book.workers[lease.worker].payout
    job.verdicts.setdefault(unit, []).append((payout, verdict))
    yield from _decide(book, job, lease, payout, event)
    yield from send_probes(book)
    if verdict.outcome is not Outcome.ACCEPTED:
        yield from go_on(book, job, event.at)


def _decide(book: Book, job: Job, lease: Lease, payout: Address, event: events.Judged) -> Iterator[Command]:
    match event.verdict.outcome:
        case Outcome.ACCEPTED:
            cumulative = job.pay(lease, payout)
            job.move(lease.unit, lifecycle.Accepted(lease.id))
            yield Tell(lease.worker, messages.Decided(event.verdict, cumulative))
        case Outcome.REJECTED:
            job.drop(lease)
            job.move(lease.unit, lifecycle.Rejected(lease.id))
            _bar(job, lease.worker, f"a tile was rejected: {event.verdict.reason}")
            owed = job.ledger.owed.get(payout, Wei(0))
            yield Tell(lease.worker, messages.Decided(event.verdict, owed))
        case Outcome.INCONCLUSIVE:
            job.move(lease.unit, lifecycle.Inconclusive(lease.id))
            if job.units[lease.unit].phase is Phase.DELIVERED:
                book.unprobed.append(lease.id)
            else:
                job.drop(lease)
                yield Tell(lease.worker, messages.Revoke(lease.id, "no verifier could judge the result"))
        case outcome:
            assert_never(outcome)


def send_probes(book: Book) -> Iterator[Command]:
    for worker in book.workers.values():
        while worker.verifier and worker.online and worker.free > 0 and book.unprobed:
            lease = book.unprobed.popleft()
            book.probers[lease] = worker.id
            worker.probes.add(lease)
            yield probe_command(book, lease, worker.id)


def probe_command(book: Book, lease: LeaseId, verifier: WorkerId) -> SendProbe:
    job_id, unit, _ = lease_parts(lease)
    job = book.jobs[job_id]
    return SendProbe(verifier, lease, job_id, unit, job.order, job.results[unit])


def go_on(book: Book, job: Job, at: float) -> Iterator[Command]:
    """After a unit may have come back: lease it again, or end the job if it cannot go on."""
    if job.stopped is not None:
        ending.cancel_open(job)
        return
    if job.dead is not None:
        yield from ending.stop(book, job, JobPhase.FAILED, f"tile {job.dead} failed too often")
        return
    if job.open_units and job.spare_asks():
        yield from rounds.expect_asks(book, job, at)
    yield from rounds.lease_out(book, job, at)


def end(book: Book, job: Job, lease: Lease, event: lifecycle.UnitEvent) -> None:
    book.workers[lease.worker].leases.discard(lease.id)
    job.drop(lease)
    job.move(lease.unit, event)


def _bar(job: Job, worker: WorkerId, reason: str) -> None:
    job.barred[worker] = reason
    job.taken.pop(worker, None)


def _nobody_can(book: Book, job: Job, unit: int) -> bool:
    return not any(
        worker.online
        and not worker.verifier
        and worker.id not in job.barred
        and worker.id not in job.declined
        and unit not in job.returned.get(worker.id, set())
        for worker in book.workers.values()
    )
