"""The Blender kind of work, as far as the coordinator knows it: which tiles an order has, what is probed.

The book knows units and sizes only; whatever speaks of pixels is here and in tegula_market.adapters.verify.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from tegula_market import probes, tiling
from tegula_market.adapters import verify
from tegula_market.adapters.statistic import Pair
from tegula_market.adapters.verify import Judgement, Rendered
from tegula_market.model import Digest, Frame, Order, Rect, Tile

KEPT_ORDERS = 64
"""Orders whose tiles stay in memory; splitting again costs milliseconds."""


def sizes(order: Order) -> tuple[int, ...]:
    """Pixel-samples of each unit of the order."""
    return tuple(tiling.size(tile, order.scene) for tile in _tiles(order))


def place(order: Order, unit: int, salt: bytes, image: Digest) -> tuple[tuple[Rect, ...], int]:
    """The probes of a delivered tile, in pixels of the frame, and the overscan around each."""
    rect, overscan = _tiles(order)[unit].rect, probes.overscan(order.overscan)
    return probes.place(salt, image, rect, probes.plan(rect, overscan, order.scene.spp)), overscan


def whole(order: Order, unit: int) -> tuple[tuple[Rect, ...], int]:
    """As `place`, for a tile that is suspected."""
    return (_tiles(order)[unit].rect,), order.overscan


def screen(
    order: Order, unit: int, rects: Sequence[Rect], image: Path, references: Sequence[Path], pair: Pair
) -> Judgement:
    """Blocks for a moment: reads images. `references` are a verifier's, one for each rect."""
    overscan = probes.overscan(order.overscan)
    images = [
        _around(order, unit, rect, overscan, path) for path, rect in zip(references, rects, strict=True)
    ]
    return verify.screen(_delivered(order, unit, image), rects, images, pair)


def confirm(order: Order, unit: int, image: Path, reference: Path, twin: Path, pair: Pair) -> Judgement:
    """Blocks for a moment: reads images. `reference` and `twin` are a verifier's, of the whole tile."""
    rect = _tiles(order)[unit].rect
    one, other = (_around(order, unit, rect, order.overscan, path) for path in (reference, twin))
    return verify.confirm(_delivered(order, unit, image), rect, one, other, pair)


def unfit(order: Order, images: Mapping[int, Path]) -> str:
    """Why one of these units' images is of no use; empty if each is of some. Blocks: reads all of them."""
    return verify.unfit({unit: _delivered(order, unit, image) for unit, image in images.items()})


def _delivered(order: Order, unit: int, image: Path) -> Rendered:
    return Rendered(image, _tiles(order)[unit].rendered)


def _around(order: Order, unit: int, rect: Rect, overscan: int, path: Path) -> Rendered:
    frame = _frames(order)[_tiles(order)[unit].frame]
    return Rendered(path, rect.grown(overscan, frame.rect))


@lru_cache(KEPT_ORDERS)
def _tiles(order: Order) -> tuple[Tile, ...]:
    return tiling.split(order)


@lru_cache(KEPT_ORDERS)
def _frames(order: Order) -> dict[int, Frame]:
    return {frame.number: frame for frame in tiling.frames(order)}
