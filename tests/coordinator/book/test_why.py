from dataclasses import replace
from typing import Any

import pytest

from coordinator.playbook import (
    ANN,
    BOB,
    EVE,
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
    payout,
    play,
    posted,
    suspected,
)
from orders import an_order
from tegula_coordinator import events, views
from tegula_coordinator.book import Book, why
from tegula_coordinator.book.why import Code
from tegula_coordinator.events import Event
from tegula_market.auction import Reason
from tegula_market.audit import NEWCOMER, Record
from tegula_market.model import Ask, Outcome, Wei

LEASED = (joined(ANN), opened(), asked(ANN, 40), called())
DELIVERED = (joined(JUDGE), *LEASED, delivered(ANN, 0))
GIVEN_BACK = events.LeaseReturned(NOW + 3, ANN, lease(0), "CRASHED", "it crashed")


def of(book: Book, unit: int) -> str:
    found = why.unit(book, book.jobs[JOB], unit)
    assert found.sentence.endswith(".")
    return found.code


def idle(book: Book, worker: bytes) -> str:
    (found,) = (why.worker(book, each) for each in book.workers.values() if each.id == worker)
    assert found.sentence.endswith(".")
    return found.code


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ([opened()], Code.NO_WORKERS),
        ([opened(), joined(ANN)], Code.ROUND_OPEN),
        ([opened(), joined(ANN), called()], Code.NO_ASKS),
        ([opened(), joined(ANN), asked(ANN, 101), called()], Code.ABOVE_CEILING),
        ([*LEASED], Code.SLOTS_FULL),
        ([*LEASED, events.DepositLost(NOW + 3, JOB)], Code.NO_DEPOSIT),
        ([*LEASED, events.JobCancelled(NOW + 3, JOB, "enough")], Code.CANCELLED),
    ],
)
def test_an_open_tile_says_what_it_waits_for(script: list[Event], code: str) -> None:
    book = a_book(2)
    play(book, *script)
    assert of(book, 1) == code


def test_a_tile_says_why_from_its_lease_to_its_verdict() -> None:
    book = a_book(1)
    play(book, *LEASED)
    assert of(book, 0) == Code.RENDERING
    play(book, delivered(ANN, 0))
    assert of(book, 0) == Code.NO_VERIFIER
    play(book, joined(JUDGE))
    assert of(book, 0) == Code.PROBED
    play(book, suspected(0))
    assert of(book, 0) == Code.LOOKED_AT_AGAIN
    play(book, judged(0, Outcome.ACCEPTED))
    assert of(book, 0) == Code.ACCEPTED


def test_a_tile_that_waits_for_its_batch_or_for_a_busy_verifier_says_so() -> None:
    book = a_book(4)
    play(book, *DELIVERED, delivered(ANN, 1))
    assert (of(book, 0), of(book, 1)) == (Code.PROBED, Code.VERIFIERS_BUSY)
    book = a_book(4)
    book.records[payout(ANN)] = Record(passed=NEWCOMER)
    play(book, *DELIVERED)
    assert of(book, 0) == Code.BATCH_GROWS


def test_a_tile_that_all_have_given_back_or_none_could_be_taken_for_says_so() -> None:
    book = a_book(1)
    play(book, joined(BOB), *LEASED, GIVEN_BACK)
    assert of(book, 0) == Code.GIVEN_BACK
    book = a_book(1)
    play(book, joined(JUDGE), *LEASED, delivered(ANN, 0), judged(0, Outcome.REJECTED))
    assert of(book, 0) == Code.NOBODY_TAKEN


def test_a_tile_that_waits_for_verdicts_or_vouchers_says_so() -> None:
    book = a_book(9)
    play(book, joined(ANN), opened(), asked(ANN, 40), called(), *(delivered(ANN, n) for n in range(4)))
    assert of(book, 8) == Code.WAITS_FOR_VERDICTS
    assert idle(book, ANN) == Code.WAITS_FOR_VERDICTS
    book = a_book(4)
    modest = events.AskArrived(NOW, Ask(ANN, JOB, Wei(40), 1, 2_000_000_000, holdback=1), warm=False)
    play(book, joined(JUDGE), joined(ANN), opened(), modest, called())
    for unit in range(3):
        play(book, delivered(ANN, unit), judged(unit, Outcome.ACCEPTED))
    assert idle(book, ANN) in {Code.WAITS_FOR_VOUCHERS, Code.RENDERING}


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ([joined(EVE)], Code.NO_JOBS),
        ([joined(EVE), events.WorkerLeft(NOW, EVE, "bye")], Code.OFFLINE),
        ([joined(EVE), opened()], Code.NO_ASK),
        ([joined(EVE), opened(), asked(EVE, 40)], Code.ROUND_OPEN),
        ([joined(EVE), opened(), asked(EVE, 40), called()], Code.RENDERING),
        ([joined(EVE), opened(), asked(EVE, 101), called()], Reason.ABOVE_CEILING),
        ([joined(EVE), opened(), events.AskDeclined(NOW, EVE, JOB, "too long")], Code.DECLINED),
        ([joined(EVE, blender="4.2.23"), opened()], Code.DECLINED),
        ([joined(EVE), *LEASED[:3], asked(EVE, 50), called()], Reason.OUTBID),
        ([joined(EVE), joined(ANN), opened(), asked(ANN, 40), asked(EVE, 40), called()], Reason.OUTBID),
    ],
)
def test_an_idle_worker_says_what_it_waits_for(script: list[Event], code: str) -> None:
    book = a_book(1)
    play(book, *script)
    assert idle(book, EVE) == code


def test_a_job_that_waits_for_a_price_says_what_is_asked_now() -> None:
    book = a_book(1)
    play(book, joined(ANN), posted(ANN, 140), opened(), asked(ANN, 140), called())
    play(book, joined(BOB), posted(BOB, 130), asked(BOB, 130), called())
    found = why.unit(book, book.jobs[JOB], 0)
    assert (found.code, "at present is 130 a" in found.sentence) == (Code.ABOVE_CEILING, True)
    play(book, posted(ANN, 120))
    assert "at present is 120 a" in why.unit(book, book.jobs[JOB], 0).sentence
    ended = events.AskArrived(NOW, Ask(BOB, JOB, Wei(130), 1, 1), False)
    play(book, posted(BOB, 130, slots=0), ended, called())
    assert of(book, 0) == Code.ABOVE_CEILING, "Bob rests, Ann is still too dear"


def test_open_tiles_of_a_job_that_nobody_was_taken_for_wait_for_the_same_and_are_looked_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    book, looks, look = a_book(500), [], why.unit
    play(book, joined(ANN), opened(funded=10**6), asked(ANN, 140), called())

    def counted(*given: Any) -> why.Why:
        looks.append(given)
        return look(*given)

    monkeypatch.setattr(why, "unit", counted)
    (waiting,) = views.waiting(book, book.jobs[JOB], range(500))["waiting"]
    assert (waiting["code"], waiting["units"], len(looks)) == (Code.ABOVE_CEILING, list(range(500)), 1)
    play(book, asked(ANN, 40), called())
    told = views.waiting(book, book.jobs[JOB], range(3))["waiting"]
    assert {each["code"]: each["units"] for each in told} == {Code.RENDERING: [0], Code.SLOTS_FULL: [1, 2]}


def test_a_worker_that_is_too_dear_says_what_it_asks_now_and_what_is_paid_at_most() -> None:
    book = a_book(1)
    play(book, joined(ANN), posted(ANN, 140), opened(), asked(ANN, 140), called())
    higher = replace(opened(order=an_order(ceiling=Wei(110))), job=type(JOB)(b"\x0b" * 32))  # type: ignore[type-var]
    asked_too = events.AskArrived(NOW, Ask(ANN, higher.job, Wei(140), 1, 2_000_000_000), False)  # type: ignore[attr-defined]
    play(book, higher, asked_too, events.CallEnded(NOW + 2, higher.job), posted(ANN, 120))  # type: ignore[attr-defined]
    found = why.worker(book, book.workers[ANN])
    assert (found.code, "asks 120 a" in found.sentence, "pay 110 at most" in found.sentence) == (
        Reason.ABOVE_CEILING,
        True,
        True,
    )


def test_a_worker_that_was_taken_for_nothing_more_says_so() -> None:
    book = a_book(1)
    play(book, joined(JUDGE), *LEASED, delivered(ANN, 0))
    assert idle(book, ANN) == Code.ALL_LEASED


def test_a_barred_worker_says_so_unless_another_job_came_nearer() -> None:
    book = a_book(1)
    play(book, joined(JUDGE), *LEASED, delivered(ANN, 0), judged(0, Outcome.REJECTED))
    assert idle(book, ANN) == Code.BARRED
    second = replace(opened(), job=type(JOB)(b"\x0b" * 32))  # type: ignore[type-var]
    high = events.AskArrived(NOW, Ask(ANN, second.job, Wei(500), 1, 2_000_000_000), False)  # type: ignore[attr-defined]
    play(book, second, high, events.CallEnded(NOW + 2, second.job))  # type: ignore[attr-defined]
    assert idle(book, ANN) == Reason.ABOVE_CEILING
