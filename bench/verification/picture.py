"""All channels of an image as one array."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tegula_market.adapters import exr
from tegula_market.adapters.statistic import Planes
from tegula_market.model import Rect

COLOURS = ("Combined.R", "Combined.G", "Combined.B")


@dataclass(frozen=True, slots=True)
class Picture:
    names: tuple[str, ...]
    values: NDArray[np.float32]
    """[channel, height, width]"""

    @classmethod
    def read(cls, path: Path) -> Self:
        image = exr.read(path)
        names = tuple(sorted(image.channels))
        return cls(names, np.stack([image.channels[name] for name in names]))

    def write(self, path: Path) -> None:
        _, height, width = self.values.shape
        exr.write(path, exr.Image(width, height, dict(zip(self.names, self.values, strict=True))))

    def cut(self, rect: Rect) -> "Picture":
        return Picture(self.names, self.values[:, rect.y0 : rect.y1, rect.x0 : rect.x1])

    def changed(self, values: NDArray[np.float32]) -> "Picture":
        return Picture(self.names, np.ascontiguousarray(values, np.float32))

    def planes(self, rects: tuple[Rect, ...]) -> Planes:
        """float32[n] by channel: the pixels of rects, one after the other."""
        rows = [self.cut(rect).values.reshape(len(self.names), -1) for rect in rects]
        return dict(zip(self.names, np.concatenate(rows, axis=1), strict=True))

    def only(self, names: tuple[str, ...]) -> "Picture":
        return Picture(names, self.values[[self.names.index(name) for name in names]])

    def channels(self, *endings: str) -> list[int]:
        """Where the channels with these ends of names are, in that order; of every view layer."""
        return [i for end in endings for i, name in enumerate(self.names) if name.endswith("." + end)]


def differs(one: Picture, other: Picture) -> NDArray[np.bool_]:
    """bool[height, width]: any bit of any channel."""
    unequal: NDArray[np.bool_] = (one.values.view(np.uint32) != other.values.view(np.uint32)).any(axis=0)
    return unequal
