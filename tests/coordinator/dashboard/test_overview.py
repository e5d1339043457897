from coordinator.playbook import (
    ANN,
    BOB,
    JOB,
    JUDGE,
    a_book,
    asked,
    called,
    delivered,
    joined,
    judged,
    opened,
    play,
    vouchered,
)  # fmt: skip
from tegula_coordinator.dashboard import overview
from tegula_market.model import Outcome


def test_a_job_from_call_to_voucher() -> None:
    book = a_book(units=3)
    play(book, opened())
    (line,) = overview.jobs(book)
    assert (line.tiles, line.open, line.price, line.code) == (3, 3, None, "NO_WORKERS")
    play(book, joined(ANN), asked(ANN, 40), called(), delivered(ANN, 0))
    (line,) = overview.jobs(book)
    assert (line.open, line.leased, line.delivered, line.accepted) == (1, 1, 1, 0)
    assert (line.price, line.reserved, line.unsigned) == (40, 160, 0)
    play(book, joined(JUDGE), judged(0, Outcome.ACCEPTED))
    (line,) = overview.jobs(book)
    assert (line.accepted, line.unsigned, line.code) == (1, 80, "SLOTS_FULL")
    play(book, vouchered(ANN, 80))
    (line,) = overview.jobs(book)
    assert (line.unsigned, line.token) == (0, book.jobs[JOB].order.terms.token)


def test_workers_that_are_there() -> None:
    book = a_book(units=2)
    play(book, opened(), joined(ANN), joined(BOB), joined(JUDGE), asked(ANN, 40), called(), delivered(ANN, 0))
    play(book, judged(0, Outcome.ACCEPTED))
    lines = {line.key: line for line in overview.workers(book)}
    assert {key: (each.verifier, each.code) for key, each in lines.items()} == {
        ANN: (False, "RENDERING"),
        BOB: (False, "NO_ASK"),
        JUDGE: (True, lines[JUDGE].code),
    }
    assert (lines[ANN].leases, lines[ANN].passed, lines[ANN].rejected) == (1, 1, 0)
