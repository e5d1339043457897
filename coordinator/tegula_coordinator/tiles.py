"""The Blender kind of work, as far as the coordinator knows it: which tiles an order has, what is probed.

The book knows units and sizes only; whatever speaks of pixels is here and in `verify`.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from tegula_coordinator.verify import Judgement, ProbeImage, judge
from tegula_market import probes, tiling
from tegula_market.model import Digest, Frame, Order, Rect, Tile

KEPT_ORDERS = 64
"""Orders whose tiles stay in memory; splitting again costs milliseconds."""


def sizes(order: Order) -> tuple[int, ...]:
    """Pixel-samples of each unit of the order."""
    return tuple(tiling.size(tile, order.scene) for tile in _tiles(order))


def place(order: Order, unit: int, salt: bytes, image: Digest) -> tuple[Rect, ...]:
    """The probe of a delivered tile, in pixels of the frame."""
    return probes.place(salt, image, _tiles(order)[unit].rect)


def judge_tile(
    order: Order, unit: int, rects: Sequence[Rect], image: Path, references: Sequence[Path]
) -> Judgement:
    """Blocks for a moment: reads images. `references` are a verifier's, one for each rect."""
    tile = _tiles(order)[unit]
    frame = _frames(order)[tile.frame]
    images = [
        ProbeImage(path, rect, rect.grown(order.overscan, frame.rect))
        for path, rect in zip(references, rects, strict=True)
    ]
    return judge(image, tile.rendered, images)


@lru_cache(KEPT_ORDERS)
def _tiles(order: Order) -> tuple[Tile, ...]:
    return tiling.split(order)


@lru_cache(KEPT_ORDERS)
def _frames(order: Order) -> dict[int, Frame]:
    return {frame.number: frame for frame in tiling.frames(order)}
