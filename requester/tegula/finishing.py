"""From stitched frames to finished pictures: denoised as a whole, then developed by Blender.

`frame_0001.exr`, the stitched frame, is never touched: it is what was rendered and paid, undenoised.
Denoising goes into `frame_0001.png` only, where Blender's compositor sees the denoised layers as after F12.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tegula import blender as blenders
from tegula.blender import SceneRefused
from tegula.scene import PackedScene
from tegula_market.adapters import exr
from tegula_market.adapters.exr import Image, Plane

COMBINED = tuple(f"Combined.{channel}" for channel in "RGB")
GUIDES = tuple(
    f"Denoising {kind}" for kind in ("Normal.X", "Normal.Y", "Normal.Z", "Albedo.R", "Albedo.G", "Albedo.B")
)
MOTION = tuple(f"Vector.{channel}" for channel in "XYZW")


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
        layers = (
            _denoised(packed, pictures, blender, scratch) if packed.denoised else [p.exr for p in pictures]
        )
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


def _denoised(
    packed: PackedScene, pictures: Sequence[Picture], blender: Path | None, scratch: Path
) -> list[Path]:
    """Stitched frames with their layers denoised, in files of their own."""
    images = []
    for picture in pictures:
        source, target = (scratch / f"{picture.frame}.{kind}.exr" for kind in ("noisy", "clean"))
        exr.write(source, guide(exr.read(picture.exr), packed.denoised))
        images.append({"input": str(source), "output": str(target)})
    blenders.ask("denoise", blender, blend=str(packed.original), images=images)
    finished = []
    for picture, image in zip(pictures, images, strict=True):
        finished.append(scratch / f"{picture.frame}.exr")
        clean = exr.read(Path(image["output"]))
        exr.write(finished[-1], merged(exr.read(picture.exr), clean, packed.denoised))
    return finished


def guide(frame: Image, layers: Sequence[str]) -> Image:
    """What Cycles' file denoiser wants to see of a frame.

    It reads lines top down into buffers that Cycles fills bottom up, and a denoiser's network gives another
    result upside down. So the lines are turned here; then it equals a denoised render (to the bit where spp
    is a power of two and adaptive sampling is off, else to the last bit of rounding). It insists on motion
    vectors, which matter in animations only: they are zero. It wants a sample count, and copies it.
    """
    still = np.zeros((frame.height, frame.width), np.float32)
    planes: dict[str, Plane] = {}
    for layer in layers:
        planes |= {f"{layer}.{name}": _channel(frame, layer, name)[::-1] for name in (*COMBINED, *GUIDES)}
        planes |= {f"{layer}.{name}": still for name in MOTION}
    return Image(frame.width, frame.height, planes, {f"cycles.{layer}.samples": "1" for layer in layers})


def merged(frame: Image, clean: Image, layers: Sequence[str]) -> Image:
    """A frame with the denoised Combined of some layers; the noisy one goes where Cycles puts it."""
    planes = dict(frame.channels)
    for layer in layers:
        combined = (*COMBINED, "Combined.A")
        planes |= {f"{layer}.Noisy Image.{name[-1]}": _channel(frame, layer, name) for name in combined}
        planes |= {f"{layer}.{name}": clean.channels[f"{layer}.{name}"][::-1] for name in COMBINED}
    return Image(frame.width, frame.height, planes, frame.text)


def _channel(frame: Image, layer: str, name: str) -> Plane:
    try:
        return frame.channels[f"{layer}.{name}"]
    except KeyError:
        raise SceneRefused(
            f"The frame has no {name} for layer {layer}, so it cannot be denoised; render it again, or turn"
            " Denoising off."
        ) from None
