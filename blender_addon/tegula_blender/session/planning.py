"""What to order: how large the tiles, for at most how much. Pure, and money is exact.

All frames of an order are cut alike, so one stands for all of them and nothing here grows with their number.
"""

from dataclasses import replace
from functools import lru_cache
from math import isqrt

from tegula_market import auction, tiling
from tegula_market.auction import MAX_PRICE
from tegula_market.model import (
    ARBITER_WINDOWS,
    ETHER,
    MEGASAMPLE,
    NOBODY,
    CostMap,
    InvalidValue,
    Order,
    Rect,
    Scene,
    Terms,
    Wei,
)

from ..money import Money

TILES_PER_WORKER = 4
"""Of each frame: so many that a slow worker holds the frame up by a fraction only."""
TILE_STEP, SMALLEST_TILE, LARGEST_TILE = 16, 64, 512
"""Pixels. Below 64 the fixed cost of a tile, about 0.2 s, outweighs its rendering; above 512 it hurts to
lose one."""
WINDOW_SECONDS = 86_400
"""In which the requester can dispute what the coordinator says was earned, if there is an arbiter."""
GRACE_SECONDS = (1 + ARBITER_WINDOWS) * WINDOW_SECONDS
"""After the deadline, in which workers can still claim: the least that the escrow takes with this window."""
NO_TERMS = Terms(NOBODY, NOBODY, NOBODY, ETHER, 1, 0, bytes(32))
"""For an order of which only the tiling and the price are of interest."""


def tile_edge(rect: Rect, workers: int) -> int:
    """The edge in pixels that gives each worker several tiles of every frame.

    The largest multiple of 16 at which a frame has at least `TILES_PER_WORKER` tiles for each worker, but
    not under 64 or over 512 pixels.
    """
    edge = isqrt(rect.area // (TILES_PER_WORKER * workers)) // TILE_STEP * TILE_STEP
    return min(max(edge, SMALLEST_TILE), LARGEST_TILE)


def order(scene: Scene, frames: tuple[int, ...], terms: Terms, ceiling: Wei, edge: int) -> Order:
    return Order(terms, scene, frames, edge, tiling.overscan_for(scene.adaptive, scene.spp), ceiling)


def frame_sizes(order: Order) -> tuple[int, ...]:
    """Pixel-samples of each tile of one frame, overscan included; the others are like it.

    Raises:
        InvalidValue: an order that makes no tiles, or too many.
    """
    tiling.count(order)
    return _frame_sizes(order.scene, order.tile, order.overscan, order.costs)


@lru_cache(maxsize=8)
def _frame_sizes(scene: Scene, tile: int, overscan: int, costs: CostMap | None) -> tuple[int, ...]:
    one = Order(NO_TERMS, scene, (0,), tile, overscan, Wei(1), costs)
    return tuple(tiling.size(each, scene) for each in tiling.split(one))


def cost(order: Order, price: Wei) -> Wei:
    """Of all tiles, at a price for a megasample; what the workers are paid if nothing else is."""
    return Wei(auction.most(frame_sizes(order), price) * len(order.frames))


def budget(order: Order) -> Wei:
    """The deposit that covers every tile at the order's ceiling.

    Raises:
        InvalidValue: an order that makes no tiles, or a ceiling that is none.
    """
    return cost(order, order.ceiling)


def highest_ceiling(order: Order, budget: Wei, money: Money) -> Wei:
    """The highest price for a megasample at which every tile fits the budget; the order's own is not read.

    Raises:
        InvalidValue: at the lowest price there is, it does not.
    """
    least = cost(order, Wei(1))
    if budget < least:
        raise InvalidValue(
            f"a budget of {money.text(budget)} is less than the {money.text(least)} that these tiles cost at"
            " the lowest price there is; raise it, or render fewer samples, pixels or frames"
        )
    total = sum(frame_sizes(order)) * len(order.frames)
    # Each tile's price is rounded up, so the quotient is too high if anything.
    low, high = 1, min(MAX_PRICE, max(1, budget * MEGASAMPLE // total))
    while low < high:
        middle = (low + high + 1) // 2
        if cost(order, Wei(middle)) <= budget:
            low = middle
        else:
            high = middle - 1
    return Wei(low)


def within(order: Order, budget: Wei, money: Money) -> Order:
    """The order with the highest ceiling that the budget covers.

    Raises:
        InvalidValue: as `highest_ceiling`.
    """
    return replace(order, ceiling=highest_ceiling(order, budget, money))
