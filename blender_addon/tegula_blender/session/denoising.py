"""Whole frames denoised once they are stitched, as the scene would have it.

Tiles are rendered with the passes that a denoiser is guided by. Cycles' own denoiser then works on the whole
frame, in a Blender without a window.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tegula_market.adapters import exr
from tegula_market.adapters.exr import Image, Plane

from . import blender as blenders
from .blender import SceneRefused

COMBINED = tuple(f"Combined.{channel}" for channel in "RGB")
GUIDES = tuple(
    f"Denoising {kind}" for kind in ("Normal.X", "Normal.Y", "Normal.Z", "Albedo.R", "Albedo.G", "Albedo.B")
)
MOTION = tuple(f"Vector.{channel}" for channel in "XYZW")


def denoised(
    blend: Path, layers: Sequence[str], frames: Sequence[Path], scratch: Path, blender: Path | None
) -> list[Path]:
    """Stitched frames with some view layers denoised, in files of their own in `scratch`.

    Args:
        blend: the scene, whose denoising settings hold.
    Raises:
        SceneRefused: Blender could not, or a frame lacks the passes.
    """
    images = []
    for number, frame in enumerate(frames):
        source, target = (scratch / f"{number}.{kind}.exr" for kind in ("noisy", "clean"))
        exr.write(source, guide(exr.read(frame), layers))
        images.append({"input": str(source), "output": str(target)})
    blenders.ask("denoise", blender, blend=str(blend), images=images)
    finished = []
    for number, (frame, image) in enumerate(zip(frames, images, strict=True)):
        finished.append(scratch / f"{number}.exr")
        clean = exr.read(Path(image["output"]))
        exr.write(finished[-1], merged(exr.read(frame), clean, layers))
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
