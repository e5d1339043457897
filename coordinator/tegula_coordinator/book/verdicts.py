"""What becomes of a batch once a verifier has looked at one of its tiles, or could not."""

from collections.abc import Iterator
from typing import assert_never

from tegula_coordinator import events
from tegula_coordinator.book import audits, work
from tegula_coordinator.book.job import Job
from tegula_coordinator.book.state import Book, NotAdmitted
from tegula_coordinator.commands import Command, Tell
from tegula_market import lifecycle, messages
from tegula_market.audit import Record
from tegula_market.lifecycle import Phase
from tegula_market.model import LeaseId, Outcome, Verdict, Wei, lease_parts


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
        if {verdict.lease, *(v.lease for v in event.others)} != set(job.batches[verdict.lease]):
            raise NotAdmitted("these verdicts are not on the batch that was audited")
        audits.lose(book, verdict.lease)
        yield from _decide(book, job, event)
    yield from audits.send_probes(book, event.at)
    if verdict.outcome is Outcome.ACCEPTED:
        yield from work.take_up(book, job, event.at)
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
    job.move(lease.unit, lifecycle.Inconclusive(lease_id))
    if job.units[lease.unit].phase is Phase.DELIVERED:
        book.unprobed.append(lease_id)
        return
    audits.forget(book, lease_id)
    audits.draw_again(book, job, lease_id)
    job.drop(lease)
    yield Tell(lease.worker, messages.Revoke(lease_id, "no verifier could judge the result"))


def _probed(book: Book, lease_id: LeaseId, number: int) -> Job:
    job, probing = book.jobs.get(lease_parts(lease_id)[0]), book.probers.get(lease_id)
    if job is None or probing is None or probing.number != number:
        raise NotAdmitted("that probe is over")
    return job


def _note(job: Job, verdict: Verdict) -> None:
    unit = lease_parts(verdict.lease)[1]
    job.verdicts.setdefault(unit, []).append((job.payees[verdict.lease], verdict))


def _decide(book: Book, job: Job, event: events.Judged) -> Iterator[Command]:
    """All of the batch, as the audited tile was."""
    verdicts = {verdict.lease: verdict for verdict in (event.verdict, *event.others)}
    audits.forget(book, event.verdict.lease)
    payout = job.payees[event.verdict.lease]
    record = book.records.get(payout, Record())
    for lease_id in audits.settle(job, event.verdict.lease):
        lease, verdict = job.leases[lease_id], verdicts[lease_id]
        _note(job, verdict)
        match verdict.outcome:
            case Outcome.ACCEPTED:
                job.pay(lease)
                job.move(lease.unit, lifecycle.Accepted(lease.id))
            case Outcome.REJECTED:
                job.drop(lease)
                job.move(lease.unit, lifecycle.Rejected(lease.id, counts=record.passed > 0))
            case Outcome.INCONCLUSIVE:
                raise AssertionError("a batch is decided")
            case outcome:
                assert_never(outcome)
        owed = job.ledger.owed.get(job.payees[lease_id], Wei(0))
        yield Tell(lease.worker, messages.Decided(verdict, owed))
    if event.verdict.outcome is Outcome.ACCEPTED:
        book.records[payout] = record.after_pass()
    else:
        book.records[payout] = record.after_rejection()
        work.bar(book, job, payout, f"a tile was rejected: {event.verdict.reason}")
