"""Vouchers, and the three ways in which a job ends."""

from collections.abc import Iterator

from tegula_coordinator import events
from tegula_coordinator.book import audits, overtaking, rounds, shelf
from tegula_coordinator.book.job import Job
from tegula_coordinator.book.state import Book, NotAdmitted
from tegula_coordinator.commands import Command, Tell
from tegula_market import lifecycle, messages
from tegula_market.lifecycle import JobPhase
from tegula_market.model import Lease, WorkerId


def voucher(book: Book, event: events.VoucherSigned) -> Iterator[Command]:
    voucher = event.signed.voucher
    job = book.job(voucher.job)
    if job.refunded:
        raise NotAdmitted("the deposit went back to the requester; a voucher would pay nothing")
    if job.decided:
        raise NotAdmitted("the job's root is the last word on what is owed; no voucher is signed beside it")
    if voucher.cumulative > job.ledger.owed.get(voucher.worker, 0):
        raise NotAdmitted(f"the worker is owed less than {voucher.cumulative}")
    signed = job.ledger.paid.get(voucher.worker, 0)
    if voucher.cumulative <= signed:
        raise NotAdmitted(f"the worker holds a voucher for {voucher.cumulative} or more already")
    job.ledger.pay(voucher.worker, voucher.cumulative)
    book.earn(voucher.worker, job.order.terms.token, signed=voucher.cumulative - signed)
    job.vouchers[voucher.worker] = event.signed
    book.earned.setdefault(voucher.worker, {})[job.id] = None
    for worker in book.workers.values():
        if worker.payout == voucher.worker and not worker.verifier:
            yield Tell(worker.id, messages.Pay(event.signed))
    if job.phase is JobPhase.OPEN:  # some may have waited for it
        yield from rounds.lease_out(book, job, event.at)
        yield from overtaking.watch(book, job, event.at)


def cancel(book: Book, event: events.JobCancelled) -> Iterator[Command]:
    job = book.live_job(event.job)
    if job.phase is not JobPhase.OPEN:
        raise NotAdmitted(f"the job is {job.phase}")
    yield from stop(book, job, JobPhase.CANCELLED, event.reason, event.at)


def close(book: Book, event: events.JobClosed) -> Iterator[Command]:
    job = book.live_job(event.job)
    # A root can reserve more than leaves still take: who claimed by a voucher meanwhile is in it, too.
    beyond = event.owed - job.ledger.total_owed
    wrong = beyond < 0 if job.root is not None else beyond != 0
    if job.phase is JobPhase.OPEN or not job.settled or wrong:
        raise NotAdmitted("a job closes when nothing is open and vouchers cover what is owed")
    job.reason = job.reason or "every tile is accepted and paid"
    job.stopped, job.closed = JobPhase.CLOSED, event.owed
    del book.live[job.id]
    for worker in earners(book, job):
        yield Tell(worker, messages.Ended(job.id, job.reason))


def forget(book: Book, event: events.JobForgotten) -> Iterator[Command]:
    """What is claimed by stays for ever: totals, vouchers and root."""
    job = book.job(event.job)
    if job.id in book.live or job.leases:
        raise NotAdmitted("the job is not over")
    if job.forgotten:
        raise NotAdmitted("the job is forgotten already")
    shelf.throw_away(job)
    yield from ()


def stop(book: Book, job: Job, phase: JobPhase, reason: str, at: float) -> Iterator[Command]:
    """Ends what is open or being rendered. What is delivered is still judged, and paid if it is right."""
    job.stopped, job.reason, job.calling = phase, reason, False
    freed = []
    rendered = [lease for lease in job.leases.values() if _rendered(job, lease)]
    for lease in sorted(rendered, key=lambda lease: not _second(job, lease)):
        freed.append(book.workers[lease.worker])
        freed[-1].leases.discard(lease.id)
        second = _second(job, lease)
        job.drop(lease)
        job.move(lease.unit, lifecycle.Returned(lease.id, counts=False) if second else lifecycle.Cancelled())
        yield Tell(lease.worker, messages.Revoke(lease.id, reason))
    cancel_open(job)
    audits.close(book, job)
    yield from audits.send_probes(book, at)
    for worker in freed:
        yield from rounds.serve(book, worker, at)
        yield from overtaking.watch_for(book, worker, at)


def _rendered(job: Job, lease: Lease) -> bool:
    return job.units[lease.unit].holds(lease.id) and lease.id not in job.waiting


def _second(job: Job, lease: Lease) -> bool:
    return job.units[lease.unit].second == lease.id


def cancel_open(job: Job) -> None:
    for unit in sorted(job.open_units):
        job.move(unit, lifecycle.Cancelled())


def earners(book: Book, job: Job) -> Iterator[WorkerId]:
    return (w.id for w in book.workers.values() if w.payout in job.ledger.owed and not w.verifier)
