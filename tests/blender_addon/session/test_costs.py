from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_addon.session.markets import pilot
from orders import an_order
from requester_samples import DOLLAR
from tegula_blender.session import costs, planning
from tegula_blender.session.speeds import Pilot
from tegula_market import tiling
from tegula_market.model import Adaptive, CostMap, Rect, Wei

rates = st.lists(st.floats(0, 1e4), min_size=16, max_size=16)
DEAR_CORNER = pilot(90, *[10] * 15)
"""Seconds a megasample: the first is at the top left."""
HD = an_order(resolution=(1920, 1080), tile=176, spp=64, ceiling=Wei(10**6))


def grid(found: CostMap | None) -> list[tuple[int, ...]]:
    assert found is not None
    return [found.weights[row * found.columns :][: found.columns] for row in range(found.rows)]


@given(rates, st.floats(1e-6, 10))
def test_every_pilot_makes_a_map_or_none(taken: list[float], megasamples: float) -> None:
    found = costs.found(replace(pilot(*taken), megasamples=megasamples))
    assert found is None or (found.columns, found.rows, max(found.weights)) <= (8, 8, 16)


@given(st.lists(st.floats(1, 16), min_size=16, max_size=16))
def test_a_map_is_the_pilot_where_the_pilot_was_and_in_between_elsewhere(taken: list[float]) -> None:
    found = costs.found(pilot(*taken))
    if found is None:
        assert max(taken) < costs.EVEN * min(taken) * 1.01
        return
    rows = grid(found)
    low, high = 16 * min(taken) / max(taken), 16
    assert all(low - 1 <= weight <= high for row in rows for weight in row)
    for row in range(4):
        for column in range(4):
            near = [rows[2 * row + y][2 * column + x] for y in (0, 1) for x in (0, 1)]
            around = [
                16 * taken[4 * y + x] / max(taken)
                for y in range(max(0, row - 1), min(4, row + 2))
                for x in range(max(0, column - 1), min(4, column + 2))
            ]
            assert min(around) - 1 <= min(near) <= max(near) <= max(around) + 1


def test_rects_are_put_where_they_were_rendered() -> None:
    """They are rendered from the middle outwards."""
    cells = (5, 6, 9, 10, 1, 2, 4, 7, 8, 11, 13, 14, 0, 3, 12, 15)
    found = costs.found(replace(pilot(*[10] * 15, 90), cells=cells))
    rows = grid(found)
    assert (rows[7][7], rows[0][0], rows[0][7], rows[7][0]) == (16, 2, 2, 2)


def test_what_lies_between_is_in_between() -> None:
    assert grid(costs.found(DEAR_CORNER))[0] == (16, 12, 5, 2, 2, 2, 2, 2)


@pytest.mark.parametrize(
    "tried",
    [
        pilot(90, 10),
        pilot(*[10] * 15),
        pilot(*[10] * 16),
        pilot(14, *[10] * 15),
        replace(DEAR_CORNER, megasamples=0.0001),
    ],
    ids=["no time for most", "no time for the last", "even", "nearly even", "too short to tell"],
)
def test_what_tells_nothing_makes_no_map(tried: Pilot) -> None:
    assert costs.found(tried) is None


def test_a_pilot_with_less_than_all_samples_will_do_where_there_is_no_noise_threshold() -> None:
    assert costs.mapped(HD, replace(DEAR_CORNER, whole=False), Wei(5_000_000), DOLLAR).costs is not None


def test_an_order_is_cut_where_it_is_dear_and_costs_what_it_did() -> None:
    plain = planning.within(HD, Wei(5_000_000), DOLLAR)
    made = costs.mapped(plain, DEAR_CORNER, Wei(5_000_000), DOLLAR)
    assert made.costs == costs.found(DEAR_CORNER)
    assert tiling.split(made)[0].rect == Rect(0, 0, 88, 88)
    assert tiling.count(made) > tiling.count(plain)
    assert planning.budget(made) <= 5_000_000
    assert planning.cost(made, Wei(1000)) == pytest.approx(planning.cost(plain, Wei(1000)), rel=1e-3)


@pytest.mark.parametrize(
    ("order", "tried"),
    [
        (HD, None),
        (HD, pilot(*[10] * 16)),
        (HD, pilot(0.9, *[0.1] * 15)),
        (replace(HD, scene=replace(HD.scene, adaptive=Adaptive(0.01, 0))), replace(DEAR_CORNER, whole=False)),
        (replace(HD, tile=10), pilot(*[1e6] * 8, *[1e5] * 8)),
    ],
    ids=["no pilot", "even", "quick", "without its noise threshold", "more tiles than a map may have"],
)
def test_an_order_stays_as_it_was_where_a_map_is_of_no_use(order: object, tried: Pilot | None) -> None:
    assert costs.mapped(order, tried, Wei(10**12), DOLLAR) is order  # type: ignore[arg-type]
