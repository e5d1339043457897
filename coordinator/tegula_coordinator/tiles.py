"""The Blender kind of work, as far as the coordinator knows it: which tiles an order has.

The book knows units and sizes only. What is probed, and how it is judged, is in tegula_market: `probes`,
`evidence` and `adapters.verify`.
"""

from collections.abc import Mapping
from pathlib import Path

from tegula_market import tiling
from tegula_market.adapters import verify
from tegula_market.adapters.verify import Rendered
from tegula_market.model import Order


def sizes(order: Order) -> tuple[int, ...]:
    """Pixel-samples of each unit of the order."""
    return tuple(tiling.size(tile, order.scene) for tile in tiling.split(order))


def unfit(order: Order, images: Mapping[int, Path]) -> str:
    """Why one of these units' images is of no use; empty if each is of some. Blocks: reads all of them."""
    return verify.unfit(
        {unit: Rendered(image, tiling.tile(order, unit).rendered) for unit, image in images.items()}
    )
