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
from tegula_market.model import Lease, LeaseId, Outcome, Verdict, Wei, lease_parts


def suspect(book: Book, event: events.Suspected) -> Iterator[Command]:
    _probed(book, event.lease)
    audits.lose(book, event.lease)
    book.suspected.add(event.lease)
    book.unprobed.appendleft(event.lease)
    yield from audits.send_probes(book, event.at)


def expire_probe(book: Book, event: events.ProbeExpired) -> Iterator[Command]:
    """Nobody is blamed: the tile goes to another verifier."""
    job, _ = _probed(book, event.lease)
    probing = book.probers[event.lease]
    if probing.number != event.probe:
        raise NotAdmitted("the probe came in time")
    audits.lose(book, event.lease)
    yield Tell(probing.verifier, messages.Revoke(event.lease, "the time for this probe is over"))
    yield from _doubt(book, job, event.lease)
    yield from audits.send_probes(book, event.at)
    yield from work.go_on(book, job, event.at)


def judge(book: Book, event: events.Judged) -> Iterator[Command]:
    verdict = event.verdict
    job, _ = _probed(book, verdict.lease)
    decided = verdict.outcome is not Outcome.INCONCLUSIVE
    if decided and {verdict.lease, *(v.lease for v in event.others)} != set(job.batches[verdict.lease]):
        raise NotAdmitted("these verdicts are not on the batch that was audited")
    audits.lose(book, verdict.lease)
    if verdict.outcome is Outcome.INCONCLUSIVE:
        _note(book, job, verdict)
        yield from _doubt(book, job, verdict.lease)
    else:
        yield from _decide(book, job, event)
    yield from audits.send_probes(book, event.at)
    if verdict.outcome is not Outcome.ACCEPTED:
        yield from work.go_on(book, job, event.at)


def _probed(book: Book, lease_id: LeaseId) -> tuple[Job, Lease]:
    job = book.jobs.get(lease_parts(lease_id)[0])
    lease = job.leases.get(lease_id) if job else None
    if job is None or lease is None or lease_id not in book.probers:
        raise NotAdmitted("no verdict is due on this lease")
    return job, lease


def _note(book: Book, job: Job, verdict: Verdict) -> None:
    lease = job.leases[verdict.lease]
    payout = book.workers[lease.worker].payout
    job.verdicts.setdefault(lease.unit, []).append((payout, verdict))


def _decide(book: Book, job: Job, event: events.Judged) -> Iterator[Command]:
    """All of the batch, as the audited tile was."""
    verdicts = {verdict.lease: verdict for verdict in (event.verdict, *event.others)}
    audits.forget(book, event.verdict.lease)
    worker = book.workers[job.leases[event.verdict.lease].worker]
    record = book.records.get(worker.payout, Record())
    for lease_id in audits.settle(job, event.verdict.lease):
        lease, verdict = job.leases[lease_id], verdicts[lease_id]
        _note(book, job, verdict)
        match verdict.outcome:
            case Outcome.ACCEPTED:
                job.pay(lease, worker.payout)
                job.move(lease.unit, lifecycle.Accepted(lease.id))
            case Outcome.REJECTED:
                job.drop(lease)
                job.move(lease.unit, lifecycle.Rejected(lease.id))
            case Outcome.INCONCLUSIVE:
                raise AssertionError("a batch is decided")
            case outcome:
                assert_never(outcome)
        yield Tell(lease.worker, messages.Decided(verdict, job.ledger.owed.get(worker.payout, Wei(0))))
    if event.verdict.outcome is Outcome.ACCEPTED:
        book.records[worker.payout] = record.after_pass()
    else:
        book.records[worker.payout] = record.after_rejection()
        work.bar(job, worker.id, f"a tile was rejected: {event.verdict.reason}")


def _doubt(book: Book, job: Job, lease_id: LeaseId) -> Iterator[Command]:
    lease = job.leases[lease_id]
    job.move(lease.unit, lifecycle.Inconclusive(lease_id))
    if job.units[lease.unit].phase is Phase.DELIVERED:
        book.unprobed.append(lease_id)
        return
    audits.forget(book, lease_id)
    audits.draw_again(book, job, lease_id)
    job.drop(lease)
    yield Tell(lease.worker, messages.Revoke(lease_id, "no verifier could judge the result"))
