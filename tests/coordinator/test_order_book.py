"""What the order book shows, and of whom."""

from dataclasses import replace

from coordinator.playbook import (
    ANN,
    BOB,
    EVE,
    JOB,
    NOW,
    a_book,
    asked,
    called,
    joined,
    opened,
    play,
    posted,
)
from orders import an_order
from tegula_coordinator import events, order_book
from tegula_coordinator.bodies import Level
from tegula_market import codec
from tegula_market.model import ETHER, JobId, Wei

TOKEN = codec.encode(an_order().terms.token)
DEAR = joined(ANN), posted(ANN, 120), opened(), asked(ANN, 120), called()


def level(price: int, slots: int, cumulative: int) -> Level:
    return Level(price=str(price), slots=slots, cumulative=cumulative)


def test_asks_add_up_by_price_on_each_kind_of_device() -> None:
    book = a_book()
    play(book, joined(ANN, slots=2), joined(BOB, slots=3), joined(EVE, blender="4.2.23"))
    play(book, posted(ANN, 50, slots=2), posted(BOB, 40, slots=3), posted(EVE, 40))
    (side,) = order_book.of(book, NOW).tokens
    newer, older = side.classes[1], side.classes[0]
    assert (newer.device, newer.blender, older.blender) == ("CPU", "4.5.15", "4.2.23")
    assert newer.asks == [level(40, 3, 3), level(50, 2, 5)]
    assert older.asks == [level(40, 1, 1)]
    play(book, posted(ANN, 40, slots=2))
    assert order_book.of(book, NOW).tokens[0].classes[1].asks == [level(40, 5, 5)]


def test_a_bid_says_what_is_open_of_it_and_whether_it_waits() -> None:
    book = a_book(units=3)
    play(book, *DEAR)
    (side,) = order_book.of(book, NOW).tokens
    (bid,) = side.bids
    assert (side.token, bid.ceiling, bid.tiles, bid.megasamples, bid.taken) == (TOKEN, "100", 3, 6.0, 0)
    assert bid.deadline == an_order().terms.deadline
    play(book, posted(ANN, 60), asked(ANN, 60), called())
    (bid,) = order_book.of(book, NOW).tokens[0].bids
    assert (bid.tiles, bid.megasamples, bid.taken) == (2, 4.0, 1)


def test_the_highest_bid_comes_first_and_the_one_that_ends_first_among_equals() -> None:
    book = a_book()
    for number, ceiling, deadline in ((1, 70, 9_000), (2, 90, 9_000), (3, 90, 8_000)):
        opening = opened(order=an_order(ceiling=Wei(ceiling), deadline=deadline))
        assert isinstance(opening, events.JobOpened)
        play(book, replace(opening, job=JobId(bytes([number]) * 32)))
    (side,) = order_book.of(book, NOW).tokens
    assert [(bid.ceiling, bid.deadline) for bid in side.bids] == [("90", 8_000), ("90", 9_000), ("70", 9_000)]


def test_tokens_are_books_of_their_own() -> None:
    book = a_book()
    play(book, *DEAR, joined(BOB), posted(BOB, 7, token=ETHER))
    asks = {side.token: [of.asks for of in side.classes] for side in order_book.of(book, NOW).tokens}
    assert asks == {TOKEN: [[level(120, 1, 1)]], codec.encode(ETHER): [[level(7, 1, 1)]]}


def test_who_left_or_rests_and_what_has_ended_is_not_in_it() -> None:
    book = a_book()
    play(book, *DEAR, joined(BOB), posted(BOB, 60))
    play(book, posted(ANN, 120, slots=0), events.WorkerLeft(NOW, BOB, "silent"))
    play(book, events.JobCancelled(NOW, JOB, "enough"))
    assert order_book.of(book, NOW).tokens == []
