from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders import an_order
from requester_samples import DOLLAR, order
from tegula_blender.session import planning
from tegula_market import auction, tiling
from tegula_market.auction import MAX_PRICE
from tegula_market.model import Adaptive, InvalidValue, Order, Rect, Wei


@given(st.integers(1, 8192), st.integers(1, 8192), st.integers(1, 64))
def test_tiles_are_of_a_sensible_size(width: int, height: int, workers: int) -> None:
    edge = planning.tile_edge(Rect(0, 0, width, height), workers)
    assert 64 <= edge <= 512
    assert edge % 16 == 0
    if edge > 64:
        assert width * height >= 4 * workers * edge * edge
    if edge < 512:
        assert width * height < 4 * workers * (edge + 16) ** 2


def test_a_small_frame_for_two_workers() -> None:
    assert planning.tile_edge(Rect(0, 0, 480, 270), workers=2) == 112


def test_the_budget_covers_every_tile_at_the_ceiling() -> None:
    # 96x64 in tiles of 32: six of 32*32*16 samples, each rounded up: ceil(0.016384 * 100) = 2
    assert planning.budget(order()) == 12


def test_a_ceiling_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidValue):
        planning.budget(replace(order(), ceiling=Wei(0)))


orders = st.builds(
    an_order,
    resolution=st.tuples(st.integers(4, 200), st.integers(4, 200)),
    tile=st.integers(16, 128),
    spp=st.integers(1, 4096),
    overscan=st.integers(0, 16),
    adaptive=st.none() | st.just(Adaptive(0.01, 0)),
    region=st.none() | st.just(Rect(1, 0, 4, 3)),
    frames=st.sampled_from([(1,), (7, 3), tuple(range(5))]),
    ceiling=st.integers(1, 10**9).map(Wei),
)


@given(orders)
def test_the_budget_is_the_auctions_own_most(ordered: Order) -> None:
    sizes = (tiling.size(tile, ordered.scene) for tile in tiling.split(ordered))
    assert planning.budget(ordered) == auction.most(sizes, ordered.ceiling)


@given(orders, st.integers(0, 10**15).map(Wei))
def test_the_highest_ceiling_fits_and_one_more_does_not(ordered: Order, budget: Wei) -> None:
    try:
        within = planning.within(ordered, budget, DOLLAR)
    except InvalidValue:
        assert planning.cost(ordered, Wei(1)) > budget
        return
    assert planning.budget(within) <= budget
    assert within.ceiling == MAX_PRICE or planning.cost(ordered, Wei(within.ceiling + 1)) > budget


@given(orders)
def test_what_a_ceiling_costs_leads_back_to_it_or_higher(ordered: Order) -> None:
    assert planning.highest_ceiling(ordered, planning.budget(ordered), DOLLAR) >= ordered.ceiling


def test_a_budget_of_more_than_there_is_stops_at_the_highest_price() -> None:
    assert planning.highest_ceiling(order(), Wei(10**40), DOLLAR) == MAX_PRICE


def test_a_budget_too_small_for_anything_says_how_much_is_wanted() -> None:
    with pytest.raises(InvalidValue, match=r"0\.000005 USD is less than the 0\.000006 USD .* raise it"):
        planning.highest_ceiling(order(), Wei(5), DOLLAR)


def test_frames_without_number_cost_no_time() -> None:
    many = order(width=8192, height=4096, tile=512, frames=tuple(range(7000)))
    assert planning.budget(many) == 7000 * planning.budget(replace(many, frames=(1,)))
