"""Home of OpenEXR: pixels of images, where the library can be installed."""

from pathlib import Path

import numpy as np
import OpenEXR
from numpy.typing import NDArray


def decode(path: Path, parts: int) -> dict[str, NDArray[np.float32]]:
    """Raises: RuntimeError, ValueError: the pixels are damaged."""
    file = OpenEXR.File(str(path), separate_channels=True)
    decoded = [dict(file.channels(part)) for part in range(parts)]
    return {name: channel.pixels for part in decoded for name, channel in part.items()}


def encode(path: Path, planes: dict[str, NDArray[np.float32]], text: dict[str, str]) -> None:
    attributes = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage, **text}
    # The library ignores strides and puts its own objects into the dict that it is given.
    OpenEXR.File(attributes, {name: np.ascontiguousarray(plane) for name, plane in planes.items()}).write(
        str(path)
    )
