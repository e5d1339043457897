from dataclasses import replace

import pytest

from blender_addon.session.markets import NOW, market, worker
from requester_samples import DOLLAR, order
from tegula_blender.market_view import MarketView, Posted, Priced
from tegula_blender.session import pricing, words
from tegula_blender.session.pricing import Prices
from tegula_market.model import Address, Wei


def expected(seen: MarketView) -> Prices:
    """Of six tiles, under a ceiling of 100."""
    return pricing.expected(order(), seen, DOLLAR)


def span(seen: MarketView) -> tuple[int, int]:
    prices = expected(seen)
    return prices.low, prices.high


def test_all_are_paid_the_dearest_ask_that_is_taken() -> None:
    assert span(market(worker(40), worker(50))) == (40, 50)


def test_asks_that_the_auction_does_not_take_count_for_nothing() -> None:
    seen = market(worker(40, slots=4), worker(50, slots=2), worker(90))
    assert span(seen) == (40, 50)
    assert expected(seen).sure == seen.workers[:2]


def test_who_has_not_asked_may_ask_up_to_the_ceiling_if_it_is_needed() -> None:
    assert span(market(worker(40), worker())) == (40, 100)
    assert span(market(worker(40, slots=6), worker())) == (40, 40)


def test_asks_above_the_ceiling_are_not_taken() -> None:
    seen = market(worker(40), worker(101))
    assert span(seen) == (40, 40)
    assert expected(seen).perhaps == (seen.workers[0],)


def test_workers_with_another_blender_are_left_out() -> None:
    seen = market(worker(40), worker(90, blender="5.0.1"))
    assert span(seen) == (40, 40)
    assert "1 worker without Blender 4.5.15 cannot help." in expected(seen).reasons


def test_while_nobody_has_asked_the_price_is_open() -> None:
    assert span(market(worker())) == (1, 100)
    assert "Nobody who is online has asked yet: it can be anything up to your ceiling of 0.0001 USD." in (
        expected(market(worker())).reasons
    )


def test_recent_jobs_tell_of_the_low_end_while_nobody_has_asked() -> None:
    paid = tuple(Priced(Wei(price), NOW - 7200) for price in (60, 45, 130))
    assert span(market(worker(), prices=paid)) == (45, 100)
    first, _ = expected(market(worker(), prices=paid)).reasons
    assert first == "Recent jobs paid 0.000045 to 0.00013 USD a megasample, the last 2 hours ago."


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (market(), "No worker is online; the job waits for one until its deadline."),
        (
            market(worker(40, blender="4.2.0")),
            "No worker that is online has Blender 4.5.15; the job waits for one until its deadline.",
        ),
        (
            market(worker(40)),
            "1 worker asks 0.00004 USD a megasample; the last asked 4 minutes ago.",
        ),
        (
            market(worker(40), worker(50, ago=7200), worker(45)),
            (
                "3 workers ask 0.00004 to 0.00005 USD a megasample; the last asked 4 minutes ago, the first"
                " 2 hours ago."
            ),
        ),
        (market(worker(40), worker()), "1 worker more may ask anything up to your ceiling of 0.0001 USD."),
        (
            market(worker(40), worker(130)),
            "1 of these is over your ceiling of 0.0001 USD and will not be taken.",
        ),
        (
            market(worker(120), worker(110)),
            # Six tiles of 0.016384 megasamples at 110, each rounded up to 2.
            "That is over your ceiling of 0.0001 USD; a budget of 0.000012 USD reaches the lowest ask.",
        ),
    ],
)
def test_reasons(seen: MarketView, said: str) -> None:
    assert said in expected(seen).reasons


def test_what_is_posted_counts_before_the_last_ask() -> None:
    token = order().terms.token
    falls = replace(worker(90, ago=7200), posted=Posted(token, Wei(40), 2, NOW - 60))
    fresh = replace(worker(), posted=Posted(token, Wei(50), 4, NOW - 60))
    seen = market(falls, fresh)
    assert span(seen) == (40, 50)
    assert expected(seen).reasons == ("2 workers ask 0.00004 to 0.00005 USD a megasample at present.",)


def test_what_is_posted_in_another_token_says_nothing_of_this_one() -> None:
    elsewhere = replace(worker(90), posted=Posted(Address(b"\x77" * 20), Wei(1), 2, NOW))
    assert span(market(elsewhere)) == (90, 90)


def test_a_ceiling_below_all_asks_is_a_wait_and_no_refusal() -> None:
    until = words.moment(order().terms.deadline, NOW)
    said = (
        f"Nobody renders for that at the moment: the job waits until {until} for a lower price, and costs"
        " nothing if nobody takes it."
    )
    assert said in expected(market(worker(120), worker(110))).reasons
    assert said not in expected(market(worker(120), worker())).reasons, "one may ask less"


def test_one_slot_for_one_tile() -> None:
    one = replace(order(width=32, height=32), ceiling=Wei(60))
    prices = pricing.expected(one, market(worker(40), worker(50)), DOLLAR)
    assert (prices.low, prices.high) == (40, 40)
