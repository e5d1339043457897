"""Tiles into frames: whole pixels are pasted, none is averaged or scaled."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tegula_market.adapters import cryptomatte, exr
from tegula_market.adapters.exr import Image, Limits, Plane
from tegula_market.model import Frame, Rect, TegulaError, Tile

MOST_CHANNELS = 1_024
OUTSIDE = {"Depth": 1e11, "Vector": 1e4}
"""What Blender writes into these passes where nothing was rendered; into all others it writes zero."""


class MismatchedTile(TegulaError):
    """A tile's image that is not a piece of the frame; the message says why."""


class Canvas:
    """One frame that tiles are pasted into, in any order.

    Args:
        crop: the finished frame is only the rect that is rendered, not the whole frame around it.
    """

    def __init__(self, frame: Frame, *, crop: bool) -> None:
        self.frame = frame
        self._area = frame.rect if crop else Rect(0, 0, frame.width, frame.height)
        self._planes: dict[str, Plane] = {}
        self._text: dict[str, str] = {}
        self._pasted: NDArray[np.bool_] = np.zeros((frame.rect.height, frame.rect.width), np.bool_)

    @property
    def complete(self) -> bool:
        return bool(self._pasted.all())

    def paste(self, tile: Tile, path: Path) -> None:
        """Put the image of a tile, which covers `tile.rendered`, in its place without its overscan.

        Raises:
            MismatchedTile: another frame, size or set of channels, or a place that is taken.
            UnreadableImage: no image of the kind that workers render.
        """
        if tile.frame != self.frame.number or not self.frame.rect.contains(tile.rect):
            raise MismatchedTile(f"tile {tile.index} is no part of frame {self.frame.number}")
        rendered = tile.rendered
        edge, values = max(rendered.width, rendered.height), rendered.area * MOST_CHANNELS
        image = exr.read(path, Limits(edge=edge, channels=MOST_CHANNELS, values=values))
        self._check(tile, image)
        self._mark(tile)
        here = _slices(tile.rect, self._area)
        there = _slices(tile.rect, rendered)
        for name, plane in image.channels.items():
            self._planes[name][here] = plane[there]

    def planes(self, rect: Rect) -> dict[str, Plane]:
        """What a rect of the frame looks like so far, float32[height, width] by channel; not a copy."""
        here = _slices(rect, self._area)
        return {name: plane[here] for name, plane in self._planes.items()}

    def save(self, path: Path) -> None:
        """Write the finished frame; the file appears whole or not at all.

        Raises:
            MismatchedTile: tiles are missing.
        """
        if not self.complete:
            missing = int((~self._pasted).sum())
            raise MismatchedTile(f"frame {self.frame.number} still wants {missing} pixels")
        exr.write(path, Image(self._area.width, self._area.height, self._planes, self._text))

    def _check(self, tile: Tile, image: Image) -> None:
        size = f"{image.width} x {image.height}"
        if size != (wanted := f"{tile.rendered.width} x {tile.rendered.height}"):
            raise MismatchedTile(f"the image of tile {tile.index} has {size} pixels, not {wanted}")
        if not self._planes:
            shape = (self._area.height, self._area.width)
            self._planes = {name: np.full(shape, _outside(name), np.float32) for name in image.channels}
            self._text = dict(image.text)
        odd = self._planes.keys() ^ image.channels.keys()
        if odd:
            raise MismatchedTile(f"the image of tile {tile.index} differs from others in {min(odd)!r}")
        # Render times and the like are a tile's own; what holds for the frame is the same in all.
        same = dict(self._text.items() & image.text.items())
        self._text = {**same, **cryptomatte.merged(self._text, image.text)}

    def _mark(self, tile: Tile) -> None:
        place = self._pasted[_slices(tile.rect, self.frame.rect)]
        if place.any():
            raise MismatchedTile(f"tile {tile.index} lies on pixels that are there already")
        place[:] = True


def _slices(rect: Rect, within: Rect) -> tuple[slice, slice]:
    """Rows and columns of `rect` in an array that covers `within`."""
    moved = rect.moved(-within.x0, -within.y0)
    return slice(moved.y0, moved.y1), slice(moved.x0, moved.x1)


def _outside(channel: str) -> float:
    return OUTSIDE.get(channel.split(".")[-2], 0.0) if channel.count(".") >= 2 else 0.0
