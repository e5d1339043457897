"""OpenEXR images as Blender writes them: float32 scanlines, many named channels, lossless."""

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tegula_market.adapters.exr_header import GENEROUS, Header, Limits, UnreadableImage, header
from tegula_market.model import InvalidValue

try:
    from tegula_market.adapters import exr_openexr as codec
except ModuleNotFoundError:  # inside Blender
    from tegula_market.adapters import exr_oiio as codec  # type: ignore[no-redef]

__all__ = ["Header", "Image", "Limits", "Plane", "UnreadableImage", "header", "pixels", "read", "write"]

Plane = NDArray[np.float32]
"""float32[height, width], the origin at the top left."""


@dataclass(frozen=True, slots=True)
class Image:
    width: int
    height: int
    channels: dict[str, Plane]
    """By Blender's full names ("ViewLayer.Combined.R"). Bits are kept, those of NaNs too."""
    text: dict[str, str] = field(default_factory=dict)
    """String attributes: cryptomatte manifests, and the mark by which Blender knows its own layers."""

    def __post_init__(self) -> None:
        for name, plane in self.channels.items():
            if plane.dtype != np.float32 or plane.shape != (self.height, self.width):
                raise InvalidValue(
                    f"channel {name!r} is {plane.dtype}{plane.shape}, not float32{(self.height, self.width)}"
                )


def read(path: Path, limits: Limits = GENEROUS) -> Image:
    """Every channel of every part of a file, after its header has passed the limits.

    Raises:
        UnreadableImage, MemoryError: as `header` and `pixels`.
    """
    return pixels(path, header(path, limits))


def pixels(path: Path, expected: Header) -> Image:
    """Every channel of a file whose header has been read.

    Raises:
        UnreadableImage: the pixels are damaged or cut short, or not those of the header.
        MemoryError: there is too little here for what the header announces.
    """
    # To the library running out of memory is a damaged file like any other; it must not be held against one.
    np.empty((2 * len(expected.channels), expected.height, expected.width), np.float32)
    try:
        planes = codec.decode(path, len(expected.parts))
        image = Image(expected.width, expected.height, planes, expected.text)
    except (RuntimeError, ValueError, InvalidValue) as error:  # pybind11 turns C++ exceptions into these
        raise UnreadableImage(f"the pixels of {path.name} are damaged or cut short: {error}") from error
    if planes.keys() != set(expected.channels):
        raise UnreadableImage(f"the pixels of {path.name} are not those that its header names")
    return image


def write(path: Path, image: Image) -> None:
    """A file of one part with ZIP compression, which appears whole or not at all."""
    descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    os.close(descriptor)
    try:
        codec.encode(Path(partial), image.channels, image.text)
        Path(partial).chmod(0o644)  # mkstemp makes it private to this user
        Path(partial).replace(path)
    finally:
        Path(partial).unlink(missing_ok=True)
