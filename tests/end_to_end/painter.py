"""A worker that paints instead of rendering, so that many tiles fit into a test: `painter.py WORKER.toml`.

All of it is the real program, but for the picture: a colour for each pixel that follows from scene, frame and
place alone, as a pixel of Cycles does, so that whoever paints any rect of it again gets the same bits.
"""

import asyncio
import hashlib
import sys
from pathlib import Path

import numpy as np

from tegula_market.adapters import exr, logs
from tegula_market.adapters.exr import Image, Plane
from tegula_market.adapters.sentences import explained
from tegula_market.model import Rect, Scene
from tegula_worker import config, program
from tegula_worker.renderer import Rendered

BLENDER = "4.5.15"
LAYER = "ViewLayer.Combined"
FORMAT = {"BlenderMultiChannel": "Blender V2.55.1 and newer"}


class Painter:
    blender_version = BLENDER
    device_name = "CPU of a test"

    async def start(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def render(
        self, _folder: Path, _blend: str, scene: Scene, frame: int, rect: Rect, out: Path
    ) -> Rendered:
        await asyncio.to_thread(exr.write, out, painted(scene, frame, rect))
        return Rendered(out, 0.001, 0.0, self.device_name, self.blender_version)


def painted(scene: Scene, frame: int, rect: Rect) -> Image:
    """The picture of a rect."""
    seed = hashlib.blake2b(scene.manifest + bytes((scene.seed % 256, frame % 256)), digest_size=4).digest()
    rows, columns = np.mgrid[rect.y0 : rect.y1, rect.x0 : rect.x1].astype(np.uint32)
    mixed = (columns * np.uint32(2_654_435_761) ^ rows * np.uint32(2_246_822_519)) + np.uint32(
        int.from_bytes(seed, "big")
    )
    planes = {f"{LAYER}.{name}": _level(mixed, shift) for name, shift in zip("RGB", (0, 8, 16), strict=True)}
    planes[f"{LAYER}.A"] = np.ones(mixed.shape, np.float32)
    return Image(rect.width, rect.height, planes, dict(FORMAT))


def _level(mixed: "np.typing.NDArray[np.uint32]", shift: int) -> Plane:
    return ((mixed >> np.uint32(shift)) & np.uint32(0xFF)).astype(np.float32) / np.float32(255)


def main() -> None:
    logs.configure(0)
    painter = Painter()
    with explained("tegula-worker"):
        settings = config.load(Path(sys.argv[1]), {}, {})
        asyncio.run(program.run(settings, renderer=painter, twin=painter))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
