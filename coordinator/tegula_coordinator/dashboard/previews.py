"""Small pictures of accepted tiles, for eyes only: the Combined pass in plain sRGB, kept by digest.

A returned image is hostile input to this reader as to any other, so it is read under the verifier's limits.
One at a time: what a page asks for must not take the memory that verdicts need.
"""

import asyncio
import os
import tempfile
from collections.abc import Container
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tegula_coordinator.blobs import IS_BLOB, Blobs
from tegula_market.adapters import exr, verify
from tegula_market.adapters.exr import UnreadableImage
from tegula_market.adapters.verify import Rendered
from tegula_market.model import Digest, TegulaError, Tile

LONGEST = 512
"""Pixels of a preview's longer side."""
PARTIAL = ".partial-"
"""How the name of a picture begins that is being made."""


class NoPreview(TegulaError):
    """There is nothing to be seen of that tile; the message says why."""


class Previews:
    def __init__(self, folder: Path, blobs: Blobs) -> None:
        self._folder, self._blobs = folder, blobs
        self._one_at_a_time = asyncio.Lock()
        for partial in folder.glob(f"{PARTIAL}*"):  # of a coordinator that was killed
            partial.unlink()

    async def of(self, image: Digest, tile: Tile) -> Path:
        """A PNG of the tile's own pixels, without overscan.

        Raises:
            NoPreview: the image is gone, is too much for this machine, or has no Combined pass.
        """
        path = self._folder / f"{image.hex()}-{_crop(tile)}.png"
        if not path.is_file():
            async with self._one_at_a_time:
                await asyncio.to_thread(self._make, image, tile, path)
        return path

    def sweep(self, needed: Container[Digest]) -> None:
        """Removes the pictures of images that nobody needs any more. Blocks."""
        for path in self._folder.glob("*.png"):
            name = path.name.partition("-")[0]
            if IS_BLOB.fullmatch(name) and bytes.fromhex(name) not in needed:
                path.unlink(missing_ok=True)

    def _make(self, image: Digest, tile: Tile, path: Path) -> None:
        """Blocks. The file appears whole or not at all."""
        if path.is_file():  # made while this call waited for its turn
            return
        try:
            with self._blobs.at_hand([image]) as find:
                seen = verify.read(Rendered(find(image), tile.rendered))
            pixels = encoded(_combined(seen, tile))
        except (OSError, UnreadableImage) as error:
            raise NoPreview(f"the tile's image cannot be shown: {error}") from error
        except MemoryError as error:
            raise NoPreview("the tile's image takes more memory than there is here") from error
        picture = Image.fromarray(pixels)
        picture.thumbnail((LONGEST, LONGEST))
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor, partial = tempfile.mkstemp(dir=self._folder, prefix=PARTIAL)
        with os.fdopen(descriptor, "wb") as file:
            picture.save(file, "PNG")
        Path(partial).replace(path)


def encoded(linear: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Scene-linear values as bytes of sRGB (IEC 61966-2-1); what is no number is black."""
    light = np.clip(np.nan_to_num(linear, nan=0.0, posinf=1.0, neginf=0.0), 0.0, 1.0)
    bright = 1.055 * np.power(light, 1 / 2.4) - 0.055
    bytes_: NDArray[np.uint8] = np.rint(255 * np.where(light <= 0.0031308, 12.92 * light, bright)).astype(
        np.uint8
    )
    return bytes_


def _combined(image: exr.Image, tile: Tile) -> NDArray[np.float32]:
    """float32[height, width, 3] of the first view layer."""
    layers = sorted(name.removesuffix(".R") for name in image.channels if name.endswith("Combined.R"))
    found = [layer for layer in layers if {f"{layer}.G", f"{layer}.B"} <= image.channels.keys()]
    if not found:
        raise NoPreview("the tile's image has no Combined pass, so there is nothing to show")
    inner = tile.rect.moved(-tile.rendered.x0, -tile.rendered.y0)
    crop = slice(inner.y0, inner.y1), slice(inner.x0, inner.x1)
    return np.stack([image.channels[f"{found[0]}.{colour}"][crop] for colour in "RGB"], axis=-1)


def _crop(tile: Tile) -> str:
    """Equal images can be of tiles with other overscan: at a frame's edge there is less of it."""
    inner = tile.rect.moved(-tile.rendered.x0, -tile.rendered.y0)
    return f"{inner.x0}-{inner.y0}-{inner.x1}-{inner.y1}"
