import pytest

from coordinator.book.test_work import working
from coordinator.playbook import ANN, BOB, JOB, NOW, delivered, judged, leases, play, told, vouchered
from tegula_coordinator import events
from tegula_coordinator.book import JobPhase, NotAdmitted
from tegula_market import messages
from tegula_market.lifecycle import Phase
from tegula_market.model import Outcome

LOST, FOUND = events.DepositLost(NOW + 5, JOB), events.DepositFound(NOW + 6, JOB)
REFUNDED = events.DepositRefunded(NOW + 7, JOB)


def test_nothing_is_leased_while_the_chain_has_no_deposit() -> None:
    book = working(units=3)
    play(book, LOST)
    assert leases(play(book, delivered(ANN, 0))) == []
    with pytest.raises(NotAdmitted, match="lost already"):
        play(book, LOST)
    assert leases(play(book, FOUND)) == [(ANN, 2, 80)]
    with pytest.raises(NotAdmitted, match="where it was"):
        play(book, FOUND)


def test_a_job_ends_with_its_refund() -> None:
    book = working()
    play(book, delivered(ANN, 0), judged(0, Outcome.ACCEPTED))
    commands = play(book, REFUNDED)
    job = book.jobs[JOB]
    assert told(commands, ANN)[-1] is messages.Ended
    assert told(commands, BOB) == [messages.Revoke]
    assert (job.phase, job.reason) == (JobPhase.CANCELLED, "the deposit went back to the requester")
    assert [unit.phase for unit in job.units] == [Phase.ACCEPTED, Phase.CANCELLED]
    assert book.live == {}
    with pytest.raises(NotAdmitted, match="pay nothing"):
        play(book, vouchered(ANN, 80))


def test_a_refund_that_is_taken_back_leaves_the_job_alive() -> None:
    book = working()
    play(book, delivered(ANN, 0), judged(0, Outcome.ACCEPTED), REFUNDED, FOUND)
    assert JOB in book.live
    assert told(play(book, vouchered(ANN, 80)), ANN) == [messages.Pay]
