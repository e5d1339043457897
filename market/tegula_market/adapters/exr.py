"""OpenEXR images as Blender writes them: float32 scanlines, many named channels, lossless."""

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import OpenEXR
from numpy.typing import NDArray

from tegula_market.adapters.exr_header import GENEROUS, Header, Limits, UnreadableImage, header
from tegula_market.model import InvalidValue

__all__ = ["Header", "Image", "Limits", "Plane", "UnreadableImage", "header", "read", "write"]

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
        UnreadableImage: as `header`, or the pixels are damaged or cut short.
        MemoryError: there is too little here for what the header announces.
    """
    expected = header(path, limits)
    # To the library running out of memory is a damaged file like any other; it must not be held against one.
    np.empty((2 * len(expected.channels), expected.height, expected.width), np.float32)
    try:
        file = OpenEXR.File(str(path), separate_channels=True)
        decoded = [dict(file.channels(part)) for part in range(len(expected.parts))]
        planes = {name: channel.pixels for part in decoded for name, channel in part.items()}
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
    attributes = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage, **image.text}
    # The library ignores strides and puts its own objects into the dict that it is given.
    planes = {name: np.ascontiguousarray(plane) for name, plane in image.channels.items()}
    try:
        OpenEXR.File(attributes, planes).write(partial)
        Path(partial).chmod(0o644)  # mkstemp makes it private to this user
        Path(partial).replace(path)
    finally:
        Path(partial).unlink(missing_ok=True)
