"""The provider's books, with kills in between."""

from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from fakes import FullDisk
from orders import an_order
from tegula_market import messages
from tegula_market.model import (
    ETHER,
    Address,
    Digest,
    JobId,
    Outcome,
    Result,
    Signature,
    SignedVoucher,
    Verdict,
    Voucher,
    Wei,
    lease_id,
)
from tegula_market.vouchers import Domain
from tegula_worker import books as bookkeeping
from tegula_worker.books import Books
from tegula_worker.claiming import LOST_SECONDS
from tegula_worker.objections import Code, Objection
from tegula_worker.room import NoRoom
from tegula_worker.store import JobRecord, Store
from tegula_worker.tallies import KEPT_SIGHTINGS, Tally

JOB, ORDER = JobId(b"\x07" * 32), an_order()
OVER = ORDER.terms.deadline + ORDER.terms.grace
RECORD = JobRecord(JOB, Domain(31337, Address(b"\x01" * 20)), ORDER)
VERDICT = Verdict(lease_id(JOB, 0, 1), Outcome.ACCEPTED, 0.0, 1.0, 64, 0.1, "", bytes(32))
RESULT = Result(VERDICT.lease, Digest(bytes(32)), 2.0, 0.0, "CPU", Signature(bytes(65)))


class Clock:
    now = float(OVER)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def _paid(record: JobRecord, earned: int, claimed: int) -> JobRecord:
    none = Signature(bytes(65))
    voucher = SignedVoucher(Voucher(record.job, Address(bytes(20)), Wei(earned)), none, none)
    return replace(record, voucher=voucher, claimed=Wei(claimed))


def test_what_happens_in_a_job_is_on_the_disk(store: Store, tmp_path: Path) -> None:
    books = Books(store)
    books.ask(JOB, ORDER, Wei(50))
    books.ask(JOB, ORDER, Wei(40))
    books.judge(VERDICT, Wei(9))
    books.judge(replace(VERDICT, outcome=Outcome.REJECTED, reason="unequal"), Wei(9))
    books.judge(replace(VERDICT, outcome=Outcome.INCONCLUSIVE), Wei(9))
    books.refuse_voucher(JOB, "it pays somebody else")
    books.spend(JOB, Wei(3))
    books.spend(JOB, Wei(4))
    tally = Store(tmp_path).tally(JOB)
    assert tally is not None
    assert (tally.asked, tally.promised, tally.accepted, tally.fees) == (40, 9, 1, 7)
    assert (tally.rejected, tally.rejection, tally.refused_vouchers) == (1, "unequal", 1)
    assert (tally.token, tally.until) == (ORDER.terms.token, OVER)
    assert (books.asked(JOB), books.asked(JobId(bytes(32)))) == (40, 0)


def test_a_job_never_asked_for_gets_no_tally(store: Store) -> None:
    Books(store).refuse_voucher(JOB, "never asked")
    assert list(store.tallies()) == []


def test_what_is_owed_is_the_last_word_less_what_was_claimed(store: Store) -> None:
    books = Books(store)
    assert books.owed(JOB) == 0
    books.ask(JOB, ORDER, Wei(1))
    books.judge(VERDICT, Wei(9))
    assert books.owed(JOB) == 9
    store.keep_job(_paid(RECORD, 12, 5))
    assert books.owed(JOB) == 7


def test_prices_and_speeds_that_were_seen(store: Store, tmp_path: Path) -> None:
    books = Books(store, Clock())
    books.ask(JOB, ORDER, Wei(100))
    books.win(2_000_000, Wei(240))
    books.lose(JOB, "OUTBID", "others go first")
    books.lose(JOB, "EXPIRED", "taken back by the worker itself")
    books.lose(JobId(bytes(32)), "OUTBID", "of a job without a price")
    books.finish(1_000_000, messages.Deliver(RESULT))
    books.finish(1_000_000, messages.Return(VERDICT.lease, "CRASHED", "it fell over"))
    books.refuse("call", Objection(Code.CLOSED, "at night"))
    sums = Books(Store(tmp_path)).sums
    assert (sums.prices, sums.speed) == ((120, 90), 500_000)
    assert {(r.kind, r.code, r.count, r.at) for r in sums.refusals} == {
        ("ask", "OUTBID", 2, OVER),
        ("lease", "CRASHED", 1, OVER),
        ("call", "CLOSED", 1, OVER),
    }


def test_a_price_that_is_known_costs_no_write(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job has thousands of tiles, all of them at one price."""
    books, written = Books(store, Clock()), []
    keep = store.keep_sums
    monkeypatch.setattr(store, "keep_sums", lambda sums: (written.append(sums), keep(sums)))
    for _ in range(3 * KEPT_SIGHTINGS):
        books.win(1_000_000, Wei(100))
    assert len(written) == KEPT_SIGHTINGS


def test_what_is_over_is_closed(store: Store) -> None:
    clock = Clock()
    books = Books(store, clock)
    for number, record in enumerate((RECORD, _paid(RECORD, 9, 9), _paid(RECORD, 9, 5))):
        job = JobId(bytes([number]) * 32)
        store.keep_job(replace(record, job=job))
        books.ask(job, ORDER, Wei(1))
    clock.now = OVER - 1
    books.tidy()
    assert len(list(store.jobs())) == 3
    clock.now = OVER
    books.tidy()
    assert [record.claimed for record in store.jobs()] == [5], "what is not claimed is kept for longer"
    assert [t.earned for t in store.tallies() if t.closed] == [9], "of a job without work nothing stays"
    clock.now = OVER + LOST_SECONDS
    books.tidy()
    assert list(store.jobs()) == []
    assert [(t.vouchered, t.claimed) for t in store.tallies()] == [(9, 9), (9, 5)]


def test_a_kill_while_a_job_is_closed(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.keep_job(_paid(RECORD, 9, 9))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Store, "drop_job", killed)
        with pytest.raises(KeyboardInterrupt):
            Books(store, Clock()).tidy()
    again = Store(tmp_path)
    Books(again, Clock()).tidy()
    assert list(again.jobs()) == []
    assert [t.vouchered for t in again.tallies()] == [9]


def test_the_oldest_jobs_are_summed_up_once(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bookkeeping, "KEPT_JOBS", 2)
    for number in range(4):
        terms = replace(ORDER.terms, deadline=ORDER.terms.deadline - number)
        order = replace(ORDER, terms=terms)
        store.keep_job(_paid(JobRecord(JobId(bytes([number]) * 32), RECORD.domain, order), 10 + number, 10))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    late = lambda: float(OVER + LOST_SECONDS)  # noqa: E731
    with monkeypatch.context() as patch:
        patch.setattr(Store, "drop_tally", killed)
        books = Books(store, late)
        with pytest.raises(KeyboardInterrupt):
            books.tidy()
    again = Store(tmp_path)
    books = Books(again, late)
    books.tidy()
    assert [t.job[0] for t in again.tallies()] == [0, 1], "the newest"
    (total,) = books.sums.totals
    assert (total.jobs, total.vouchered, total.claimed) == (2, 12 + 13, 20)


def test_a_deposit_that_went_back_is_given_up(store: Store) -> None:
    books = Books(store, Clock())
    store.keep_job(_paid(RECORD, 9, 5))
    books.give_up(_paid(RECORD, 9, 5))
    assert list(store.jobs()) == []
    (tally,) = store.tallies()
    assert (tally.vouchered, tally.claimed, tally.closed) == (9, 5, True)


def test_a_count_without_room_stops_nobody(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = Books(store, Clock())
    books.ask(JOB, ORDER, Wei(1))
    disk = FullDisk(tmp_path, monkeypatch)
    with structlog.testing.capture_logs() as said:
        books.lose(JOB, "OUTBID", "")
        books.judge(VERDICT, Wei(5))
    assert [line["event"] for line in said] == ["not in the books"] * 3
    assert (books.sums.refusals, books.owed(JOB)) == ((), 0)
    disk.full = False
    books.judge(VERDICT, Wei(9))
    assert books.owed(JOB) == 9, "the next word says it again"


def test_nothing_is_dropped_that_was_not_summed_up(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bookkeeping, "KEPT_JOBS", 0)
    books = Books(store, Clock())
    store.keep_tally(Tally(JOB, ETHER, OVER, Wei(1), Wei(9), Wei(9), Wei(9), closed=True))
    disk = FullDisk(tmp_path, monkeypatch)
    with pytest.raises(NoRoom):
        books.tidy()
    assert [tally.earned for tally in store.tallies()] == [9]
    disk.full = False
    books.tidy()
    assert (list(store.tallies()), [total.earned for total in books.sums.totals]) == ([], [9])
