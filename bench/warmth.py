"""What it saves to keep a scene warm, against one plain render of the frame and a fresh Blender a tile.

All of it goes through the worker's own pool, from a scene that nobody holds yet, on the processor. The way
that farms do it is measured on some tiles, spread over the frame, since it takes so long.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tegula_market.model import Digest, Rect, Scene
from tegula_market.tiling import border
from tegula_worker.pool import Pool
from tegula_worker.renderer import Renderer

WIDTH, HEIGHT, EDGE = 512, 256, 64
TILES = [Rect(x, y, x + EDGE, y + EDGE) for y in range(0, HEIGHT, EDGE) for x in range(0, WIDTH, EDGE)]
FARMED = [tile for number, tile in enumerate(TILES) if number % 4 == number // 8]
"""One in four, of every row and every column."""
DOT = Rect(WIDTH // 2, HEIGHT // 2, WIDTH // 2 + 2, HEIGHT // 2 + 2)
"""Four pixels of one sample: all that it takes is starting."""

FRESH = """
import bpy, json, sys
blend, out, width, height, spp, border = json.loads(sys.argv[1])
bpy.ops.wm.open_mainfile(filepath=blend, load_ui=False, use_scripts=False)
scene = bpy.context.scene
render, cycles, image = scene.render, scene.cycles, scene.render.image_settings
render.resolution_x, render.resolution_y, render.resolution_percentage = width, height, 100
render.use_border = render.use_crop_to_border = border is not None
for name, value in zip(("min_x", "max_x", "min_y", "max_y"), border or ()):
    setattr(render, f"border_{name}", value)
cycles.samples, cycles.seed, cycles.device = spp, 0, "CPU"
cycles.use_adaptive_sampling = cycles.use_denoising = render.use_compositing = False
image.file_format, image.color_depth, image.exr_codec = "OPEN_EXR_MULTILAYER", "32", "ZIP"
render.filepath = out
bpy.ops.render.render(write_still=True)
"""


@dataclass(frozen=True, slots=True)
class Warmth:
    """Seconds."""

    cold: float
    """From no process to a tile of four pixels and one sample on the disk."""
    warm: float
    """The next such tile, elsewhere in the frame."""
    tiles: float
    """All tiles through the pool, two under way at a time, from no process."""
    plain: float
    """The frame by plain bpy, from no process."""


async def measure(blend: Path, spp: int, folder: Path) -> Warmth:
    pool = Pool(lambda device: Renderer(device=device.kind, card=device.id), ("CPU",), 1 << 62)
    async with pool:
        cold, warm = await _starts(pool, blend, folder)
        tiles = await _timed(lambda: _tiled(pool, blend, spp, folder))
    plain = await asyncio.to_thread(_fresh, blend, spp, folder, None)
    return Warmth(cold, warm, tiles, plain)


def farm(blend: Path, spp: int, folder: Path) -> float:
    """Seconds for all tiles by plain bpy, each in a process of its own; by some of them."""
    return sum(_fresh(blend, spp, folder, rect) for rect in FARMED) * len(TILES) / len(FARMED)


async def _starts(pool: Pool, blend: Path, folder: Path) -> tuple[float, float]:
    elsewhere = Rect(DOT.x0 + EDGE, DOT.y0, DOT.x1 + EDGE, DOT.y1)
    cold, warm = [
        await _timed(lambda rect=rect: _render(pool, blend, 1, rect, folder / "dot.exr"))
        for rect in (DOT, elsewhere)
    ]
    return cold, warm


async def _tiled(pool: Pool, blend: Path, spp: int, folder: Path) -> None:
    """As a worker with two slots has it."""
    waiting = list(reversed(TILES))

    async def slot(number: int) -> None:
        while waiting:
            await _render(pool, blend, spp, waiting.pop(), folder / f"tile-{number}.exr")

    async with asyncio.TaskGroup() as tasks:
        for number in range(2):
            tasks.create_task(slot(number))


async def _render(pool: Pool, blend: Path, spp: int, rect: Rect, out: Path) -> None:
    scene = Scene(
        Digest(bytes(32)), pool.blender_version, WIDTH, HEIGHT, 100, None, False, spp, 0, None, view_layers=1
    )
    await pool.render(blend.parent, blend.name, scene, 1, rect, out)


async def _timed(work: Callable[[], Awaitable[object]]) -> float:
    first = time.perf_counter()
    await work()
    return time.perf_counter() - first


def _fresh(blend: Path, spp: int, folder: Path, rect: Rect | None) -> float:
    given = json.dumps([str(blend), str(folder / "fresh.exr"), WIDTH, HEIGHT, spp, rect and _edges(rect)])
    first = time.perf_counter()
    subprocess.run([sys.executable, "-c", FRESH, given], check=True, capture_output=True)
    return time.perf_counter() - first


def _edges(rect: Rect) -> Sequence[float]:
    edges = border(rect, WIDTH, HEIGHT)
    return edges.min_x, edges.max_x, edges.min_y, edges.max_y
