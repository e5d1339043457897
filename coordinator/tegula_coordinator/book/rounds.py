"""The market: workers are called for a job, ask, and are leased units in rounds."""

from collections.abc import Iterator
from dataclasses import replace

from tegula_coordinator import events
from tegula_coordinator.book import audits, history, prospects, recent
from tegula_coordinator.book.job import BARRED, BUSY, Job, StandingAsk
from tegula_coordinator.book.recent import Priced
from tegula_coordinator.book.state import Book, NotAdmitted, Worker
from tegula_coordinator.commands import Command, SendLease, Tell, WakeAt
from tegula_market import auction, messages
from tegula_market.auction import Reason
from tegula_market.model import Ask

BEHIND = 4
"""A worker leaves a job whose scene it has loaded for one that has less than one in so many of its leases."""
ALL_BUSY = "Other jobs have all of its slots, and workers that are idle go first."


def open_job(book: Book, event: events.JobOpened) -> Iterator[Command]:
    if event.job in book.jobs:
        raise NotAdmitted("the job is open already")
    job = book.jobs[event.job] = book.live[event.job] = Job.of(event, book.sizes(event.order))
    yield WakeAt(deadline(job))
    said = messages.Call(job.id, job.order)  # one for all: the router spells it once
    for worker in book.workers.values():
        if worker.online and not worker.verifier:
            yield from call(book, job, worker, said, event.at)


def call(book: Book, job: Job, worker: Worker, said: messages.Call, at: float) -> Iterator[Command]:
    if worker.blender != job.order.scene.blender:
        job.declined[worker.id] = f"runs Blender {worker.blender}, not {job.order.scene.blender}"
        return
    job.declined.pop(worker.id, None)
    if book.draining:  # it is called when it joins the next time
        return
    yield Tell(worker.id, said)
    yield from expect_asks(book, job, at)


def expect_asks(book: Book, job: Job, at: float) -> Iterator[Command]:
    if not job.calling:
        job.calling = True
        yield WakeAt(events.CallEnded(at + book.timing.call_seconds, job.id))


def ask(book: Book, event: events.AskArrived) -> Iterator[Command]:
    ask = event.ask
    job = book.live_job(ask.job)
    worker = book.workers.get(ask.worker)
    if worker is None or worker.verifier or worker.payout in job.barred or job.stopped is not None:
        raise NotAdmitted("this worker cannot ask for this job")
    job.asks[ask.worker] = StandingAsk(ask, event.warm)
    worker.shown.ask = Priced(ask.price, event.at)
    yield from expect_asks(book, job, event.at)


def decline(book: Book, event: events.AskDeclined) -> Iterator[Command]:
    job = book.live_job(event.job)
    job.declined[event.worker] = event.reason
    yield from ()


def clear(book: Book, event: events.CallEnded) -> Iterator[Command]:
    job = book.live_job(event.job)
    if not job.calling or job.stopped is not None:
        raise NotAdmitted("no round is open")
    before = {name: standing.code for name, standing in job.asks.items()}
    job.clear(prospects.of(book, job, event.at), event.at)
    for name, standing in list(job.asks.items()):
        if standing.code in {Reason.OUTBID, Reason.OUTRANKED} and prospects.busy(job, book.workers[name]):
            job.asks[name] = replace(standing, code=BUSY, reason=ALL_BUSY)
        now = job.asks[name]
        if now.code not in {"", BARRED, before[name]}:
            yield Tell(name, messages.NotTaken(job.id, now.code, now.reason))
    if job.taken and job.price is not None:
        recent.note_price(book.prices, job.id, Priced(job.price, event.at))
        for device in dict.fromkeys(book.workers[worker].device for worker in job.taken):
            history.cleared(book.history, history.of(job.order.terms.token, device), job.price, event.at)
    yield from lease_out(book, job, event.at)
    audits.close(book, job)  # of whoever was not taken again
    yield from audits.send_probes(book, event.at)


def serve(book: Book, worker: Worker, at: float) -> Iterator[Command]:
    """After one of its slots has become free: the job that has least of the market goes first.

    One whose scene the worker has loaded counts for less, and keeps it until another one has fallen behind:
    whoever went from job to job would load a scene for each tile.
    """
    jobs = [job for job in book.live.values() if job.open_units and worker.id in job.taken]
    for job in sorted(jobs, key=lambda job: len(job.leases) * (1 if job.warm(worker.id) else BEHIND)):
        yield from lease_to(book, job, worker, at)


def lease_out(book: Book, job: Job, at: float) -> Iterator[Command]:
    """Gives every taken worker what its slots hold, in turn, the one that is expected to cost least first."""
    for name in list(job.taken):
        if not job.open_units:
            return
        yield from lease_to(book, job, book.workers[name], at)


def lease_to(book: Book, job: Job, worker: Worker, at: float) -> Iterator[Command]:
    if (
        book.draining
        or worker.free <= 0
        or job.stopped is not None
        or job.adrift
        or at >= job.order.terms.deadline
    ):
        return
    ask = job.taken[worker.id]
    while min(worker.free, ask.slots - len(worker.leases), audits.room(book, job, worker)) > 0:
        unit = job.next_unit(worker.id)
        if unit is None or holds_back(job, worker, ask, unit):
            return
        expiry = min(int(at + book.timing.lease_seconds), job.order.terms.deadline)
        lease = job.lease(unit, worker.id, worker.payout, expiry)
        worker.leases.add(lease.id)
        job.leased_at[lease.id] = at
        yield SendLease(lease)
        yield WakeAt(events.LeaseExpired(float(expiry), lease.id))


def holds_back(job: Job, worker: Worker, ask: Ask, unit: int) -> bool:
    """Whether the worker waits for vouchers first: it would give the lease back."""
    assert job.price is not None
    unsigned = job.ledger.owed.get(worker.payout, 0) - job.ledger.paid.get(worker.payout, 0)
    return ask.holdback > 0 and unsigned > ask.holdback * auction.price_of(job.sizes[unit], job.price)


def deadline(job: Job) -> events.JobCancelled:
    return events.JobCancelled(float(job.order.terms.deadline), job.id, "the deadline has passed")
