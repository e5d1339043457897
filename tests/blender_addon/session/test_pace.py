"""A frame of 96x64 with 16 samples: six tiles of 0.016384 megasamples."""

from dataclasses import replace

import pytest

from blender_addon.session.markets import market, pilot, speed, worker
from requester_samples import DOLLAR, order
from tegula_blender.market_view import MarketView
from tegula_blender.session import pace, pricing
from tegula_blender.session.pace import Pace
from tegula_blender.session.speeds import MARGIN, Pilot

TILE = 0.016384
LEFT = 3600.0
RATE = 1000.0
"""Seconds a megasample: so slow that a tile takes as long as in earnest."""


def expected(seen: MarketView, tried: Pilot | None = None, left: float = LEFT) -> Pace:
    ordered = order()
    return pace.expected(ordered, seen, pricing.expected(ordered, seen, DOLLAR), tried, left)


def test_tiles_go_side_by_side_and_the_last_one_is_waited_for() -> None:
    two = market(worker(40), worker(50), speeds=(speed("CPU", 1.0),))
    low, high = expected(two, pilot(RATE)).seconds
    # A single rect: its mean, give or take all of it, and never more than three times as fast.
    assert low == pytest.approx(2 + 6 * TILE * RATE / 3 / MARGIN / 2)
    assert high == pytest.approx(2 + (6 / 2 + 1) * TILE * RATE * 2 * MARGIN)


def test_more_workers_than_tiles_help_no_further() -> None:
    crowd = [worker(40, slots=1)] * 12
    low, _ = expected(market(*crowd, speeds=(speed("CPU", 1.0),)), pilot(RATE)).seconds
    assert low == pytest.approx(2 + TILE * RATE / 3 / MARGIN)


def test_probes_and_loading_take_time() -> None:
    quick = speed("CPU", 1e9, load=5.0, probe=3.0)
    assert expected(market(worker(40), speeds=(quick,))).seconds == pytest.approx((2 + 18, 2 + 5 + 18))
    low, high = expected(market(worker(40), speeds=(quick,), verifiers=(worker(), worker()))).seconds
    assert (low, high) == pytest.approx((2 + 9, 2 + 5 + 9))


def test_every_tile_has_to_be_started() -> None:
    one = market(worker(40), speeds=(speed("CPU", 1e9),))
    quick = expected(one, pilot(1e-9, 1e-9)).seconds
    assert expected(one, pilot(1e-9, 1e-9, start=4.0)).seconds == pytest.approx(
        (quick[0] + 24, quick[1] + 28)
    )


def test_without_a_verifier_nothing_ends() -> None:
    seen = expected(market(worker(40), speeds=(speed(),), verifiers=()))
    assert seen.seconds == (2, LEFT)
    assert "No verifier is online, and no tile is accepted before one is." in seen.reasons


def test_without_any_measure_only_the_deadline_is_known() -> None:
    unknown = expected(market(worker(40)))
    assert unknown.seconds == (2, LEFT)
    assert "Nobody has shown yet how fast these workers are; a pilot render here would tell more." in (
        unknown.reasons
    )
    assert expected(market()).seconds == (2, LEFT)
    assert expected(market(), left=1).seconds == (1, 1)


def test_a_pilot_alone_is_better_than_nothing() -> None:
    low, high = expected(market(worker(40)), pilot(RATE, RATE)).seconds
    assert 2 < low < high < LEFT


def test_who_has_not_asked_helps_at_best_only() -> None:
    one, two = market(worker(40), speeds=(speed(),)), market(worker(40), worker(), speeds=(speed(),))
    alone, together = expected(one, pilot(RATE, RATE)), expected(two, pilot(RATE, RATE))
    assert together.seconds[0] < alone.seconds[0]
    assert together.seconds[1] == alone.seconds[1]


def test_a_deadline_that_is_too_close_is_told() -> None:
    seen = expected(market(worker(40), speeds=(speed(),)), pilot(RATE, RATE), left=60)
    assert seen.seconds[1] > 60
    assert "longer than the 60 seconds until the deadline" in seen.reasons[-1]


def test_frames_add_up() -> None:
    many = replace(order(), frames=tuple(range(100)))
    seen = market(worker(40), speeds=(speed(),))
    who = pricing.expected(many, seen, DOLLAR)
    hundred = pace.expected(many, seen, who, pilot(RATE, RATE), LEFT).seconds[0]
    assert hundred - 2 == pytest.approx(100 * (expected(seen, pilot(RATE, RATE)).seconds[0] - 2))
