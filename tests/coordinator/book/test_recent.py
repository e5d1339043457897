from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.playbook import (
    ANN,
    BOB,
    JOB,
    JUDGE,
    NOW,
    a_book,
    asked,
    called,
    delivered,
    joined,
    judged,
    lease,
    opened,
    play,
)
from tegula_coordinator import events
from tegula_coordinator.book import Book, recent
from tegula_coordinator.book.recent import LEAST_SECONDS, PRICES, RESULTS, Priced, Work
from tegula_coordinator.events import ResultArrived
from tegula_market.model import JobId, Outcome, Wei


def rendered(units: int = 2, **said: float) -> Book:
    """By Ann, one after the other, in what she says are so many seconds."""
    book = a_book(units)
    play(book, joined(ANN), joined(JUDGE), opened(funded=10**6), asked(ANN, 40), called())
    for unit in range(units):
        arrived = delivered(ANN, unit)
        assert isinstance(arrived, ResultArrived)
        play(book, replace(arrived, result=replace(arrived.result, **said)))
        play(book, judged(unit, Outcome.ACCEPTED))
    return book


def test_the_last_ask_is_kept_when_its_worker_comes_again() -> None:
    book = a_book()
    play(book, joined(ANN), opened(), asked(ANN, 40), asked(ANN, 45), events.Restarted(NOW + 9), joined(ANN))
    assert book.workers[ANN].shown.ask == Priced(Wei(45), NOW)


def test_the_price_of_a_job_is_that_of_its_last_round() -> None:
    book = a_book()
    play(book, joined(ANN), opened(), asked(ANN, 40), called())
    assert book.prices == {JOB: Priced(Wei(40), NOW + 2)}
    play(book, joined(BOB), asked(BOB, 50), replace(called(), at=NOW + 7))  # type: ignore[arg-type]
    assert book.prices == {JOB: Priced(Wei(50), NOW + 7)}


def test_a_round_that_takes_nobody_has_no_price() -> None:
    book = a_book()
    play(book, joined(ANN), opened(), asked(ANN, 101), called())
    assert book.prices == {}


def test_an_accepted_result_shows_how_fast_a_device_is() -> None:
    book = rendered(render_seconds=0.25, load_seconds=0.5)
    first, _ = book.workers[ANN].shown.work
    # Leased at the end of the round, a second before the result; a unit is two megasamples.
    assert first == Work(JOB, "CPU", 2_000_000, 0.25, 0.5, pytest.approx(0.25), 0.1, 1.0)
    (speed,) = recent.speeds(book.workers[ANN].shown.work)
    assert (speed.results, speed.jobs, speed.mean, speed.load_seconds) == (2, 1, 8.0, 0.5)


@pytest.mark.parametrize("seconds", [0.0, -1.0, LEAST_SECONDS / 2])
def test_what_took_no_time_says_nothing(seconds: float) -> None:
    assert not rendered(render_seconds=seconds).workers[ANN].shown.work


def test_a_worker_that_adds_up_more_than_there_was_does_not_go_below_nothing() -> None:
    (first, _) = rendered(render_seconds=5.0, load_seconds=-3.0).workers[ANN].shown.work
    assert (first.load_seconds, first.way_seconds) == (0.0, 0.0)


def test_rejected_results_are_forgotten() -> None:
    book = a_book()
    play(book, joined(ANN), joined(JUDGE), opened(), asked(ANN, 40), called(), delivered(ANN, 0))
    play(book, judged(0, Outcome.REJECTED))
    assert not book.workers[ANN].shown.work
    assert lease(0) not in book.jobs[JOB].turnaround
    assert lease(0) not in book.jobs[JOB].leased_at


def test_memory_is_bounded() -> None:
    shown = rendered().workers[ANN].shown
    shown.work.extend(list(shown.work) * RESULTS)
    assert len(shown.work) == RESULTS
    prices: dict[JobId, Priced] = {}
    for number in range(2 * PRICES):
        recent.note_price(prices, JobId(number.to_bytes(32, "big")), Priced(Wei(number), NOW))
    assert [priced.price for priced in prices.values()] == list(range(PRICES, 2 * PRICES))


seconds = st.floats(LEAST_SECONDS, 1e4)
work = st.builds(
    Work,
    st.integers(0, 3).map(lambda number: JobId(bytes([number]) * 32)),
    st.sampled_from(["CPU", "OPTIX"]),
    st.integers(1, 10**9),
    seconds,
    seconds,
    seconds,
    seconds,
)


@given(st.lists(work, max_size=20))
def test_a_mean_lies_between_the_slowest_and_the_fastest_job(done: list[Work]) -> None:
    found = list(recent.speeds(done))
    assert sum(speed.results for speed in found) == len(done)
    assert [speed.device for speed in found] == sorted({work.device for work in done})
    for speed in found:
        assert speed.slowest <= speed.mean * (1 + 1e-9)
        assert speed.mean <= speed.fastest * (1 + 1e-9)
