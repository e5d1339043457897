"""Home of OpenImageIO: pixels of images inside Blender, which brings this library and not OpenEXR."""

from pathlib import Path

import numpy as np
import OpenImageIO as oiio  # noqa: N813 its own documentation's name
from numpy.typing import NDArray

FORMAT = "openexr"


def decode(path: Path, parts: int) -> dict[str, NDArray[np.float32]]:
    """Raises: RuntimeError: the pixels are damaged."""
    file = oiio.ImageInput.open(str(path))
    if file is None or file.format_name() != FORMAT:  # it tries all formats that it knows
        raise RuntimeError(oiio.geterror() or "another format")
    planes: dict[str, NDArray[np.float32]] = {}
    for part in range(parts):
        names = file.spec(part).channelnames
        pixels = file.read_image(part, 0, 0, len(names), oiio.FLOAT)
        if pixels is None:
            raise RuntimeError(file.geterror())
        # A plane of its own for each channel, as other code wants to see their bits.
        planes |= {name: np.ascontiguousarray(pixels[..., at]) for at, name in enumerate(names)}
    file.close()
    return planes


def encode(path: Path, planes: dict[str, NDArray[np.float32]], text: dict[str, str]) -> None:
    """Raises: RuntimeError: it cannot be written."""
    pixels = np.stack(list(planes.values()), axis=-1)
    height, width, channels = pixels.shape
    spec = oiio.ImageSpec(width, height, channels, oiio.FLOAT)
    spec.channelnames = list(planes)
    spec.attribute("compression", "zip")
    for name, value in text.items():
        spec.attribute(name, value)
    file = oiio.ImageOutput.create(FORMAT)
    if not (file.open(str(path), spec) and file.write_image(pixels) and file.close()):
        raise RuntimeError(file.geterror())
