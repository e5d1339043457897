"""Workers come and go, and so does the coordinator itself."""

from collections.abc import Iterator

from tegula_coordinator import events
from tegula_coordinator.book import audits, rounds, verdicts, why, work
from tegula_coordinator.book.state import Book, NotAdmitted, Worker
from tegula_coordinator.commands import Command, Greet, SendLease, SendRoot, Tell, WakeAt
from tegula_market import lifecycle, messages
from tegula_market.lifecycle import JobPhase
from tegula_market.model import lease_parts

AWAY_SECONDS = 30.0
"""After a restart, the time in which workers may come back to what they were rendering."""


DRAINS = "the coordinator is about to end, and calls again when it is back"


def drain(book: Book, _event: events.Draining) -> Iterator[Command]:
    """Whoever asked is told; what is under way goes on, and is judged."""
    book.draining = True
    for job in book.live.values():
        for name in job.asks if job.phase is JobPhase.OPEN else ():
            if book.workers[name].online:
                yield Tell(name, messages.NotTaken(job.id, why.Code.DRAINING, DRAINS))


def restart(book: Book, event: events.Restarted) -> Iterator[Command]:
    book.rules = event.rules
    book.draining = False
    for worker in book.workers.values():
        if worker.online:
            worker.online = False
            yield WakeAt(events.WorkerLeft(event.at + AWAY_SECONDS, worker.id, "did not come back"))
    for lease_id in book.probers:
        yield audits.alarm(book, lease_id, event.at)
    for job in book.live.values():
        yield WakeAt(rounds.deadline(job))
        if job.calling:
            yield WakeAt(events.CallEnded(event.at + book.timing.call_seconds, job.id))
        for lease in job.leases.values():
            # What was finished while nobody was here to take it is worth as much as it was then.
            expiry = max(float(lease.expiry), event.at + AWAY_SECONDS)
            yield WakeAt(events.LeaseExpired(expiry, lease.id))
        if job.look is not None:
            job.look = max(job.look, event.at + AWAY_SECONDS)
            yield WakeAt(events.JobLags(job.look, job.id))


def join(book: Book, event: events.WorkerJoined) -> Iterator[Command]:
    if event.worker in book.banned:
        raise NotAdmitted(book.banned[event.worker].sentence)
    known = book.workers.get(event.worker)
    joined = Worker(event.worker, event.payout, event.blender, event.device, event.slots, event.verifier)
    if known is not None:
        joined.leases, joined.probes, joined.shown = known.leases, known.probes, known.shown
    book.workers[event.worker] = joined
    book.verifiers.pop(event.worker, None)
    if joined.verifier:
        book.verifiers[event.worker] = joined
    yield Greet(joined.id)
    yield from _remind(book, joined)
    if joined.verifier:
        yield from audits.send_probes(book, event.at)
        return
    for job in book.live.values():
        if job.phase is JobPhase.OPEN and joined.payout not in job.barred:
            yield from rounds.call(book, job, joined, messages.Call(job.id, job.order), event.at)


def leave(book: Book, event: events.WorkerLeft) -> Iterator[Command]:
    worker = book.workers.get(event.worker)
    if worker is None:
        raise NotAdmitted("a worker that was never here cannot leave")
    if event.reason == "did not come back" and worker.online:
        raise NotAdmitted("the worker came back in time")
    worker.online = False
    for lease in sorted(worker.leases):
        job = book.jobs[lease_parts(lease)[0]]
        counts = book.proven(job.payees[lease])
        work.end(book, job, job.leases[lease], lifecycle.Expired(lease, counts), event.at)
    for lease in sorted(worker.probes):
        yield from verdicts.give_up(book, lease)
    yield from audits.send_probes(book, event.at)
    for job in list(book.live.values()):
        job.taken.pop(event.worker, None)
        job.asks.pop(event.worker, None)
        yield from work.go_on(book, job, event.at)


def _remind(book: Book, worker: Worker) -> Iterator[Command]:
    """What a worker may have missed; it takes no harm from hearing it twice."""
    for lease in sorted(worker.leases):
        yield SendLease(book.jobs[lease_parts(lease)[0]].leases[lease])
    for lease in sorted(worker.probes):
        yield audits.command(book, lease)
    yield from dues(book, worker)


def dues(book: Book, worker: Worker) -> Iterator[Command]:
    """What it takes to claim what it has earned, all of it again."""
    if worker.verifier:
        return
    for job in map(book.jobs.__getitem__, book.earned.get(worker.payout, ())):
        signed = job.vouchers.get(worker.payout)
        if signed is not None:
            yield Tell(worker.id, messages.Pay(signed))
        rooted = job.root is not None and worker.payout in job.ledger.owed
        if rooted:
            yield SendRoot(worker.id, job.id)
        if rooted or (signed is not None and job.stopped is not None):
            yield Tell(worker.id, messages.Ended(job.id, job.reason))
