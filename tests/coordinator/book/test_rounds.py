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
    leases,
    opened,
    play,
    told,
    vouchered,
)
from orders import an_order
from tegula_coordinator import events, tiles
from tegula_coordinator.book import NotAdmitted
from tegula_coordinator.commands import Command, SendLease
from tegula_market import messages, tiling
from tegula_market.model import Ask, CostMap, JobId, Outcome, Wei, WorkerId


def test_a_job_is_called_out_to_workers_but_not_to_verifiers() -> None:
    book = a_book()
    commands = play(book, joined(ANN), joined(JUDGE), opened())
    assert told(commands, ANN) == [messages.Call]
    assert told(commands, JUDGE) == []
    assert events.CallEnded(NOW + 2, JOB) in alarms(commands)


def test_a_worker_that_joins_later_is_called_too() -> None:
    assert told(play(a_book(), opened(), joined(BOB)), BOB) == [messages.Call]


def test_the_round_pays_everybody_the_dearest_price_taken() -> None:
    commands = play(a_book(2), joined(ANN), joined(BOB), opened(), asked(ANN, 40), asked(BOB, 50), called())
    assert leases(commands) == [(ANN, 0, 100), (BOB, 1, 100)]


def test_by_a_cost_map_the_dear_tiles_are_leased_first_and_paid_by_their_pixels() -> None:
    """The right half of the frame is dear, and cut: four of 64 x 64 pixels before one of 128 x 128."""
    ordered = an_order(resolution=(256, 128), tile=128, spp=100, costs=CostMap(2, (1, 16)))
    book = replace(a_book(), sizes=tiles.sizes)
    there = joined(ANN, slots=4), joined(BOB), opened(order=ordered)
    commands = play(book, *there, asked(ANN, 50, slots=4), asked(BOB, 50), called())
    assert leases(commands) == [(ANN, unit, 21) for unit in range(4)] + [(BOB, 4, 82)]
    rects = [tiling.tile(ordered, unit).rect for unit in range(5)]
    assert [rect.x0 >= 128 for rect in rects] == [True] * 4 + [False]


def test_who_is_not_needed_is_told_why() -> None:
    commands = play(a_book(1), joined(ANN), joined(BOB), opened(), asked(ANN, 40), asked(BOB, 50), called())
    assert leases(commands) == [(ANN, 0, 80)]
    assert told(commands, BOB) == [messages.NotTaken]


def test_an_ask_above_the_ceiling_gets_nothing() -> None:
    book = a_book()
    commands = play(book, joined(ANN), opened(), asked(ANN, 101), called())
    assert leases(commands) == []
    assert told(commands, ANN) == [messages.NotTaken]
    assert book.jobs[JOB].price is None


def test_a_freed_slot_is_filled_at_once() -> None:
    book = a_book(2)
    commands = play(book, joined(ANN), opened(), asked(ANN, 40), called(), delivered(ANN, 0))
    assert leases(commands) == [(ANN, 1, 80)]


def test_slots_limit_how_much_a_worker_holds() -> None:
    book = a_book(5)
    commands = play(book, joined(ANN, slots=3), opened(), asked(ANN, 40, slots=2), called())
    assert [unit for _, unit, _ in leases(commands)] == [0, 1]


def test_another_blender_is_not_called() -> None:
    book = a_book()
    commands = play(book, joined(EVE, blender="4.2.23"), opened())
    assert told(commands, EVE) == []
    assert "4.2.23" in book.jobs[JOB].declined[EVE]


def test_the_same_job_is_not_opened_twice() -> None:
    with pytest.raises(NotAdmitted):
        play(a_book(), opened(), opened())


def test_nothing_is_leased_past_the_deadline() -> None:
    late = events.CallEnded(2_000_000_001.0, JOB)
    assert leases(play(a_book(), joined(ANN), opened(), asked(ANN, 40), late)) == []


def test_the_loser_of_a_round_fills_a_gap_in_the_next() -> None:
    book = a_book(1)
    left = events.WorkerLeft(NOW + 3, ANN, "silent")
    commands = play(book, joined(ANN), joined(BOB), opened(), asked(ANN, 40), asked(BOB, 50), called(), left)
    assert events.CallEnded(NOW + 5, JOB) in alarms(commands)
    assert leases(play(book, events.CallEnded(NOW + 5, JOB))) == [(BOB, 0, 100)]


def test_an_ask_that_has_ended_takes_back_the_one_before() -> None:
    """What a worker says that pauses: it finishes what it has, gets no more, and is not blamed."""
    book = a_book(3)
    play(book, joined(ANN, slots=1), opened(), asked(ANN, 40), called())
    ended = events.AskArrived(NOW + 3, Ask(ANN, JOB, Wei(40), 1, int(NOW)), False)
    commands = play(book, ended, called(), delivered(ANN, 0))
    assert leases(commands) == []
    assert not book.jobs[JOB].barred
    assert not book.jobs[JOB].returned
    rejoined = play(book, joined(ANN, slots=1))
    assert told(rejoined, ANN)[-1] is messages.Call
    assert leases(play(book, asked(ANN, 40), called())) == [(ANN, 1, 80)]


def test_who_waits_for_vouchers_is_leased_no_more_until_they_come() -> None:
    """Of Ann's tiles one may be accepted and not signed for; the fourth waits until there is a voucher."""
    book = a_book(4)
    modest = events.AskArrived(NOW, Ask(ANN, JOB, Wei(40), 1, 2_000_000_000, holdback=1), warm=False)
    play(book, joined(JUDGE), joined(ANN), opened(), modest, called())
    play(book, delivered(ANN, 0), judged(0, Outcome.ACCEPTED), delivered(ANN, 1))
    assert [lease.unit for lease in book.jobs[JOB].leases.values()] == [1, 2], (
        "rendered before that was known"
    )
    assert leases(play(book, judged(1, Outcome.ACCEPTED))) == []
    assert leases(play(book, delivered(ANN, 2))) == []
    assert leases(play(book, vouchered(ANN, 80))) == [(ANN, 3, 80)]


OTHER = JobId(b"\x0b" * 32)


def another(*asks: tuple[WorkerId, int]) -> list[events.Event]:
    """A second job, asks for it, and its round."""
    job = opened()
    assert isinstance(job, events.JobOpened)
    arrived = [
        events.AskArrived(NOW, Ask(worker, OTHER, Wei(price), 1, 2_000_000_000), warm=False)
        for worker, price in asks
    ]
    return [replace(job, job=OTHER), *arrived, events.CallEnded(NOW + 2, OTHER)]


def jobs_leased(commands: list[Command]) -> list[JobId]:
    return [command.lease.job for command in commands if isinstance(command, SendLease)]


def test_a_job_that_comes_second_has_its_turn_as_soon_as_a_slot_is_free() -> None:
    """One worker with one slot: its next tile is of the job that has less under way."""
    book = a_book(3)
    play(book, joined(ANN), opened(), asked(ANN, 40), called())
    assert jobs_leased(play(book, *another((ANN, 40)))) == []
    assert jobs_leased(play(book, delivered(ANN, 0))) == [OTHER]


def test_a_worker_stays_with_the_scene_it_has_loaded_until_another_job_has_fallen_far_behind() -> None:
    """Of the first job three tiles are under way, of the second one; then none."""
    book = a_book(8)
    play(book, joined(ANN), joined(BOB, slots=2), opened(), asked(ANN, 40), asked(BOB, 40, slots=2), called())
    play(book, joined(EVE), *another((ANN, 40), (EVE, 40)))
    assert len(book.jobs[JOB].leases) == 3
    assert len(book.jobs[OTHER].leases) == 1
    assert jobs_leased(play(book, delivered(ANN, 0))) == [JOB]
    play(book, events.WorkerLeft(NOW + 3, EVE, "left"))
    assert jobs_leased(play(book, delivered(ANN, 3))) == [OTHER]


def test_a_worker_that_others_keep_busy_leaves_the_job_to_who_is_idle() -> None:
    book = a_book(1)
    play(book, joined(ANN), joined(BOB), opened(), asked(ANN, 40), called())
    commands = play(book, *another((ANN, 40), (BOB, 50)))
    assert leases(commands) == [(BOB, 0, 100)]
    assert told(commands, ANN) == [messages.NotTaken]
    assert book.jobs[OTHER].asks[ANN].code == "BUSY"


def test_a_job_that_ends_frees_its_workers_for_the_next() -> None:
    book = a_book(1)
    play(book, joined(ANN), opened(), asked(ANN, 40), called(), *another((ANN, 40)))
    assert jobs_leased(play(book, events.JobCancelled(NOW + 3, JOB, "enough"))) == [OTHER]


def test_who_lost_for_the_same_reason_is_not_told_again() -> None:
    book = a_book(1)
    play(book, joined(ANN), joined(BOB), opened(), asked(ANN, 40), asked(BOB, 50), called())
    play(book, joined(EVE), asked(EVE, 60), called())
    play(book, asked(EVE, 60))
    commands = play(book, called())
    assert (told(commands, BOB), told(commands, EVE)) == ([], [messages.NotTaken])
