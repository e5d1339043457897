"""Delivered results wait in batches; when one is full, a tile of it is probed for all of it.

A worker's batch stands or falls with the tile that is drawn from it: nothing that is accepted has to be taken
back later, and cheating on one tile of eight is as dear as if each were probed (tegula_market.audit).
"""

from collections.abc import Iterator

from tegula_coordinator import events
from tegula_coordinator.book.job import Job
from tegula_coordinator.book.state import Book, Probing, Worker
from tegula_coordinator.commands import Command, SendProbe, WakeAt
from tegula_market import audit
from tegula_market.audit import Record
from tegula_market.model import Digest, Lease, LeaseId, WorkerId, lease_parts


def hold(job: Job, lease: Lease, lot: Digest) -> None:
    job.held.setdefault(lease.worker, {})[lease.id] = lot


def close(book: Book, job: Job) -> None:
    """Draws from every batch that is full, or that will not grow any more."""
    for worker, batch in list(job.held.items()):
        record = book.records.get(book.workers[worker].payout, Record())
        ends = not job.open_units or job.stopped is not None or not book.workers[worker].online
        if ends or len(batch) >= audit.batch_size(record):
            del job.held[worker]
            chosen = audit.chosen(batch)
            job.batches[chosen] = tuple(batch)
            job.lots |= batch
            book.unprobed.append(chosen)


def draw_again(book: Book, job: Job, lease: LeaseId) -> None:
    """A batch whose tile nobody could judge: it is decided by another of its tiles."""
    left = {other: job.lots.pop(other) for other in job.batches.pop(lease)}
    del left[lease]
    if left:
        chosen = audit.chosen(left)
        job.batches[chosen] = tuple(left)
        job.lots |= left
        book.unprobed.append(chosen)


def settle(job: Job, lease: LeaseId) -> tuple[LeaseId, ...]:
    """The leases of a batch that is decided, the audited one first."""
    batch = job.batches.pop(lease)
    for each in batch:
        del job.lots[each]
    return (lease, *(other for other in batch if other != lease))


def send_probes(book: Book, at: float) -> Iterator[Command]:
    """Gives what waits to verifiers that are free, and rather to one that has not looked at it before."""
    for lease in list(book.unprobed):
        verifiers = [w for w in book.workers.values() if w.verifier and w.online]
        if not any(worker.free > 0 for worker in verifiers):
            return
        found = _verifier(verifiers, book.tried.get(lease, set()))
        if found is not None:
            book.unprobed.remove(lease)
            yield from _send(book, lease, found, at)


def lose(book: Book, lease: LeaseId) -> None:
    """A probe that its verifier will not bring."""
    probing = book.probers.pop(lease)
    book.workers[probing.verifier].probes.discard(lease)
    book.tried.setdefault(lease, set()).add(probing.verifier)


def forget(book: Book, lease: LeaseId) -> None:
    """Nothing more is to be found out about a lease."""
    book.tried.pop(lease, None)
    book.suspected.discard(lease)


def command(book: Book, lease: LeaseId, verifier: WorkerId) -> SendProbe:
    job_id, unit, _ = lease_parts(lease)
    job = book.jobs[job_id]
    batch = tuple(job.results[lease_parts(each)[1]] for each in job.batches[lease])
    return SendProbe(
        verifier, lease, job_id, unit, job.order, job.results[unit], batch, whole=lease in book.suspected
    )


def alarm(book: Book, lease: LeaseId, at: float) -> WakeAt:
    return WakeAt(events.ProbeExpired(at + book.timing.lease_seconds, lease, book.probers[lease].number))


def _send(book: Book, lease: LeaseId, verifier: Worker, at: float) -> Iterator[Command]:
    book.probes_sent += 1
    book.probers[lease] = Probing(verifier.id, book.probes_sent)
    verifier.probes.add(lease)
    yield command(book, lease, verifier.id)
    yield alarm(book, lease, at)


def _verifier(verifiers: list[Worker], tried: set[WorkerId]) -> Worker | None:
    """One that is free; None if one that has not tried yet is only busy."""
    fresh = [worker for worker in verifiers if worker.id not in tried] or verifiers
    return next((worker for worker in fresh if worker.free > 0), None)
