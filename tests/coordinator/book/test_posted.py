"""Jobs that wait for a price, and workers whose price comes down to it."""

from dataclasses import replace

import pytest

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
    leases,
    opened,
    payout,
    play,
    posted,
    told,
)
from tegula_coordinator import events
from tegula_coordinator.book import Book, NotAdmitted, step
from tegula_coordinator.book import posted as posting
from tegula_coordinator.events import Event
from tegula_market import messages
from tegula_market.auction import MAX_PRICE
from tegula_market.model import Address, Ask, JobId, Outcome, Wei

OTHER_TOKEN = Address(b"\x0e" * 20)
DEAR = joined(ANN), posted(ANN, 120), opened(), asked(ANN, 120), called()
"""The job pays 100 at most, so Ann has nothing of it."""


def waiting(*script: Event, units: int = 2) -> Book:
    book = a_book(units)
    play(book, *(script or DEAR))
    return book


def calls(book: Book, *script: Event) -> int:
    """How often Ann is called by the last event."""
    return told(play(book, *script), ANN).count(messages.Call)


def test_a_worker_that_comes_down_to_the_ceiling_is_called_and_served() -> None:
    book = waiting()
    assert calls(book, posted(ANN, 100, at=NOW + 9)) == 1
    assert leases(play(book, asked(ANN, 100), called())) == [(ANN, 0, 200)]


@pytest.mark.parametrize("prices", [(110,), (130,), (101, 119), (130, 101)])
def test_a_price_that_stays_above_the_ceiling_calls_nobody(prices: tuple[int, ...]) -> None:
    book = waiting()
    assert [calls(book, posted(ANN, price)) for price in prices] == [0] * len(prices)


def test_it_is_called_once_for_each_time_that_it_comes_down() -> None:
    book = waiting()
    prices = 90, 80, 100, 101, 90
    assert [calls(book, posted(ANN, price)) for price in prices] == [1, 0, 0, 0, 1]
    play(book, posted(ANN, 120), posted(ANN, 90), asked(ANN, 90), called())
    assert [calls(book, posted(ANN, price)) for price in (80, 90, 100)] == [0, 0, 0]


def test_a_worker_that_goes_above_the_ceiling_is_called_and_leased_no_more() -> None:
    """What it asked by night does not bind it by day."""
    book = waiting(joined(ANN), posted(ANN, 40), opened(), asked(ANN, 40), called())
    assert calls(book, posted(ANN, 120)) == 1
    play(book, asked(ANN, 120), called())
    assert leases(play(book, delivered(ANN, 0))) == []
    assert calls(book, posted(ANN, 40)) == 1
    assert leases(play(book, asked(ANN, 40), called())) == [(ANN, 1, 80)]


def test_a_job_that_asks_more_of_it_than_is_posted_does_not_call_again_and_again() -> None:
    """It is too small for the worker: the ask for the job is above the ceiling, the posted one below."""
    book = waiting(joined(ANN), posted(ANN, 60), opened(), asked(ANN, 120), called())
    assert [calls(book, posted(ANN, price)) for price in (50, 40, 99)] == [0, 0, 0]


@pytest.mark.parametrize(
    "instead",
    [
        [joined(ANN), posted(ANN, 120), opened(), events.AskDeclined(NOW, ANN, JOB, "a deadline too near")],
        [joined(ANN), posted(ANN, 120, token=OTHER_TOKEN), opened(), asked(ANN, 120), called()],
        [joined(ANN, blender="4.2.23"), posted(ANN, 120), opened()],
        [*DEAR, events.JobCancelled(NOW + 3, JOB, "enough")],
        [*DEAR, events.Draining(NOW + 3)],
        [joined(ANN), opened(), asked(ANN, 120), called()],
    ],
    ids=["declined", "other token", "other Blender", "cancelled", "draining", "nothing posted before"],
)
def test_who_would_not_be_taken_for_another_reason_is_not_called(instead: list[Event]) -> None:
    book = waiting(*instead)
    stands = book.workers[ANN].posted
    assert calls(book, posted(ANN, 40, token=stands.token if stands else None)) == 0


def test_a_barred_worker_is_not_called() -> None:
    book = waiting(joined(JUDGE), joined(ANN), posted(ANN, 40), opened(), asked(ANN, 40), called())
    play(book, delivered(ANN, 0), judged(0, Outcome.REJECTED))
    assert payout(ANN) in book.jobs[JOB].barred
    assert [calls(book, posted(ANN, price)) for price in (120, 40)] == [0, 0]


def test_an_ask_whose_answer_is_on_its_way_at_the_old_price_is_asked_for_again() -> None:
    book = waiting(joined(ANN), posted(ANN, 120), opened())
    assert calls(book, posted(ANN, 90)) == 1


def test_a_job_with_nothing_open_hears_of_it_for_the_time_when_there_is() -> None:
    """Bob renders all of it and leaves."""
    first = joined(ANN), joined(BOB), posted(ANN, 120), opened(), asked(ANN, 120), asked(BOB, 50), called()
    book = waiting(*first, units=1)
    assert not book.jobs[JOB].open_units
    play(book, posted(ANN, 90), asked(ANN, 90), called())
    play(book, events.WorkerLeft(NOW + 3, BOB, "silent"))
    assert leases(play(book, called())) == [(ANN, 0, 180)]


def test_only_the_jobs_whose_ceilings_lie_between_are_called_for() -> None:
    book = waiting()
    ceilings = {JobId(bytes([price]) * 32): Wei(price) for price in (60, 80, 119, 130)}
    for job, ceiling in ceilings.items():
        opening = opened()
        assert isinstance(opening, events.JobOpened)
        play(book, replace(opening, job=job, order=replace(opening.order, ceiling=ceiling)))
    commands = play(book, posted(ANN, 80))
    called_for = [c.message.job for c in commands if isinstance(getattr(c, "message", None), messages.Call)]
    assert called_for == [JOB, *(job for job, ceiling in ceilings.items() if 80 <= ceiling < 120)]


@pytest.mark.parametrize(
    "event",
    [
        posted(BOB, 40),
        posted(JUDGE, 40),
        posted(ANN, 120),
        posted(ANN, 0),
        posted(ANN, MAX_PRICE + 1),
        posted(ANN, 40, slots=2),
        posted(ANN, 40, slots=-1),
    ],
    ids=[
        "never here",
        "a verifier",
        "the same again",
        "no price",
        "absurd",
        "too many slots",
        "fewer than none",
    ],
)
def test_what_nobody_can_ask_changes_nothing_and_is_not_logged(event: Event) -> None:
    book = waiting(joined(JUDGE), *DEAR)
    before = book.workers[ANN].posted
    with pytest.raises(NotAdmitted):
        step(book, event)
    assert book.workers[ANN].posted == before


def test_an_ask_that_is_taken_back_stands_no_more_and_a_new_connection_begins_without_one() -> None:
    book = waiting()
    assert calls(book, posted(ANN, 40, slots=0)) == 0
    assert book.workers[ANN].posted is None
    with pytest.raises(NotAdmitted, match="already"):
        step(book, posted(ANN, 40, slots=0))
    play(book, posted(ANN, 40), joined(ANN))
    assert book.workers[ANN].posted is None
    play(book, events.WorkerLeft(NOW + 3, ANN, "silent"))
    with pytest.raises(NotAdmitted):
        step(book, posted(ANN, 40))


def test_the_lowest_ask_is_that_of_those_who_could_render_it() -> None:
    book = waiting()
    job = book.jobs[JOB]
    assert posting.lowest(book, job) == 120
    play(book, posted(ANN, 110))
    assert posting.lowest(book, job) == 110
    play(book, joined(BOB), posted(BOB, 105))
    assert posting.lowest(book, job) == 105
    play(book, events.AskDeclined(NOW, BOB, JOB, "a deadline too near"))
    assert posting.lowest(book, job) == 110
    play(book, joined(BOB, blender="4.2.23"), posted(BOB, 105))
    assert posting.lowest(book, job) == 110
    play(book, posted(ANN, 60), asked(ANN, 130))
    assert posting.lowest(book, job) == 130, "it asks more for a job so small"
    play(book, joined(BOB), posted(BOB, 70))
    assert posting.lowest(book, job) == 130, "Bob was called and has not asked"
    play(book, events.WorkerLeft(NOW + 3, ANN, "silent"))
    assert posting.lowest(book, job) is None


def test_the_ask_of_a_worker_that_rests_is_not_the_lowest() -> None:
    """Ann is too dear; Bob asked for less than the ceiling and has paused since."""
    book = waiting()
    paused = events.AskArrived(NOW, Ask(BOB, JOB, Wei(80), 1, int(NOW)), warm=False)
    play(book, joined(BOB), asked(BOB, 80), paused, called())
    assert book.jobs[JOB].asks[BOB].code == "EXPIRED"
    assert posting.lowest(book, book.jobs[JOB]) == 120
