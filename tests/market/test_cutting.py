from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tegula_market import cutting
from tegula_market.cutting import DEAR, LEAST_OVERSCANS, MOST_TILES, by_cost, cost, evenly
from tegula_market.model import CostMap, InvalidValue, Rect

UHD = Rect(0, 0, 3840, 2160)


@st.composite
def maps(draw: st.DrawFn) -> CostMap:
    columns, rows = draw(st.integers(1, 8)), draw(st.integers(1, 8))
    weights = st.lists(st.integers(1, 16), min_size=columns * rows, max_size=columns * rows)
    return CostMap(columns, tuple(draw(weights)))


@st.composite
def cuts(draw: st.DrawFn) -> tuple[Rect, int, int, CostMap, int]:
    """Frames down to fewer pixels than their map has cells."""
    x, y = draw(st.integers(0, 9)), draw(st.integers(0, 9))
    whole = Rect(x, y, x + draw(st.integers(1, 45)), y + draw(st.integers(1, 45)))
    return whole, draw(st.integers(1, 70)), draw(st.integers(0, 3)), draw(maps()), draw(st.integers(1, 9))


Case = tuple[Rect, int, int, CostMap, int]


def cut(case: Case) -> tuple[Rect, ...]:
    whole, edge, overscan, costs, least = case
    return by_cost(whole, edge, overscan, costs, least=least)


@given(cuts())
@example((Rect(0, 0, 8, 8), 8, 0, CostMap(8, (1,) * 63 + (16,)), 1))
def test_each_pixel_is_in_exactly_one_tile(case: Case) -> None:
    covered = Counter(
        (x, y) for tile in cut(case) for x in range(tile.x0, tile.x1) for y in range(tile.y0, tile.y1)
    )
    whole = case[0]
    assert covered == Counter((x, y) for x in range(whole.x0, whole.x1) for y in range(whole.y0, whole.y1))


@given(cuts())
def test_the_dearest_come_first(case: Case) -> None:
    dear = [cost(case[0], tile, case[3]) for tile in cut(case)]
    assert dear == sorted(dear, reverse=True)


@given(cuts())
def test_a_map_makes_at_most_six_tiles_of_one(case: Case) -> None:
    assert len(cut(case)) <= 6 * cutting.evens(*case[:2])


@given(cuts())
def test_nothing_that_could_be_cut_costs_more_than_the_bound(case: Case) -> None:
    whole, edge, overscan, costs, least = case
    average = cost(whole, whole, costs) / whole.area * min(edge, whole.width) * min(edge, whole.height)
    for tile in cut(case):
        if max(tile.width, tile.height) > 2 * max(least, LEAST_OVERSCANS * overscan):
            assert cost(whole, tile, costs) <= DEAR[0] / DEAR[1] * average * (1 + 1e-9)


@given(cuts())
def test_nothing_is_cut_smaller_than_said(case: Case) -> None:
    """What is left at the right and at the bottom of a tile is smaller, as at a frame's border."""
    whole, edge, overscan, _, least = case
    even = Counter(evenly(whole, edge))
    bound = max(least, LEAST_OVERSCANS * overscan)
    for tile in (Counter(cut(case)) - even).elements():
        inside = tile.x1 != whole.x1 and tile.y1 != whole.y1
        assert not inside or max(tile.width, tile.height) >= bound // 2


@given(cuts(), st.integers(1, 16))
def test_an_even_map_cuts_nothing(case: Case, weight: int) -> None:
    whole, edge, overscan, costs, least = case
    even = CostMap(costs.columns, (weight,) * len(costs.weights))
    assert Counter(by_cost(whole, edge, overscan, even, least=least)) == Counter(evenly(whole, edge))


@given(cuts())
def test_what_parts_cost_adds_up(case: Case) -> None:
    whole, _, _, costs, _ = case
    assert sum(cost(whole, tile, costs) for tile in cut(case)) == cost(whole, whole, costs)


@given(cuts(), st.data())
def test_an_even_tile_alone_is_the_one_of_all(case: Case, data: st.DataObject) -> None:
    whole, edge = case[:2]
    tiles = list(evenly(whole, edge))
    assert len(tiles) == cutting.evens(whole, edge)
    place = data.draw(st.integers(0, len(tiles) - 1))
    assert cutting.even(whole, edge, place) == tiles[place]


def test_a_dear_corner_of_a_large_frame() -> None:
    """0.5 of the cost is in a ninth of the pixels."""
    tiles = by_cost(UHD, 512, 0, CostMap(3, (8, 1, 1, 1, 1, 1, 1, 1, 1)))
    sizes = Counter((tile.width, tile.height) for tile in tiles)
    assert (sizes[256, 256], sizes[512, 512]) == (24, 22)
    assert tiles[0] == Rect(0, 0, 256, 256)
    assert Rect(1024, 1024, 1536, 1536) in tiles


def test_overscan_keeps_tiles_large() -> None:
    costs = CostMap(4, (16, 1, 1, 1))
    assert min(tile.width for tile in by_cost(Rect(0, 0, 1024, 512), 128, 0, costs)) == 64
    assert min(tile.width for tile in by_cost(Rect(0, 0, 1024, 512), 128, 1, costs)) == 64
    assert {tile.width for tile in by_cost(Rect(0, 0, 1024, 512), 128, 2, costs)} == {128}


def test_so_many_tiles_are_taken_and_no_more() -> None:
    even = CostMap(1, (1,))
    assert len(by_cost(Rect(0, 0, 64, 32), 1, 0, even)) == MOST_TILES
    with pytest.raises(InvalidValue, match="leave the map out"):
        by_cost(Rect(0, 0, 65, 32), 1, 0, even)
    with pytest.raises(InvalidValue, match="leave the map out"):
        by_cost(Rect(0, 0, 64, 128), 2, 0, CostMap(1, (16, 1, 1, 1)), least=1)


@pytest.mark.parametrize(
    ("columns", "weights"),
    [(0, ()), (0, (1,)), (1, ()), (2, (1,)), (9, (1,) * 9), (1, (1,) * 9), (-1, (1,)), (1, (0,)), (1, (17,))],
)
def test_what_is_no_map_is_refused(columns: int, weights: tuple[int, ...]) -> None:
    with pytest.raises(InvalidValue, match="cost map"):
        CostMap(columns, weights)
