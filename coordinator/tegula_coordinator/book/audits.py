"""Delivered results wait in batches; when one is full, a tile of it is probed for all of it.

A batch is of one payout address, whichever of its workers rendered what: who is believed, who is barred and
who is paid is an address, too. It stands or falls with the tile that is drawn from it: nothing that is
accepted has to be taken back later, and cheating on one tile of eight is as dear as if each were probed
(tegula_market.audit).
"""

from collections.abc import Iterable, Iterator, Mapping

from tegula_coordinator import events
from tegula_coordinator.book.job import Job
from tegula_coordinator.book.state import Book, Probing, Worker
from tegula_coordinator.commands import Command, SendProbe, WakeAt
from tegula_market import audit
from tegula_market.audit import Record
from tegula_market.model import Address, Digest, Lease, LeaseId, lease_parts

PROBE_LEASES = 4
"""Times a lease's that a probe may take: a whole tile is rendered twice, on a machine that may be slow."""


OUTSTANDING = 4
"""Batches of a worker, in tiles, that may be under way in a job: two rendered, two that wait."""


def hold(job: Job, lease: Lease, lot: Digest) -> None:
    job.held.setdefault(job.payees[lease.id], {})[lease.id] = lot
    job.unjudged.setdefault(lease.worker, set()).add(lease.id)


def room(book: Book, job: Job, worker: Worker) -> int:
    """Units that a worker may still be leased: of so many at most the verdict is not known.

    Else a stranger with a large machine could take all of a job before its first tile is judged.
    """
    batch = audit.batch_size(book.records.get(worker.payout, Record()))
    leased = sum(lease in job.leases for lease in worker.leases)
    return OUTSTANDING * batch - leased - len(job.unjudged.get(worker.id, ()))


def close(book: Book, job: Job) -> None:
    """Draws from every batch that is full, or that will not grow any more."""
    for payout in list(job.held):
        _close(book, job, payout)


def close_of(book: Book, job: Job, worker: Worker) -> None:
    """As `close`, after what can have filled or ended the batch of one worker's address only."""
    if not job.open_units:  # any batch can have ended with that
        close(book, job)
    elif worker.online and worker.id in job.taken:
        _close(book, job, worker.payout, grows=True)
    else:
        _close(book, job, worker.payout)


def _close(book: Book, job: Job, payout: Address, *, grows: bool = False) -> None:
    """
    Args:
        grows: that it does is known already.
    """
    batch = job.held.get(payout)
    if not batch:
        return
    full = len(batch) >= audit.batch_size(book.records.get(payout, Record()))
    if full or not (grows or _grows(book, job, payout)):
        del job.held[payout]
        _draw(book, job, batch)


def _grows(book: Book, job: Job, payout: Address) -> bool:
    """Whether more is to come from an address that a batch could wait for."""
    if job.stopped is not None:
        return False
    if job.rendering.get(payout):
        return True
    taken = (book.workers[name] for name in job.taken) if job.open_units else ()
    return any(worker.payout == payout and worker.online for worker in taken)


def draw_again(book: Book, job: Job, lease: LeaseId) -> None:
    """A batch whose tile nobody could judge: it is decided by another of its tiles."""
    left = {other: job.lots.pop(other) for other in job.batches.pop(lease)}
    del left[lease]
    if left:
        _draw(book, job, left)


def _draw(book: Book, job: Job, batch: dict[LeaseId, Digest]) -> None:
    chosen = audit.chosen(batch, {lease: job.leases[lease].price for lease in batch})
    job.batches[chosen] = tuple(batch)
    job.lots |= batch
    book.unprobed.append(chosen)


def settle(job: Job, lease: LeaseId) -> tuple[LeaseId, ...]:
    """The leases of a batch that is decided, the audited one first."""
    batch = job.batches.pop(lease)
    for each in batch:
        del job.lots[each]
    return (lease, *(other for other in batch if other != lease))


def forfeit(book: Book, job: Job, leases: Iterable[LeaseId], lots: Mapping[LeaseId, Digest]) -> None:
    """The rest of a batch that was rejected: each is audited by itself, and what is right earns nothing.

    Were these tiles open again, another address of the same owner could lease them, deliver what lies there
    finished, and have lost nothing.
    """
    for lease in leases:
        job.forfeits.add(lease)
        job.touch(lease_parts(lease)[1])
        job.batches[lease], job.lots[lease] = (lease,), lots[lease]
        book.unprobed.append(lease)


def send_probes(book: Book, at: float) -> Iterator[Command]:
    """Gives what waits to verifiers that are free, and rather to one that has not looked at it before."""
    verifiers = [worker for worker in book.verifiers.values() if worker.online]
    while book.unprobed and any(worker.free > 0 for worker in verifiers):
        found = ((lease, _verifier(book, lease, verifiers)) for lease in book.unprobed)
        lease, verifier = next((each for each in found if each[1] is not None), (None, None))
        if lease is None or verifier is None:
            return
        book.unprobed.remove(lease)
        yield from _send(book, lease, verifier, at)


def lose(book: Book, lease: LeaseId) -> None:
    """A probe that its verifier will not bring."""
    probing = book.probers.pop(lease)
    book.workers[probing.verifier].probes.discard(lease)
    book.tried.setdefault(lease, set()).add(probing.verifier)


def forget(book: Book, lease: LeaseId) -> None:
    """Nothing more is to be found out about a lease."""
    book.tried.pop(lease, None)
    book.suspected.pop(lease, None)


def command(book: Book, lease: LeaseId) -> SendProbe:
    job_id, unit, _ = lease_parts(lease)
    job, probing = book.jobs[job_id], book.probers[lease]
    batch = tuple(job.results[lease_parts(each)[1]] for each in job.batches[lease])
    result = job.results[unit]
    strange = not job.strayed and result.device != book.workers[probing.verifier].device
    return SendProbe(
        probing.verifier,
        probing.number,
        lease,
        job_id,
        unit,
        job.order,
        result,
        batch,
        whole=strange or lease in book.suspected,
        strayed=job.strayed,
    )


def alarm(book: Book, lease: LeaseId, at: float) -> WakeAt:
    late = at + PROBE_LEASES * book.timing.lease_seconds
    return WakeAt(events.ProbeExpired(late, lease, book.probers[lease].number))


def _send(book: Book, lease: LeaseId, verifier: Worker, at: float) -> Iterator[Command]:
    book.probes_sent += 1
    book.probers[lease] = Probing(verifier.id, book.probes_sent)
    verifier.probes.add(lease)
    yield command(book, lease)
    yield alarm(book, lease, at)


def _verifier(book: Book, lease: LeaseId, verifiers: list[Worker]) -> Worker | None:
    """One that is free, or None while a better one is busy: that has not tried, or did not suspect."""
    blender = book.jobs[lease_parts(lease)[0]].order.scene.blender
    able = [worker for worker in verifiers if worker.blender == blender]
    fresh = [worker for worker in able if worker.id not in book.tried.get(lease, set())]
    others = [worker for worker in able if worker.id != book.suspected.get(lease)]
    return next((worker for worker in fresh or others or able if worker.free > 0), None)
