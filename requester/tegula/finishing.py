"""From stitched frames to finished pictures: denoised as a whole, then developed by Blender.

`frame_0001.exr`, the stitched frame, is never touched: it is what was rendered and paid, undenoised.
Denoising goes into `frame_0001.png` only, where Blender's compositor sees the denoised layers as after F12.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tegula_blender.session import blender as blenders
from tegula_blender.session.blender import SceneRefused
from tegula_blender.session.denoising import denoised
from tegula_blender.session.packed import PackedScene


@dataclass(frozen=True, slots=True)
class Picture:
    """A frame to finish."""

    frame: int
    exr: Path
    """Stitched, linear, undenoised."""
    png: Path
    """To be written, whole or not at all."""


def develop(packed: PackedScene, pictures: Sequence[Picture], blender: Path | None = None) -> None:
    """Write the PNG of each picture: what F12 would have saved, by the scene's compositor and view.

    Raises:
        SceneRefused: Blender could not.
    """
    with tempfile.TemporaryDirectory(prefix=".tegula-develop-", dir=pictures[0].png.parent) as folder:
        scratch = Path(folder)
        layers = [picture.exr for picture in pictures]
        if packed.denoised:
            layers = denoised(packed.original, packed.denoised, layers, scratch, blender)
        negatives = [
            {"frame": picture.frame, "exr": str(layer), "png": str(scratch / f"{picture.frame}.png")}
            for picture, layer in zip(pictures, layers, strict=True)
        ]
        percentage = packed.scene.percentage
        blenders.ask(
            "develop", blender, blend=str(packed.original), percentage=percentage, pictures=negatives
        )
        for picture in pictures:
            finished = scratch / f"{picture.frame}.png"
            if not finished.is_file():
                raise SceneRefused(f"Blender wrote no picture of frame {picture.frame}.")
            finished.replace(picture.png)
