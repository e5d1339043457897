from dataclasses import replace

import pytest

from coordinator.book.test_work import working
from coordinator.playbook import (
    ANN,
    BOB,
    JOB,
    JUDGE,
    NOW,
    SIGNATURE,
    delivered,
    joined,
    judged,
    lease,
    payout,
    play,
    told,
    vouchered,
)
from tegula_coordinator import events
from tegula_coordinator.book import Book, JobPhase, NotAdmitted, shelf
from tegula_coordinator.events import Event
from tegula_market import messages
from tegula_market.lifecycle import Phase
from tegula_market.model import Outcome, Wei


def finished() -> Book:
    book = working()
    play(book, delivered(ANN, 0), delivered(BOB, 1))
    play(book, judged(0, Outcome.ACCEPTED), judged(1, Outcome.ACCEPTED))
    return book


def closed(owed: int) -> events.JobClosed:
    return events.JobClosed(NOW + 9, JOB, Wei(owed), SIGNATURE)


def test_a_voucher_reaches_its_worker() -> None:
    assert told(play(finished(), vouchered(ANN, 80)), ANN) == [messages.Pay]


@pytest.mark.parametrize("total", [81, 10**6])
def test_no_voucher_above_what_is_owed(total: int) -> None:
    with pytest.raises(NotAdmitted, match="owed less"):
        play(finished(), vouchered(ANN, total))


def test_a_voucher_never_goes_back() -> None:
    with pytest.raises(NotAdmitted, match="already"):
        play(finished(), vouchered(ANN, 80), vouchered(ANN, 79))


def test_a_job_closes_when_all_that_is_owed_is_vouchered() -> None:
    book = finished()
    assert book.jobs[JOB].phase is JobPhase.DONE
    with pytest.raises(NotAdmitted):
        play(book, vouchered(ANN, 80), closed(160))
    commands = play(book, vouchered(BOB, 80), closed(160))
    assert told(commands, ANN) == [messages.Ended]
    assert book.jobs[JOB].phase is JobPhase.CLOSED
    assert not book.live


@pytest.mark.parametrize("owed", [159, 161])
def test_a_job_closes_at_what_is_owed_only(owed: int) -> None:
    with pytest.raises(NotAdmitted):
        play(finished(), vouchered(ANN, 80), vouchered(BOB, 80), closed(owed))


def test_cancelling_ends_leases_and_still_judges_what_is_delivered() -> None:
    book = working(4)
    play(book, delivered(ANN, 0))
    commands = play(book, events.JobCancelled(NOW + 4, JOB, "enough"))
    assert told(commands, BOB) == [messages.Revoke]
    phases = [unit.phase for unit in book.jobs[JOB].units]
    assert phases == [Phase.DELIVERED, Phase.CANCELLED, Phase.CANCELLED, Phase.CANCELLED]
    play(book, judged(0, Outcome.ACCEPTED), vouchered(ANN, 80), closed(80))
    assert book.jobs[JOB].ledger.total_reserved == 0


def test_a_rejected_tile_of_a_cancelled_job_is_not_leased_again() -> None:
    book = working(1, bob=False)
    play(book, delivered(ANN, 0), events.JobCancelled(NOW + 4, JOB, "enough"))
    assert play(book, judged(0, Outcome.REJECTED))[-1:] != []
    assert book.jobs[JOB].units[0].phase is Phase.CANCELLED


def test_a_worker_that_comes_back_gets_its_voucher_again() -> None:
    book = finished()
    play(book, vouchered(ANN, 80), vouchered(BOB, 80), closed(160))
    assert told(play(book, joined(ANN)), ANN) == [messages.Pay, messages.Ended]


def test_the_verifier_is_paid_nothing() -> None:
    assert payout(JUDGE) not in finished().jobs[JOB].ledger.owed


FORGOTTEN = events.JobForgotten(NOW + 20, JOB)


@pytest.mark.parametrize("end", [closed(160), events.DepositRefunded(NOW + 9, JOB)])
def test_of_a_forgotten_job_the_money_stays(end: Event) -> None:
    book = finished()
    play(book, vouchered(ANN, 80), vouchered(BOB, 80), end)
    before = replace(book.jobs[JOB])
    play(book, FORGOTTEN)
    job = book.jobs[JOB]
    assert (job.phase, job.ledger, job.vouchers) == (before.phase, before.ledger, before.vouchers)
    assert (shelf.whole(job).units, shelf.whole(job).results, job.away) == ([], {}, None)
    assert told(play(book, joined(ANN, at=NOW + 30)), ANN)[-2:] == [messages.Pay, messages.Ended]


def test_a_worker_that_asks_of_a_forgotten_lease_is_told_that_it_has_ended() -> None:
    book = finished()
    play(book, vouchered(ANN, 80), vouchered(BOB, 80), closed(160), FORGOTTEN)
    assert isinstance(book.answer_to(ANN, lease(0)), messages.Revoke)
    with pytest.raises(NotAdmitted):
        play(book, delivered(ANN, 0))


def test_a_job_is_forgotten_once_and_only_when_it_is_over() -> None:
    book = finished()
    with pytest.raises(NotAdmitted, match="not over"):
        play(book, FORGOTTEN)
    play(book, vouchered(ANN, 80), vouchered(BOB, 80), closed(160), FORGOTTEN)
    with pytest.raises(NotAdmitted, match="forgotten already"):
        play(book, FORGOTTEN)
    with pytest.raises(NotAdmitted, match="forgotten"):
        play(book, events.DepositFound(NOW + 30, JOB))
