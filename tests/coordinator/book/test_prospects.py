from dataclasses import replace

import pytest

from coordinator.playbook import (
    ANN,
    BOB,
    EVE,
    JOB,
    JUDGE,
    NOW,
    a_book,
    alarms,
    asked,
    called,
    delivered,
    joined,
    judged,
    lease,
    leases,
    opened,
    payout,
    play,
)
from tegula_coordinator import events
from tegula_coordinator.book import Book, prospects
from tegula_coordinator.book.recent import Work
from tegula_market.auction import Reason
from tegula_market.lifecycle import Phase
from tegula_market.model import Ask, Outcome, Wei, WorkerId
from tegula_market.reputation import PARTS, START, Reputation


def work(seconds: float, load: float = 0.0) -> Work:
    return Work(JOB, "CPU", 2_000_000, seconds, load, 0.0, 0.0, seconds + load)


def expired(unit: int, attempt: int, at: float) -> events.Event:
    return events.LeaseExpired(at, lease(unit, attempt))


def failing(book: Book, worker: WorkerId) -> float:
    return book.reputation(payout(worker)).failure(NOW) / PARTS


def test_verdicts_and_results_make_a_reputation() -> None:
    book = a_book(2)
    play(book, joined(ANN), joined(JUDGE), opened(), asked(ANN, 40), called(), delivered(ANN, 0))
    assert book.reputation(payout(ANN)).timeliness.good == 1.0
    assert failing(book, ANN) == pytest.approx(1 - START)
    play(book, judged(0, Outcome.ACCEPTED))
    assert failing(book, ANN) < 1 - START
    play(book, delivered(ANN, 1), judged(1, Outcome.REJECTED))
    assert failing(book, ANN) > 1 - START


def test_what_no_verifier_could_judge_says_nothing() -> None:
    book = a_book(1)
    play(book, joined(ANN), joined(JUDGE), opened(), asked(ANN, 40), called(), delivered(ANN, 0))
    play(book, judged(0, Outcome.INCONCLUSIVE))
    assert book.reputation(payout(ANN)).verdicts.bad == 0.0


@pytest.mark.parametrize(
    ("event", "bad"),
    [
        (events.LeaseExpired(NOW + 102, lease(0)), 1.0),
        (events.WorkerLeft(NOW + 52, ANN, "silent"), 0.5),
        (events.LeaseReturned(NOW + 2, ANN, lease(0), "CRASHED", "it crashed"), 0.0),
    ],
)
def test_a_lease_that_came_to_nothing_counts_by_how_long_it_was_held(event: events.Event, bad: float) -> None:
    book = a_book(1)
    play(book, joined(ANN), joined(BOB), opened(), asked(ANN, 40), called(), event)
    assert book.reputation(payout(ANN)).timeliness.bad == pytest.approx(bad)
    assert book.reputation(payout(ANN)).verdicts == Reputation().verdicts


def test_whoever_was_rejected_elsewhere_loses_at_a_lower_price_and_is_told_why() -> None:
    book = a_book(1)
    book.reputations[payout(EVE)] = Reputation().judged(NOW, accepted=False).judged(NOW, accepted=False)
    play(book, joined(EVE), joined(ANN), opened(), asked(EVE, 10), asked(ANN, 40))
    assert leases(play(book, called())) == [(ANN, 0, 80)]
    assert book.jobs[JOB].asks[EVE].code == Reason.OUTRANKED
    assert "expected to fail" in book.jobs[JOB].asks[EVE].reason


def test_whoever_is_alone_is_taken_whatever_it_has_shown() -> None:
    book = a_book(1)
    book.reputations[payout(EVE)] = Reputation().judged(NOW, accepted=False).missed(NOW, 1.0)
    assert leases(play(book, joined(EVE), opened(), asked(EVE, 40), called())) == [(EVE, 0, 80)]


def test_a_lease_that_ran_out_gives_another_its_turn() -> None:
    book = a_book(1)
    play(book, joined(ANN), joined(BOB), opened(), asked(ANN, 40), asked(BOB, 41), called())
    commands = play(book, expired(0, 1, NOW + 102))
    assert leases(commands) == []
    assert events.CallEnded(NOW + 104, JOB) in alarms(commands)
    assert leases(play(book, events.CallEnded(NOW + 104, JOB))) == [(BOB, 0, 82)]


def test_whoever_lets_three_leases_run_out_gets_no_more_of_the_job() -> None:
    book = a_book(1)
    play(book, joined(ANN), opened(), asked(ANN, 40), called())
    for attempt in (1, 2, 3):
        end = NOW + 200 * attempt
        play(book, expired(0, attempt, end))
        if attempt < 3:
            play(book, events.CallEnded(end + 2, JOB))
    assert "run out" in book.jobs[JOB].barred[payout(ANN)]
    assert leases(play(book, joined(BOB), asked(BOB, 90), called())) == [(BOB, 0, 180)]


def test_strangers_cannot_end_a_job_by_letting_its_tiles_run_out() -> None:
    """Thirty fresh names, each of which lets the only tile run out."""
    book, at = a_book(1), NOW
    play(book, opened())
    for number in range(30):
        name = WorkerId(number.to_bytes(32, "little"))
        play(book, joined(name), asked(name, 40), replace(called(), at=at + 2))  # type: ignore[arg-type]
        at += 200
        play(book, expired(0, number + 1, at), events.WorkerLeft(at, name, "bye"))
    assert book.jobs[JOB].units[0].phase is Phase.OPEN
    assert leases(play(book, joined(ANN), asked(ANN, 40), replace(called(), at=at + 2))) == [(ANN, 0, 80)]  # type: ignore[arg-type]


def test_the_faster_worker_goes_first_if_time_is_short() -> None:
    book = a_book(1)
    deadline = 2_000_000_000
    late = replace(called(), at=float(deadline - 200))  # type: ignore[arg-type]
    play(book, joined(ANN), joined(BOB), opened(), asked(ANN, 40), asked(BOB, 42))
    book.workers[ANN].shown.note(work(60.0))
    book.workers[BOB].shown.note(work(10.0))
    assert leases(play(book, late)) == [(BOB, 0, 84)]


def test_a_cold_scene_takes_its_loading_longer_and_a_stranger_as_long_as_anybody() -> None:
    book = a_book(1)
    warm = events.AskArrived(NOW, Ask(ANN, JOB, Wei(40), 1, 2_000_000_000), warm=True)
    play(book, joined(ANN), joined(BOB), joined(EVE), opened(), warm, asked(BOB, 40), asked(EVE, 40))
    for name in (ANN, BOB):
        book.workers[name].shown.note(work(10.0, load=30.0))
    near = 2_000_000_000 - 1000.0
    delays = {name: each.delay for name, each in prospects.of(book, book.jobs[JOB], near).items()}
    assert delays[BOB] - delays[ANN] == pytest.approx(PARTS * 30 / 1000, abs=2)
    assert delays[EVE] == delays[BOB]
