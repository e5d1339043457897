import pytest
from hypothesis import given
from hypothesis import strategies as st

from tegula_market.reputation import HALF_LIFE, PARTS, START, WEIGHT, History, Reputation

DAY = 86_400.0
times = st.floats(0, 1e10)
counts = st.floats(0, 1e6)
histories = st.builds(History, counts, counts, times)


def shown(accepted: int, rejected: int = 0, late: int = 0, at: float = 0.0) -> Reputation:
    reputation = Reputation()
    for _ in range(accepted):
        reputation = reputation.delivered(at).judged(at, accepted=True)
    for _ in range(rejected):
        reputation = reputation.delivered(at).judged(at, accepted=False)
    for _ in range(late):
        reputation = reputation.missed(at, 1.0)
    return reputation


def test_a_newcomer_stands_below_whoever_has_shown_anything_good() -> None:
    assert Reputation().failure(0.0) == Reputation().lateness(0.0) == round(PARTS * (1 - START))
    assert shown(1).failure(0.0) < Reputation().failure(0.0)
    assert shown(16).failure(0.0) < PARTS * 0.03


def test_the_formula_is_the_documented_one() -> None:
    """Ten accepted, two rejected, now: (10 + 2 * 0.8) / (12 + 2)."""
    assert shown(10, 2).verdicts.expected(0.0) == pytest.approx(11.6 / 14)
    assert shown(10, 2).failure(0.0) == round(PARTS * (1 - 11.6 / 14))


def test_whoever_fails_often_would_do_better_under_a_new_name() -> None:
    """Why START has to be low: it is the worst that anybody can be taken for."""
    assert shown(7, 3).failure(0.0) > Reputation().failure(0.0)
    assert shown(19, 1).failure(0.0) < Reputation().failure(0.0)


def test_verdicts_and_timeliness_are_apart() -> None:
    late, wrong = shown(20, late=20), shown(20, rejected=20)
    assert late.failure(0.0) == shown(20).failure(0.0)
    assert late.lateness(0.0) > 0.4 * PARTS
    assert wrong.lateness(0.0) < shown(20).lateness(0.0)
    assert wrong.failure(0.0) > 0.4 * PARTS


def test_what_was_good_and_what_was_bad_fades_by_half_in_a_half_life() -> None:
    history = History(100.0, 40.0, 0.0).after(HALF_LIFE)
    assert (history.good, history.bad) == pytest.approx((50.0, 20.0))
    assert shown(10, 10).failure(3650 * DAY) == pytest.approx(PARTS * (1 - START), abs=1)


def test_a_lease_that_is_given_back_early_counts_for_little() -> None:
    assert Reputation().missed(0.0, 0.01).lateness(0.0) < Reputation().missed(0.0, 1.0).lateness(0.0)
    assert Reputation().missed(0.0, 9.0) == Reputation().missed(0.0, 1.0)
    assert Reputation().missed(0.0, -1.0).timeliness == History(0.0, 0.0, 0.0)


@given(histories, times)
def test_what_is_expected_is_a_chance_that_never_reaches_certainty(history: History, at: float) -> None:
    assert 0.0 < history.expected(at) < 1.0


@given(histories, st.floats(0, 1e9))
def test_good_helps_bad_harms_and_time_leads_back_to_the_start(history: History, later: float) -> None:
    at = history.at + later
    now = history.expected(at)
    assert history.after(at, good=1.0).expected(at) >= now >= history.after(at, bad=1.0).expected(at)
    assert abs(history.expected(at + HALF_LIFE) - START) <= abs(now - START) + 1e-9


@given(histories, times, times)
def test_in_how_many_steps_time_passes_makes_no_difference(history: History, one: float, two: float) -> None:
    first, last = sorted((history.at + one, history.at + two))
    assert history.after(first).after(last).expected(last) == pytest.approx(history.expected(last))


def test_a_clock_that_was_set_back_fades_nothing() -> None:
    assert History(3.0, 1.0, 100.0).after(50.0) == History(3.0, 1.0, 100.0)
    assert WEIGHT > 0
