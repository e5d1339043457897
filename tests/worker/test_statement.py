"""What was earned comes apart into unsigned, owed, lost and claimed, and nothing of it is counted twice."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from orders import an_order
from tegula_market.model import Address, JobId, Signature, SignedVoucher, Voucher, Wei
from tegula_market.vouchers import Domain
from tegula_worker.statement import draw_up
from tegula_worker.store import JobRecord, Leaf
from tegula_worker.tallies import Sums, Tally

ORDER = an_order()
TOKEN, OTHER = ORDER.terms.token, Address(b"\x0b" * 20)
OVER = ORDER.terms.deadline + ORDER.terms.grace


def _job(number: int) -> JobId:
    return JobId(number.to_bytes(32, "big"))


def _record(number: int, vouchered: int, claimed: int, *, ended: bool = False) -> JobRecord:
    none = Signature(bytes(65))
    signed = SignedVoucher(Voucher(_job(number), Address(bytes(20)), Wei(vouchered)), none, none)
    domain = Domain(1, Address(bytes(20)))
    return JobRecord(_job(number), domain, ORDER, signed if vouchered else None, ended, Wei(claimed))


def _tally(number: int, **change: int) -> Tally:
    return replace(Tally(_job(number), TOKEN, OVER, Wei(1)), **change)  # type: ignore[arg-type]


def test_a_job_comes_apart() -> None:
    running = _record(1, 70, 20)
    statement = draw_up([running], [_tally(1, promised=100, fees=3, accepted=4)], Sums())
    (line,) = statement.jobs
    assert (line.earned, line.unsigned, line.owed, line.lost, line.claimed) == (100, 30, 50, 0, 20)
    assert (line.fees, line.accepted, line.state) == (3, 4, "running")
    (token,) = statement.tokens
    assert (token.jobs, token.earned, token.owed, token.claimed) == (1, 100, 50, 20)


def test_what_a_root_pays_is_owed() -> None:
    leaf = Leaf(Wei(90), bytes(32), (), 5, stands=True)
    (line,) = draw_up([replace(_record(1, 70, 20), leaf=leaf)], [_tally(1, promised=90)], Sums()).jobs
    assert (line.unsigned, line.owed, line.rooted, line.state) == (0, 70, 70, "rooted")
    lost = replace(leaf, stands=False)
    (line,) = draw_up([replace(_record(1, 70, 20), leaf=lost)], [_tally(1, promised=90)], Sums()).jobs
    assert (line.unsigned, line.owed, line.rooted, line.state) == (20, 50, 0, "running")


def test_what_a_closed_job_did_not_pay_is_lost() -> None:
    statement = draw_up([], [_tally(1, promised=9, vouchered=8, claimed=5, closed=True)], Sums())
    (line,) = statement.jobs
    assert (line.unsigned, line.owed, line.lost, line.claimed, line.state) == (1, 0, 3, 5, "closed")


def test_jobs_that_were_only_asked_for_are_left_out() -> None:
    refused = _tally(3, refused_vouchers=1)
    statement = draw_up([_record(1, 0, 0)], [_tally(1), _tally(2), refused], Sums())
    assert [line.job for line in statement.jobs] == [_job(3)]


def test_jobs_of_long_ago_are_in_the_sums() -> None:
    sums = Sums().fold(_tally(1, vouchered=9, claimed=5)).fold(replace(_tally(2, vouchered=1), token=OTHER))
    left_by_a_kill = _tally(2, vouchered=1)
    statement = draw_up([_record(3, 2, 0, ended=True)], [left_by_a_kill], sums)
    first, second = statement.tokens
    assert (first.jobs, first.earned, first.owed, first.lost, first.claimed) == (2, 11, 2, 4, 5)
    assert (second.token, second.jobs, second.earned) == (OTHER, 1, 1)


def test_the_most_frequent_refusal_comes_first() -> None:
    sums = (
        Sums().refuse("call", "CLOSED", "", 1).refuse("ask", "OUTBID", "", 2).refuse("ask", "OUTBID", "", 3)
    )
    assert [refusal.code for refusal in draw_up([], [], sums).refusals] == ["OUTBID", "CLOSED"]


amounts = st.integers(0, 10**12)


@given(st.lists(st.tuples(amounts, amounts, amounts, st.booleans()), max_size=6))
def test_the_parts_are_the_whole(jobs: list[tuple[int, int, int, bool]]) -> None:
    records, tallies, sums = [], [], Sums()
    for number, (promised, vouchered, claimed, closed) in enumerate(jobs):
        paid = min(claimed, vouchered)
        if closed:
            sums = sums.fold(_tally(number, promised=promised, vouchered=vouchered, claimed=paid))
        else:
            records.append(_record(number, vouchered, paid))
            tallies.append(_tally(number, promised=promised))
    for line in draw_up(records, tallies, sums).tokens:
        assert line.earned == line.unsigned + line.owed + line.lost + line.claimed
