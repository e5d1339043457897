"""What becomes of a tile, its batch, its worker and its money."""

from dataclasses import replace

import pytest

from coordinator.book.test_audits import OTHER, another_verifier, trusted
from coordinator.book.test_work import working
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
    leases,
    opened,
    payout,
    play,
    present,
    probes,
    suspected,
    told,
)
from tegula_coordinator import events
from tegula_coordinator.book import JobPhase, NotAdmitted
from tegula_market import messages
from tegula_market.audit import NEWCOMER, Record
from tegula_market.lifecycle import MAX_INCONCLUSIVE, MAX_REJECTED, Phase
from tegula_market.model import Outcome, WorkerId


def test_an_accepted_tile_is_owed_to_the_unit() -> None:
    book = working()
    commands = play(book, delivered(ANN, 0), judged(0, Outcome.ACCEPTED))
    assert told(commands, ANN) == [messages.Decided]
    assert book.jobs[JOB].ledger.owed == {payout(ANN): 80}


def test_a_rejected_tile_goes_to_another_and_its_worker_gets_no_more() -> None:
    book = working(3)
    play(book, delivered(ANN, 0))  # and takes unit 2
    play(book, judged(0, Outcome.REJECTED))
    assert book.jobs[JOB].ledger.owed == {}
    assert "rejected" in book.jobs[JOB].barred[payout(ANN)]
    assert leases(play(book, delivered(BOB, 1))) == [(BOB, 0, 80)]


def test_an_inconclusive_verdict_probes_again_and_blames_nobody() -> None:
    book = working()
    commands = play(book, delivered(ANN, 0), judged(0, Outcome.INCONCLUSIVE))
    assert probes(commands) == [(JUDGE, 0)]
    assert payout(ANN) not in book.jobs[JOB].barred
    assert book.jobs[JOB].units[0].phase is Phase.DELIVERED


def test_what_no_verifier_can_judge_is_rendered_again() -> None:
    book = working(1, bob=False)
    play(book, delivered(ANN, 0))
    for _ in range(MAX_INCONCLUSIVE - 1):
        play(book, judged(0, Outcome.INCONCLUSIVE))
    commands = play(book, judged(0, Outcome.INCONCLUSIVE))
    assert leases(commands) == [(ANN, 0, 80)]
    assert told(commands, ANN) == [messages.Revoke]  # or it would keep the result for ever
    assert book.jobs[JOB].ledger.total_reserved == 80


def test_a_result_counts_once() -> None:
    book = working()
    play(book, delivered(ANN, 0), judged(0, Outcome.ACCEPTED))
    with pytest.raises(NotAdmitted):
        play(book, judged(0, Outcome.ACCEPTED))
    assert book.jobs[JOB].ledger.owed == {payout(ANN): 80}


def test_probes_of_a_lost_verifier_go_to_the_next_that_joins() -> None:
    book = working()
    play(book, delivered(ANN, 0), events.WorkerLeft(NOW + 5, JUDGE, "silent"))
    with pytest.raises(NotAdmitted):
        play(book, judged(0, Outcome.REJECTED))  # the lost one's late word
    assert probes(play(book, joined(JUDGE))) == [(JUDGE, 0)]


def test_a_batch_is_accepted_and_owed_as_a_whole() -> None:
    book = trusted(6, batch=3)
    play(book, delivered(ANN, 0), delivered(ANN, 1), delivered(ANN, 2))
    commands = play(book, judged(0, Outcome.ACCEPTED, others=(1, 2)))
    assert told(commands, ANN) == [messages.Decided] * 3
    assert book.jobs[JOB].ledger.owed == {payout(ANN): 240}
    assert [unit.phase for unit in book.jobs[JOB].units[:3]] == [Phase.ACCEPTED] * 3
    assert book.records[payout(ANN)] == Record(passed=33)


def test_of_a_rejected_batch_what_is_right_is_accepted_and_earns_nothing() -> None:
    """Nor does a second address of the same owner get these tiles, to deliver them once more."""
    book = trusted(6, batch=3)
    play(book, delivered(ANN, 0), delivered(ANN, 1), delivered(ANN, 2))
    commands = play(book, judged(0, Outcome.REJECTED))
    job = book.jobs[JOB]
    assert probes(commands) == [(JUDGE, 1)]
    assert 0 in job.open_units
    assert not job.open_units & {1, 2}
    assert payout(ANN) in job.barred
    assert book.records[payout(ANN)] == Record(passed=0, rejected=1)
    play(book, judged(1, Outcome.ACCEPTED))
    play(book, judged(2, Outcome.REJECTED))
    assert [job.units[unit].phase for unit in (1, 2)] == [Phase.ACCEPTED, Phase.OPEN]
    assert job.ledger.owed == {}
    assert book.records[payout(ANN)] == Record(passed=0, rejected=2)


@pytest.mark.parametrize("others", [(), (1,), (1, 2, 3), (2, 3)])
def test_verdicts_are_on_the_whole_batch_or_are_none(others: tuple[int, ...]) -> None:
    book = trusted(8, batch=3)
    play(book, delivered(ANN, 0), delivered(ANN, 1), delivered(ANN, 2), delivered(ANN, 3))
    with pytest.raises(NotAdmitted, match="batch"):
        play(book, judged(0, Outcome.ACCEPTED, others=others))


def test_a_batch_whose_tile_nobody_can_judge_is_decided_by_another_of_its_tiles() -> None:
    book = trusted(6, batch=3)
    play(book, delivered(ANN, 0), delivered(ANN, 1), delivered(ANN, 2))
    for _ in range(MAX_INCONCLUSIVE - 1):
        play(book, judged(0, Outcome.INCONCLUSIVE))
    commands = play(book, judged(0, Outcome.INCONCLUSIVE))
    assert probes(commands) == [(JUDGE, 1)]
    assert leases(commands) == []  # her slots are full; the tile is open again
    assert 0 in book.jobs[JOB].open_units
    play(book, judged(1, Outcome.ACCEPTED, others=(2,)))
    assert book.jobs[JOB].ledger.owed == {payout(ANN): 160}
    assert payout(ANN) not in book.jobs[JOB].barred
    assert not book.jobs[JOB].lots


def test_a_suspicion_is_no_verdict() -> None:
    book = working()
    play(book, delivered(ANN, 0), suspected(0))
    assert book.jobs[JOB].verdicts == {}
    assert book.jobs[JOB].ledger.total_reserved == 160
    play(book, judged(0, Outcome.ACCEPTED))
    assert book.jobs[JOB].ledger.owed == {payout(ANN): 80}
    assert not book.suspected
    assert not book.tried


def test_a_tile_stays_suspected_when_its_second_verifier_fails() -> None:
    book = working()
    play(book, another_verifier(), delivered(ANN, 0), suspected(0))
    commands = play(book, judged(0, Outcome.INCONCLUSIVE))
    assert [command.whole for command in commands if hasattr(command, "whole")] == [True]


@pytest.mark.parametrize("event", [suspected(0), events.ProbeExpired(NOW, lease(0), 1)])
def test_nothing_is_suspected_or_late_that_is_not_being_probed(event: events.Event) -> None:
    with pytest.raises(NotAdmitted):
        play(working(), event)


def test_an_alarm_for_a_probe_that_came_is_ignored() -> None:
    book = working()
    play(book, delivered(ANN, 0), suspected(0))
    with pytest.raises(NotAdmitted, match="over"):
        play(book, events.ProbeExpired(NOW + 103, lease(0), 1))


def test_no_other_key_of_a_rejected_payout_gets_work() -> None:
    book = working(4)
    key = WorkerId(b"\x07" * 32)
    again = replace(joined(key), payout=payout(ANN))  # type: ignore[type-var]
    play(book, again, asked(key, 1), delivered(ANN, 0), judged(0, Outcome.REJECTED))
    with pytest.raises(NotAdmitted, match="cannot ask"):
        play(book, asked(key, 1))
    assert told(play(book, again), key) == [], "no call, either"
    assert all(lease.worker != key for lease in book.jobs[JOB].leases.values())


def test_strangers_cannot_end_a_job_by_being_rejected() -> None:
    book = a_book(1)
    play(book, joined(JUDGE), opened(funded=10_000))
    for attempt in range(1, MAX_REJECTED + 3):
        stranger = WorkerId(bytes([100 + attempt]) * 32)
        play(book, joined(stranger), asked(stranger, 1), called())
        play(book, delivered(stranger, 0, attempt), judged(0, Outcome.REJECTED, attempt))
    assert book.jobs[JOB].phase is JobPhase.OPEN


def test_what_is_rejected_of_proven_workers_is_at_fault_itself() -> None:
    book = a_book(1)
    play(book, joined(JUDGE), opened(funded=10_000))
    for attempt in range(1, MAX_REJECTED + 1):
        worker = WorkerId(bytes([100 + attempt]) * 32)
        book.records[payout(worker)] = Record(passed=NEWCOMER)
        play(book, joined(worker), asked(worker, 1), called())
        play(book, delivered(worker, 0, attempt), judged(0, Outcome.REJECTED, attempt))
    assert book.jobs[JOB].phase is JobPhase.FAILED


def test_a_tile_is_owed_to_whom_it_was_leased() -> None:
    """Whatever address the worker names while it waits: blame does not move, and neither does pay."""
    book = working()
    play(book, delivered(ANN, 0))
    play(book, replace(joined(ANN), payout=payout(EVE)))  # type: ignore[type-var]
    play(book, judged(0, Outcome.ACCEPTED))
    assert book.jobs[JOB].ledger.owed == {payout(ANN): 80}
    assert set(book.records) == {payout(ANN)}


def test_no_single_look_rejects_for_pixels_even_if_it_was_at_all_of_them() -> None:
    book = working()
    play(book, another_verifier())
    book.workers[JUDGE].device = "CPU of another kind"
    play(book, delivered(ANN, 0))
    looked = replace(present(book, judged(0, Outcome.REJECTED)), strayed=(0.9, 0.1, 0.0, 0.0, 0.0))  # type: ignore[type-var]
    commands = play(book, looked)
    assert probes(commands) == [(OTHER, 0)]
    assert payout(ANN) not in book.jobs[JOB].barred
    again = replace(present(book, judged(0, Outcome.REJECTED)), strayed=looked.strayed)  # type: ignore[type-var]
    play(book, again)
    assert payout(ANN) in book.jobs[JOB].barred
