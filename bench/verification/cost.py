"""What an audit costs a warm verifier, against what the tile costs to render, in pixels and in time.

Tile and probes are timed one after the other on the same machine, so that the ratio holds on a noisy one.
"""

import asyncio
import hashlib
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tegula.scene import inspect_scene
from tegula_market import audit, probes, tiling
from tegula_market.model import Digest, Rect, Scene
from tegula_worker.renderer import Renderer
from verification.renders import tiles
from verification.subjects import SHARED_SCENES

TILES = {64: 6, 128: 4}
"""Edges of tiles, and how many of each are timed."""
ESTABLISHED = audit.Record(passed=audit.NEWCOMER * audit.LARGEST)
GOALS = {"pixels": (0.02, 0.10), "time": (0.03, 0.15)}
"""Shares of what is rendered: for an established worker, for a new one."""


@dataclass(frozen=True, slots=True)
class Cost:
    edge: int
    tiles: int
    spp: int
    plan: probes.Plan
    overscan: int
    pixels: float
    """Probe pixels, overscan included, by the tile's; median of the tiles."""
    time: float

    def of(self, kind: str, batch: int) -> float:
        """For each tile of a batch of which one is audited."""
        return float({"pixels": self.pixels, "time": self.time}[kind]) / batch


BATCHES = (audit.batch_size(ESTABLISHED), audit.batch_size(audit.Record()))


def measure() -> list[Cost]:
    """On bmw27 at its own 400 samples and 480 x 270; nothing where the scene is not there."""
    blend = SHARED_SCENES["bmw27"]
    if not blend.exists():
        print(f"SKIPPED: costs are measured on {blend}, which is not there")
        return []
    with tempfile.TemporaryDirectory() as folder:
        scene = inspect_scene(blend, scratch=Path(folder)).scene
        return [asyncio.run(_measure(blend, scene, edge, Path(folder))) for edge in TILES]


async def _measure(blend: Path, scene: Scene, edge: int, folder: Path) -> Cost:
    rects = _spread([rect for rect in tiles(scene, edge) if rect.area == edge * edge], TILES[edge])
    tile_overscan = tiling.overscan_for(scene.adaptive, scene.spp)
    overscan = probes.overscan(tile_overscan)
    width, height = tiling.frame_size(scene.resolution_x, scene.resolution_y, scene.percentage)
    frame = Rect(0, 0, width, height)
    plan = probes.plan(rects[0], overscan, scene.spp)
    pixels, seconds = [], []
    async with Renderer() as renderer:

        async def timed(rect: Rect) -> float:
            started = time.perf_counter()
            await renderer.render(blend.parent, blend.name, scene, 1, rect, folder / "out.exr")
            return time.perf_counter() - started

        await timed(Rect(0, 0, 8, 8))  # warm from here on
        for rect in rects:
            grown = rect.grown(tile_overscan, within=frame)
            placed = [probe.grown(overscan, within=frame) for probe in _probes(rect, plan)]
            whole = await timed(grown)
            seconds.append(sum([await timed(probe) for probe in placed]) / whole)
            pixels.append(sum(probe.area for probe in placed) / grown.area)
    medians = statistics.median(pixels), statistics.median(seconds)
    return Cost(edge, len(rects), scene.spp, plan, overscan, *medians)


def _spread(rects: list[Rect], count: int) -> list[Rect]:
    """So many, all over the frame."""
    return rects[:: max(1, len(rects) // count)][:count]


def _probes(rect: Rect, plan: probes.Plan) -> tuple[Rect, ...]:
    salt = hashlib.blake2b(str(rect).encode(), digest_size=32).digest()
    return probes.place(salt, Digest(bytes(32)), rect, plan)
