"""Cheats that are made of an honest frame: pixels moved, rounded, dropped or invented."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage

from tegula_market.model import Rect
from verification.picture import COLOURS, Picture

Values = NDArray[np.float32]
Fill = Callable[[Picture, Rect, Rect], Values]
"""fill(frame, tile, patch): what stands in the patch, which is in pixels of the frame."""
BLUR = 2.0
"""Standard deviation in pixels: noise is gone, edges can still be told."""


def other_tile(frame: Picture, rect: Rect, _: Generator) -> Picture:
    return frame.cut(_beside(frame, rect, rect.width))


def shifted(frame: Picture, rect: Rect, _: Generator) -> Picture:
    return frame.cut(_beside(frame, rect, 1))


def quantised(frame: Picture, rect: Rect, _: Generator) -> Picture:
    """To 256 steps of sRGB, as a PNG would."""
    return _recoloured(frame, rect, lambda v: _linear(np.round(srgb(v) * 255) / 255))


def clipped(frame: Picture, rect: Rect, _: Generator) -> Picture:
    return _recoloured(frame, rect, lambda v: np.minimum(v, 1.0))


def opaque(frame: Picture, rect: Rect, _: Generator) -> Picture:
    tile = frame.cut(rect)
    values = tile.values.copy()
    values[tile.channels("Combined.A")] = 1.0
    return tile.changed(values)


def pass_faked(frame: Picture, rect: Rect, _: Generator) -> Picture:
    """The last pass that is not the picture itself is one colour."""
    tile = frame.cut(rect)
    passes = {name.rpartition(".")[0] for name in tile.names if ".Combined." not in name}
    values = tile.values.copy()
    for i, name in enumerate(tile.names):
        if passes and name.startswith(max(passes) + "."):
            values[i] = values[i].mean()
    return tile.changed(values)


def swapped(frame: Picture, rect: Rect, _: Generator) -> Picture:
    tile = frame.cut(rect)
    values = tile.values.copy()
    values[tile.channels(*COLOURS)] = tile.values[tile.channels(*reversed(COLOURS))]
    return tile.changed(values)


def noisy(amplitude: float) -> Callable[[Picture, Rect, Generator], Picture]:
    def paint(frame: Picture, rect: Rect, random: Generator) -> Picture:
        return _recoloured(frame, rect, lambda v: v + random.uniform(-amplitude, amplitude, v.shape))

    return paint


def patch(share: float, fill: Fill) -> Callable[[Picture, Rect, Generator], Picture]:
    """A square of that share of the tile, anywhere in it, is filled otherwise."""

    def paint(frame: Picture, rect: Rect, random: Generator) -> Picture:
        place = _square(rect, share, random)
        tile = frame.cut(rect)
        values = tile.values.copy()
        inside = place.moved(-rect.x0, -rect.y0)
        values[:, inside.y0 : inside.y1, inside.x0 : inside.x1] = fill(frame, rect, place)
        return tile.changed(values)

    return paint


def flat(frame: Picture, _: Rect, place: Rect) -> Values:
    values = frame.cut(place).values
    return np.broadcast_to(values.mean(axis=(1, 2), keepdims=True), values.shape)


def blurred(frame: Picture, rect: Rect, place: Rect) -> Values:
    smooth: Values = ndimage.gaussian_filter(frame.cut(rect).values, (0, BLUR, BLUR))
    inside = place.moved(-rect.x0, -rect.y0)
    return smooth[:, inside.y0 : inside.y1, inside.x0 : inside.x1]


def copied(frame: Picture, _: Rect, place: Rect) -> Values:
    """The pixels beside the patch."""
    return frame.cut(_beside(frame, place, place.width)).values


def srgb(linear: NDArray[np.floating]) -> NDArray[np.float64]:
    """Encoded and clipped to 0..1 (IEC 61966-2-1)."""
    value = np.clip(np.nan_to_num(linear.astype(np.float64)), 0, 1)
    return np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055)


def _linear(encoded: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def _recoloured(frame: Picture, rect: Rect, change: Callable[[Values], NDArray[np.floating]]) -> Picture:
    tile = frame.cut(rect)
    values = tile.values.copy()
    colours = tile.channels(*COLOURS)
    values[colours] = change(values[colours])
    return tile.changed(values)


def _beside(frame: Picture, rect: Rect, step: int) -> Rect:
    """So many pixels to the right, or to the left at the frame's end."""
    fits = rect.x1 + step <= frame.values.shape[2]
    return rect.moved(step if fits else -step, 0)


def _square(rect: Rect, share: float, random: Generator) -> Rect:
    edge = min(int(np.ceil(np.sqrt(share * rect.area))), rect.width, rect.height)
    x = rect.x0 + int(random.integers(rect.width - edge + 1))
    y = rect.y0 + int(random.integers(rect.height - edge + 1))
    return Rect(x, y, x + edge, y + edge)
