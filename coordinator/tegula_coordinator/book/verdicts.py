"""What becomes of a batch once a verifier has looked at one of its tiles, or could not."""

from collections.abc import Iterator

from tegula_coordinator import events
from tegula_coordinator.book import audits, history, overtaking, recent, rounds, work
from tegula_coordinator.book.job import Job
from tegula_coordinator.book.state import Book, NotAdmitted, Worker
from tegula_coordinator.commands import Command, Tell
from tegula_market import lifecycle, messages
from tegula_market.audit import Record
from tegula_market.lifecycle import Phase
from tegula_market.model import Lease, LeaseId, Outcome, Verdict, Wei, lease_parts

OVERTAKEN = "another worker's result of the same tile was right first"


def suspect(book: Book, event: events.Suspected) -> Iterator[Command]:
    _probed(book, event.lease, event.probe)
    yield from _look_again(book, event.lease, event.at)


def expire_probe(book: Book, event: events.ProbeExpired) -> Iterator[Command]:
    """Nobody is blamed: the tile goes to another verifier."""
    job = _probed(book, event.lease, event.probe)
    verifier = book.probers[event.lease].verifier
    yield Tell(verifier, messages.Revoke(event.lease, "the time for this probe is over"))
    yield from give_up(book, event.lease)
    yield from audits.send_probes(book, event.at)
    yield from work.go_on(book, job, event.at)


def judge(book: Book, event: events.Judged) -> Iterator[Command]:
    verdict = event.verdict
    job = _probed(book, verdict.lease, event.probe)
    if event.strayed:
        job.strayed = tuple(map(max, event.strayed, job.strayed or event.strayed))
    if verdict.outcome is Outcome.REJECTED and event.strayed and verdict.lease not in book.suspected:
        # A first look was at all of the tile already; but no single look rejects for its pixels.
        yield from _look_again(book, verdict.lease, event.at)
        return
    if verdict.outcome is Outcome.INCONCLUSIVE:
        _note(job, verdict)
        yield from give_up(book, verdict.lease)
    else:
        accepted = verdict.outcome is Outcome.ACCEPTED
        on = {verdict.lease, *(other.lease for other in event.others)}
        if on != (set(job.batches[verdict.lease]) if accepted else {verdict.lease}):
            raise NotAdmitted("these verdicts are not on the batch that was audited")
        audits.lose(book, verdict.lease)
        audits.forget(book, verdict.lease)
        yield from (_accept if accepted else _reject)(book, job, event)
    yield from audits.send_probes(book, event.at)
    if verdict.outcome is Outcome.ACCEPTED:
        units = (lease_parts(each)[1] for each in on)
        for worker in sorted({job.last[unit].worker for unit in units}):
            yield from work.take_up(book, job, book.workers[worker], event.at)
    else:
        yield from work.go_on(book, job, event.at)


def _look_again(book: Book, lease: LeaseId, at: float) -> Iterator[Command]:
    book.suspected[lease] = book.probers[lease].verifier
    audits.lose(book, lease)
    book.unprobed.appendleft(lease)
    yield from audits.send_probes(book, at)


def give_up(book: Book, lease_id: LeaseId) -> Iterator[Command]:
    """A probe came to nothing, as probes on verifiers that crash: another one, within bounds."""
    job = book.jobs[lease_parts(lease_id)[0]]
    lease = job.leases[lease_id]
    audits.lose(book, lease_id)
    job.move(lease.unit, lifecycle.Inconclusive(lease_id, book.proven(job.payees[lease_id])))
    if job.units[lease.unit].phase is Phase.DELIVERED:
        book.unprobed.append(lease_id)
        return
    audits.forget(book, lease_id)
    audits.draw_again(book, job, lease_id)
    job.drop(lease)
    work.take_waiting(job, lease.unit)
    yield Tell(lease.worker, messages.Revoke(lease_id, "no verifier could judge the result"))


def _probed(book: Book, lease_id: LeaseId, number: int) -> Job:
    job, probing = book.jobs.get(lease_parts(lease_id)[0]), book.probers.get(lease_id)
    if job is None or probing is None or probing.number != number:
        raise NotAdmitted("that probe is over")
    return job


def _note(job: Job, verdict: Verdict) -> None:
    unit = lease_parts(verdict.lease)[1]
    job.verdicts.setdefault(unit, []).append((job.payees[verdict.lease], verdict))
    job.touch(unit)


def _accept(book: Book, job: Job, event: events.Judged) -> Iterator[Command]:
    """All of the batch, as the audited tile was."""
    verdicts = {verdict.lease: verdict for verdict in (event.verdict, *event.others)}
    payout = job.payees[event.verdict.lease]
    if event.verdict.lease not in job.forfeits:
        book.records[payout] = book.records.get(payout, Record()).after_pass()
        book.reputations[payout] = book.reputation(payout).judged(event.at, accepted=True)
    overtaken: list[Worker] = []
    for lease_id in audits.settle(job, event.verdict.lease):
        lease = job.leases[lease_id]
        _note(job, verdicts[lease_id])
        recent.note_work(book.workers[lease.worker].shown, job, lease, verdicts[lease_id])
        _sold(book, job, lease, event.at)
        second = job.units[lease.unit].second
        before = job.ledger.total_owed
        job.pay(lease)
        if earned := job.ledger.total_owed - before:  # a forfeit one earns nothing
            book.earn(job.payees[lease_id], job.order.terms.token, owed=earned)
        job.move(lease.unit, lifecycle.Accepted(lease.id))
        yield _told(job, lease, verdicts[lease_id])
        if second is not None:
            overtaken.append(book.workers[job.leases[second].worker])
            yield from overtaking.end(book, job, second, OVERTAKEN, event.at)
    for worker in overtaken:
        yield from rounds.serve(book, worker, event.at)
        yield from overtaking.watch_for(book, worker, event.at)


def _sold(book: Book, job: Job, lease: Lease, at: float) -> None:
    assert job.price is not None
    of = history.of(job.order.terms.token, book.workers[lease.worker].device)
    history.accepted(book.history, of, job.price, job.sizes[lease.unit], at)


def _reject(book: Book, job: Job, event: events.Judged) -> Iterator[Command]:
    """The audited tile; the rest of its batch is forfeit."""
    lease = job.leases[event.verdict.lease]
    payout = job.payees[lease.id]
    lots = dict(job.lots)
    _, *others = audits.settle(job, lease.id)
    _note(job, event.verdict)
    job.move(lease.unit, lifecycle.Rejected(lease.id, counts=book.proven(payout)))
    job.drop(lease)
    work.take_waiting(job, lease.unit)
    book.records[payout] = book.records.get(payout, Record()).after_rejection()
    book.reputations[payout] = book.reputation(payout).judged(event.at, accepted=False)
    work.bar(book, job, payout, f"a tile was rejected: {event.verdict.reason}")
    for other in [each for each in others if job.units[lease_parts(each)[1]].second is not None]:
        # Somebody else renders it beside this worker, and is paid if it is right.
        others.remove(other)
        fallen = job.leases[other]
        job.move(fallen.unit, lifecycle.Rejected(other, counts=False))
        job.drop(fallen)
        work.take_waiting(job, fallen.unit)
        yield Tell(fallen.worker, messages.Revoke(other, "a tile of its batch was rejected"))
    audits.forfeit(book, job, others, lots)
    yield _told(job, lease, event.verdict)


def _told(job: Job, lease: Lease, verdict: Verdict) -> Tell:
    owed = job.ledger.owed.get(job.payees[lease.id], Wei(0))
    return Tell(lease.worker, messages.Decided(verdict, owed))
