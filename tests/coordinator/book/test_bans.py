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
    probes,
    told,
    vouchered,
)  # fmt: skip
from tegula_coordinator import events
from tegula_coordinator.book import Book, NotAdmitted, why
from tegula_coordinator.book.why import Code
from tegula_coordinator.commands import Tell
from tegula_market import messages
from tegula_market.lifecycle import Phase
from tegula_market.model import Outcome

BANNED = events.WorkerBanned(NOW + 4, ANN, "renders noise")


def working() -> Book:
    """Ann has delivered one tile and renders another; Bob waits."""
    book = a_book(units=2)
    play(book, joined(ANN), joined(BOB), opened(), asked(ANN, 40), called(), delivered(ANN, 0))
    assert book.workers[ANN].leases
    return book


def test_what_it_renders_goes_to_others_and_it_is_told_why() -> None:
    book = working()
    commands = play(book, BANNED)
    assert told(commands, ANN)[0] is messages.Refused
    reasons = [each.message.reason for each in commands if isinstance(each, Tell) and each.worker == ANN]  # type: ignore[union-attr]
    assert reasons[0] == "the operator has banned this worker: renders noise"
    assert book.workers[ANN].leases == set()
    assert leases(play(book, asked(BOB, 60), events.CallEnded(NOW + 7, JOB)))[0][:2] == (BOB, 1)
    said = why.worker(book, book.workers[ANN])
    assert (said.code, said.sentence) == (Code.BANNED, "The operator has banned it: renders noise.")


def test_what_it_has_earned_it_keeps() -> None:
    book = working()
    play(book, BANNED, joined(JUDGE), judged(0, Outcome.ACCEPTED))
    assert book.jobs[JOB].units[0].phase is Phase.ACCEPTED
    assert book.jobs[JOB].ledger.owed == {payout(ANN): 80}
    assert messages.Pay in told(play(book, vouchered(ANN, 80)), ANN)


def test_it_does_not_come_back_before_it_is_let_in() -> None:
    book = working()
    play(book, BANNED)
    with pytest.raises(NotAdmitted, match="banned this worker: renders noise"):
        play(book, joined(ANN))
    with pytest.raises(NotAdmitted, match="not banned"):
        play(book, events.WorkerUnbanned(NOW + 5, BOB))
    play(book, events.WorkerUnbanned(NOW + 5, ANN))
    assert messages.Call in told(play(book, joined(ANN)), ANN)
    assert book.workers[ANN].online


def test_who_was_never_here_can_be_banned() -> None:
    book = a_book()
    assert play(book, BANNED) == []
    with pytest.raises(NotAdmitted, match="renders noise"):
        play(book, joined(ANN))
    play(book, events.WorkerBanned(NOW + 5, ANN, "and lies"))
    assert book.banned[ANN].sentence.endswith("and lies")


def test_a_restart_lets_nobody_in() -> None:
    book = working()
    play(book, BANNED, events.Restarted(NOW + 10))
    with pytest.raises(NotAdmitted, match="renders noise"):
        play(book, joined(ANN))


def test_probes_of_a_banned_verifier_go_to_another() -> None:
    book = working()
    other = type(JUDGE)(b"\x08" * 32)
    play(book, joined(JUDGE))
    assert [each.verifier for each in book.probers.values()] == [JUDGE]
    come = joined(other)
    play(book, events.WorkerJoined(NOW, other, payout(other), come.blender, "CPU", 1, verifier=True))  # type: ignore[union-attr]
    assert probes(play(book, events.WorkerBanned(NOW + 5, JUDGE, "lies"))) == [(other, 0)]
