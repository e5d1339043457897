"""The coordinator is killed before and after each commit that a job makes, and goes on from its log.

All that is true is stored by `EventLog.append`, so its calls are all the points at which a kill can matter.
"""

import asyncio
import itertools
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from coordinator.house import SESSION, House, an_honest_order, house
from coordinator.playbook import ANN, BOB, JUDGE, SIGNATURE, a_verdict, joined, result, summed_up
from tegula_coordinator import events, tiles
from tegula_coordinator.book import Book, Job, NotAdmitted, Timing, shelf, step
from tegula_coordinator.commands import Command, SendLease, SendRoot, Tell
from tegula_coordinator.events import Event
from tegula_coordinator.store import EventLog
from tegula_market import auction, codec, messages, vouchers
from tegula_market.adapters import signing
from tegula_market.lifecycle import JobPhase, Phase
from tegula_market.model import Address, Ask, Digest, Order, Outcome, Voucher, Wei, lease_parts

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # some thousand commits, each a flush to the disk

PRICE = Wei(40)
SECONDS = 180.0


class Killed(Exception):
    """It does nothing more, and nobody is told."""


class Mortal(EventLog):
    """
    Args:
        commit: the one at which the program dies, counted from 1.
        before: it dies with the batch in its hand; else the batch is on disk, and nothing else has happened.
    """

    def __init__(self, url: str, commit: int, *, before: bool) -> None:
        super().__init__(url)
        self._left, self._before = commit, before

    def append(self, batch: Sequence[Event]) -> list[int]:
        self._left -= 1
        if self._left == 0 and self._before:
            raise Killed
        numbers = super().append(batch)
        if self._left == 0:
            raise Killed
        return numbers


@dataclass(frozen=True, slots=True)
class Life:
    killed: bool
    log: list[Event]
    """All that was ever appended."""
    sent: list[Command]


@pytest.mark.parametrize("end", ["vouchers", "root"])
def test_a_kill_at_any_commit_loses_nothing_and_pays_nothing_twice(end: str, tmp_path: Path) -> None:
    order = an_honest_order(arbiter=Address(b"\x0a" * 20), window=86_400, grace=4 * 86_400)
    tried = 0
    for number in itertools.count():
        commit, before = number // 2 + 1, number % 2 == 0
        folder = tmp_path / f"{commit}-{before}"
        folder.mkdir()
        first = live(folder, order, end, commit, before=before)
        assert_nothing_unsaid(first)
        if not first.killed:
            break
        tried += 1
        second = live(folder, order, end)
        assert not second.killed
        assert second.log[: len(first.log)] == first.log
        assert_nothing_unsaid(second)
        assert_all_is_well(first, second)
    assert tried >= 2 * 12, "joins, order, asks, clearing, four tiles, their verdicts, and the end"


def live(folder: Path, order: Order, end: str, commit: int = 0, *, before: bool = False) -> Life:
    """From what the log has to the job's end, or to the kill."""
    url, sent, killed = f"sqlite:///{folder / 'book.db'}", [], False

    async def run(log: EventLog) -> None:
        async with asyncio.timeout(SECONDS), house(folder, log=log) as it:
            it.commands = sent
            await everybody_plays(it, order, end)

    with closing(Mortal(url, commit, before=before)) as log:
        try:
            asyncio.run(run(log))
        except* Killed:
            killed = True
        return Life(killed, [recorded.event for recorded in log.replay()], sent)


async def everybody_plays(it: House, order: Order, end: str) -> None:
    """Requester, workers and verifier do what is left to do. What they are not sure of they do again."""
    job = it.keeper.book.jobs[await it.open(order)]
    for worker in (ANN, BOB, JUDGE):
        await it.keeper.record(joined(worker))
    while job.phase is JobPhase.OPEN:
        for event in list(moves(it.keeper.book, job)):
            await bring(it, event)
    if end == "root":
        await bring(it, events.RootDecided(time.time(), job.id, "silence"))
        await bring(it, events.RootPosted(time.time(), job.id, bytes(32), job.ledger.total_owed, 1_000))
        await bring(it, events.JobClosed(time.time(), job.id, job.ledger.total_owed, SIGNATURE))
    else:
        await sign(it, job)


async def bring(it: House, event: Event) -> None:
    with suppress(NotAdmitted):  # it is known, or came to nothing by another one
        await it.keeper.record(event)


def moves(book: Book, job: Job) -> Iterator[Event]:
    """What workers and the verifier bring next."""
    now = time.time()
    for worker in (ANN, BOB):
        if worker not in job.asks:
            yield events.AskArrived(now, Ask(worker, job.id, PRICE, 1, 2_000_000_000), warm=False)
    if job.calling:
        yield events.CallEnded(now, job.id)
    for lease in job.leases.values():
        if job.units[lease.unit].phase is Phase.LEASED:
            lot = Digest(bytes([lease.unit]) * 32)
            yield events.ResultArrived(now, lease.worker, result(lease.id), lot)
    for lease_id, probing in book.probers.items():
        batch = (lease_id, *(other for other in job.batches[lease_id] if other != lease_id))
        verdict, *others = (a_verdict(each, Outcome.ACCEPTED) for each in batch)
        yield events.Judged(now, verdict, tuple(others), probing.number, ())


async def sign(it: House, job: Job) -> None:
    at = f"/v1/jobs/{codec.encode(job.id)}"
    for owed in (await it.get(at))["owed"]:
        worker, total = codec.decode(Address, owed["worker"], "worker"), Wei(int(owed["cumulative"]))
        payload = vouchers.voucher_payload(it.domain, Voucher(job.id, worker, total))
        body = {"worker": owed["worker"], "cumulative": owed["cumulative"]}
        signed = body | {"signature": codec.encode(signing.sign(payload, SESSION))}
        assert (await it.post(f"{at}/vouchers", signed)).status_code == 200
    payload = vouchers.close_payload(it.domain, job.id, job.ledger.total_owed)
    closing_body = {
        "owed": str(job.ledger.total_owed),
        "signature": codec.encode(signing.sign(payload, SESSION)),
    }
    assert (await it.post(f"{at}/close", closing_body)).status_code == 200


def replayed(log: list[Event]) -> Book:
    book = Book(tiles.sizes, Timing(call_seconds=0.001, lease_seconds=100))
    for event in log:
        step(book, event)
    book.jobs = {name: shelf.whole(job) for name, job in book.jobs.items()}
    return book


def assert_nothing_unsaid(life: Life) -> None:
    """Whatever was sent follows from what is on disk: no lease, verdict or voucher that a replay denies."""
    book = replayed(life.log)
    for command in life.sent:
        match command:
            case SendLease(lease):
                assert lease.id in book.jobs[lease.job].payees
            case Tell(_, messages.Pay(signed)):
                assert book.jobs[signed.voucher.job].vouchers[signed.voucher.worker] == signed
            case Tell(_, messages.Decided(verdict, _)):
                job, unit, _ = lease_parts(verdict.lease)
                assert verdict in [said for _, said in book.jobs[job].verdicts[unit]]
            case SendRoot(_, job):
                assert book.jobs[job].root is not None


def assert_all_is_well(first: Life, last: Life) -> None:
    before, after = replayed(first.log), replayed(last.log)
    (job,) = after.jobs.values()
    assert after.earnings == summed_up(after)
    assert job.phase is JobPhase.CLOSED
    assert [unit.phase for unit in job.units] == [Phase.ACCEPTED] * len(job.units)
    accepted = [
        verdict.lease
        for event in last.log
        if isinstance(event, events.Judged)
        for verdict in (event.verdict, *event.others)
    ]
    assert len(accepted) == len(set(accepted)) == len(job.units), "nothing is judged twice"
    earned = sum(auction.price_of(size, PRICE) for size in job.sizes)
    assert earned > 0
    assert job.closed == job.ledger.total_owed == earned
    vouchered = [event.signed.voucher for event in last.log if isinstance(event, events.VoucherSigned)]
    assert len(vouchered) == len({voucher.worker for voucher in vouchered})
    assert job.root is not None or sum(voucher.cumulative for voucher in vouchered) == earned
    assert sum(isinstance(event, events.JobClosed) for event in last.log) == 1
    for known in before.jobs.values():
        for unit, state in enumerate(known.units):
            if state.phase is Phase.ACCEPTED:
                assert job.units[unit] == state, "an accepted tile stays as it was"
        assert job.vouchers | known.vouchers == job.vouchers
