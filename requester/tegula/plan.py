"""What to order: which frames, how large the tiles, for at most how much. Pure."""

import re
from math import isqrt

from tegula_market import auction, tiling
from tegula_market.model import InvalidValue, Order, Rect, Scene, Terms, Wei

TILES_PER_WORKER = 4
"""Of each frame: so many that a slow worker holds the frame up by a fraction only."""
TILE_STEP, SMALLEST_TILE, LARGEST_TILE = 16, 64, 512
"""Pixels. Below 64 the fixed cost of a tile, about 0.2 s, outweighs its rendering; above 512 it hurts to
lose one."""
MOST_FRAMES = 100_000


def tile_edge(rect: Rect, workers: int) -> int:
    """The edge in pixels that gives each worker several tiles of every frame.

    The largest multiple of 16 at which a frame has at least `TILES_PER_WORKER` tiles for each worker, but
    not under 64 or over 512 pixels.
    """
    edge = isqrt(rect.area // (TILES_PER_WORKER * workers)) // TILE_STEP * TILE_STEP
    return min(max(edge, SMALLEST_TILE), LARGEST_TILE)


def parse_frames(text: str) -> tuple[int, ...]:
    """Frame numbers of "7", "1-3" or "1-3,7,-5--2", in their order, each once.

    Raises:
        InvalidValue: not such a list, a range that runs backwards, or more frames than anybody wants.
    """
    found: dict[int, None] = {}
    for part in text.split(","):
        match = re.fullmatch(r"\s*(-?[0-9]{1,7})(?:-(-?[0-9]{1,7}))?\s*", part)
        if match is None:
            raise InvalidValue(f"no frames: {text!r}; write them like 7, 1-3 or 1-3,7")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first or last - first >= MOST_FRAMES:
            raise InvalidValue(f"no frames: {part.strip()!r} has to run from a first to a last frame")
        found |= dict.fromkeys(range(first, last + 1))
    return tuple(found)


def order(scene: Scene, frames: tuple[int, ...], terms: Terms, ceiling: Wei, edge: int) -> Order:
    return Order(terms, scene, frames, edge, tiling.overscan_for(scene.adaptive, scene.spp), ceiling)


def budget(order: Order) -> Wei:
    """The deposit that covers every tile at the order's ceiling.

    Raises:
        InvalidValue: an order that makes no tiles, or a ceiling that is none.
    """
    return auction.most((tiling.size(tile, order.scene) for tile in tiling.split(order)), order.ceiling)
