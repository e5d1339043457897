"""The known scene: every device shows with it that it renders what others render, and how fast.

Its picture is committed (by `examples/build_known.py` and the processor of a developer). At one seed and
sample count honest renders of it are all but equal: another kernel of a processor had no pixel of 4096 off by
1 %, and Blender 5.0 instead of 4.5 had 0.4 % of them and none by 10 %; one sample of 16 too few puts 78 % and
33 % off (tests/worker/test_known.py). The bounds lie far from both.
"""

import asyncio
import tempfile
from pathlib import Path

import numpy as np

from tegula_market.adapters import exr
from tegula_market.adapters.exr import Plane, UnreadableImage
from tegula_market.model import Digest, Rect, Scene
from tegula_worker.renderer import Renderer
from tegula_worker.replies import Failure, RenderFailed

FOLDER = Path(__file__).with_name("known")
BLEND = "known.blend"
ANSWER = FOLDER / "known.exr"
EDGE = 64
"""Pixels of the answer, each way."""
SPP = 16
SECONDS = 600.0
"""For a first start: drivers build kernels then, and take minutes."""
FLOOR = 0.05
"""Values below count as so large, about a tenth of the picture's mean: relative to nothing all is noise."""
BOUNDS = {0.01: 0.1, 0.1: 0.01}
"""Relative difference, and the share of the pixels that may have it."""
CHANNELS = tuple(f"ViewLayer.Combined.{channel}" for channel in "RGB")


def scene(blender: str, edge: int = EDGE) -> Scene:
    """How it is rendered for its answer; larger ones are for measuring."""
    return Scene(
        manifest=Digest(bytes(32)),
        blender=blender,
        resolution_x=edge,
        resolution_y=edge,
        percentage=100,
        region=None,
        crop=False,
        spp=SPP,
        seed=0,
        adaptive=None,
        view_layers=1,
    )


async def ask(renderer: Renderer) -> None:
    """Have the known scene rendered, and look at it.

    Raises:
        RenderFailed: it did not come, or is not what it should be.
    """
    with tempfile.TemporaryDirectory(prefix="tegula-known-") as folder:
        out = Path(folder) / "known.exr"
        try:
            async with asyncio.timeout(SECONDS):
                await renderer.start()
                wanted = scene(renderer.blender_version)
                await renderer.render(FOLDER, BLEND, wanted, 1, Rect(0, 0, EDGE, EDGE), out)
        except TimeoutError as error:
            sentence = f"the known scene was not rendered in {SECONDS:g} seconds; look at the device's driver"
            raise RenderFailed(Failure.TIMED_OUT, sentence) from error
        check(out, renderer.device_name)


def check(image: Path, device: str) -> None:
    """
    Raises:
        RenderFailed: the image is not that of the known scene.
    """
    try:
        got, want = pixels(image), pixels(ANSWER)
    except (UnreadableImage, KeyError) as error:
        sentence = f"{device} renders the known scene into no image: {error}"
        raise RenderFailed(Failure.WRONG_PIXELS, sentence) from error
    if got.shape != want.shape:
        sentence = f"{device} renders the known scene at {got.shape[2]}x{got.shape[1]} pixels"
        raise RenderFailed(Failure.WRONG_PIXELS, sentence)
    if not got.any():
        raise RenderFailed(Failure.BLACK_FRAME, f"{device} renders the known scene black; look at its driver")
    for difference, share in BOUNDS.items():
        found = off(got, want, difference)
        if found > share:
            raise RenderFailed(
                Failure.WRONG_PIXELS,
                f"{device} renders the known scene wrong: {found:.0%} of its pixels are off by more than"
                f" {difference:.0%}, {share:.0%} may be; look at its driver, its memory and its temperature",
            )


def pixels(image: Path) -> Plane:
    """float32[3, height, width], scene-linear."""
    channels = exr.read(image).channels
    return np.stack([channels[name] for name in CHANNELS])


def off(got: Plane, want: Plane, difference: float) -> float:
    """Share of the pixels of which a channel is off by more, NaN and infinity included."""
    with np.errstate(invalid="ignore", over="ignore"):
        near = np.abs(got - want) <= difference * np.maximum(want, FLOOR)
    return float(1 - near.all(axis=0).mean())
