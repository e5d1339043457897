"""How much longer one tile of a frame takes than another, and when a frame is done: with even tiles row by
row, with more of them, with the dear ones first, and with these cut, both by the map of a pilot.

    python bench/spread.py --out docs/market

A frame is rendered once, in many small cells, each in processor seconds of one thread, so that what else this
machine does counts for little. What a tile takes is what its cells take, for its pixels in each, and what it
takes to start a render at all. The pilot is the extension's own.
"""

import csv
import heapq
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, pstdev
from typing import Annotated

import typer

from tegula_blender.session import blender, costs, planning
from tegula_blender.session.requesting import PILOT_SECONDS
from tegula_blender.session.speeds import Pilot
from tegula_market import codec, cutting, tiling
from tegula_market.model import Adaptive, CostMap, Rect
from verification import subjects
from verification.subjects import Subject

SCENES = ("roof", "bmw27", "golem_cubes", "column", "hair", "volume", "many_lights")
SPP = 32
NOISY = ("bmw27", "golem_cubes", "column")
"""Those of them that are rendered with a noise threshold as well: so few, since it takes more samples."""
THRESHOLD, NOISY_SPP = 0.05, 128
FRAME, CELL, SCALE = (480, 270), 30, 4
"""Pixels of the frame that is rendered, edge of a cell, and how many times as wide and as high the frame is
whose tiles are looked at."""
WORKERS = (4, 8, 16)
EVEN = "even"
RENDERS = """
import bpy, json, sys, time
blend, frame, size, spp, threshold, borders = json.loads(sys.stdin.read())
bpy.ops.wm.open_mainfile(filepath=blend, load_ui=False, use_scripts=False)
scene = bpy.context.scene
scene.frame_set(frame)
render, cycles = scene.render, scene.cycles
render.resolution_x, render.resolution_y, render.resolution_percentage = *size, 100
render.use_compositing = render.use_sequencer = cycles.use_denoising = cycles.use_auto_tile = False
render.use_border = render.use_crop_to_border = True
render.use_persistent_data = sum(layer.use for layer in scene.view_layers) == 1
render.threads_mode, render.threads = "FIXED", 1
cycles.device, cycles.use_layer_samples, cycles.time_limit = "CPU", "IGNORE", 0
cycles.use_adaptive_sampling = threshold is not None
cycles.adaptive_threshold, cycles.adaptive_min_samples = threshold or 0, 0
took = []
for samples, border in [(1, borders[0]), *((spp, border) for border in borders)]:
    cycles.samples = samples
    render.border_min_x, render.border_max_x, render.border_min_y, render.border_max_y = border
    started = time.process_time()
    bpy.ops.render.render()
    took.append(time.process_time() - started)
print("\\n" + json.dumps(took[1:]), flush=True)
"""


@dataclass(frozen=True, slots=True)
class Row:
    scene: str
    overscan: int
    """Pixels around each tile; 0 without a noise threshold."""
    workers: int
    tiles: str
    """Even or cut, and what goes first."""
    count: int
    longest: float
    """Seconds of the longest tile, over those of the mean one."""
    variation: float
    """Standard deviation of a tile's seconds over their mean."""
    end: float
    """When the frame is done, over what it would take if even tiles could be shared out without a rest."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Of the small frame."""

    start: float
    """Seconds of a render besides its samples."""
    cells: dict[Rect, float]
    """Seconds of sampling."""

    def seconds(self, rect: Rect) -> float:
        """Of a rect of the large frame."""
        taken = 0.0
        for cell, seconds in self.cells.items():
            x0, y0 = max(SCALE * cell.x0, rect.x0), max(SCALE * cell.y0, rect.y0)
            x1, y1 = min(SCALE * cell.x1, rect.x1), min(SCALE * cell.y1, rect.y1)
            if x0 < x1 and y0 < y1:
                taken += seconds * (x1 - x0) * (y1 - y0) / cell.area
        return self.start + taken


def main(
    out: Annotated[Path, typer.Option(help="folder for spread.csv")],
    pilot: Annotated[float, typer.Option(help="seconds; more where others use the machine")] = PILOT_SECONDS,
    built: Annotated[Path, typer.Option(help="folder for scenes that are built")] = Path("build/spread"),
) -> None:
    there = set(subjects.names())
    rows: list[Row] = []
    for name in (name for name in SCENES if name in there):
        subject = subjects.subject(name, built)
        found = mapped(subject, pilot)
        print(f"\n{name}: {found.weights if found else 'the pilot tells nothing'}")
        rows += (show(row) for row in compared(subject, None, SPP, found))
        if name in NOISY:
            rows += (show(row) for row in compared(subject, THRESHOLD, NOISY_SPP, found))
    out.mkdir(parents=True, exist_ok=True)
    with (out / "spread.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Row.__slots__)
        writer.writerows([_spelled(row) for row in rows])
    tell(rows)


def mapped(subject: Subject, seconds: float) -> CostMap | None:
    """As the extension makes it."""
    asked = {"seconds": seconds, "frame": subject.frame, "device": "CPU"}
    return costs.found(codec.decode(Pilot, blender.ask("pilot", None, blend=str(subject.blend), **asked)))


def measured(subject: Subject, threshold: float | None, spp: int) -> Measured:
    rects = [Rect(0, 0, 2, 2), *cutting.evenly(Rect(0, 0, *FRAME), CELL)]
    borders = [tiling.border(rect, *FRAME) for rect in rects]
    edges = [(edge.min_x, edge.max_x, edge.min_y, edge.max_y) for edge in borders]
    said = subprocess.run(
        [sys.executable, "-c", RENDERS],
        input=json.dumps([str(subject.blend.absolute()), subject.frame, FRAME, spp, threshold, edges]),
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    start, *took = json.loads(said.splitlines()[-1])
    cells = {rect: max(0.0, seconds - start) for rect, seconds in zip(rects[1:], took, strict=True)}
    return Measured(start, cells)


def compared(subject: Subject, threshold: float | None, spp: int, found: CostMap | None) -> Iterator[Row]:
    took = measured(subject, threshold, spp)
    whole = Rect(0, 0, *(SCALE * edge for edge in FRAME))
    overscan = tiling.overscan_for(None if threshold is None else Adaptive(threshold, 0), spp)
    for workers in WORKERS:
        seconds = {
            way: [took.seconds(tile.grown(overscan, within=whole)) for tile in tiles]
            for way, tiles in ways(whole, workers, overscan, found).items()
        }
        shared = sum(seconds[EVEN]) / workers
        for way, each in seconds.items():
            mean, end = fmean(each), ended(each, workers)
            spread = max(each) / mean, pstdev(each) / mean
            yield Row(subject.name, overscan, workers, way, len(each), *spread, end / shared)


def ways(whole: Rect, workers: int, overscan: int, found: CostMap | None) -> dict[str, list[Rect]]:
    edge, smaller = (planning.tile_edge(whole, times * workers) for times in (1, 2))
    even = list(cutting.evenly(whole, edge))
    made = {EVEN: even, "even, twice as many": list(cutting.evenly(whole, smaller))}
    if found is None:
        return made | dict.fromkeys(("dear first", "cut, dear first"), even)
    return made | {
        "dear first": sorted(even, key=lambda tile: -cutting.cost(whole, tile, found)),
        "cut, dear first": list(cutting.by_cost(whole, edge, overscan, found)),
    }


def ended(tiles: Sequence[float], workers: int) -> float:
    """Each tile goes to whoever is free first."""
    free = [0.0] * workers
    for seconds in tiles:
        heapq.heapreplace(free, free[0] + seconds)
    return max(free)


def show(row: Row) -> Row:
    print(
        f"  overscan {row.overscan}, {row.workers:2} workers, {row.tiles:19} {row.count:3} tiles,"
        f" longest / mean {row.longest:5.2f}, variation {row.variation:.2f}, done at {row.end:.2f}"
    )
    return row


def tell(rows: Sequence[Row]) -> None:
    """On average over the scenes."""
    print()
    for case in dict.fromkeys((row.overscan > 0, row.workers, row.tiles) for row in rows):
        noisy, workers, tiles = case
        same = [row for row in rows if (row.overscan > 0, row.workers, row.tiles) == case]
        count, end = (fmean(getattr(row, name) for row in same) for name in ("count", "end"))
        longest = fmean(row.longest * workers / row.count for row in same)
        print(
            f"{len(same)} scenes {'with' if noisy else 'without'} overscan, {workers:2} workers, {tiles:19}"
            f" {count:5.1f} tiles, longest / a worker's share {longest:.2f}, done at {end:.3f}"
        )


def _spelled(row: Row) -> list[object]:
    values = (getattr(row, name) for name in Row.__slots__)
    return [round(value, 4) if isinstance(value, float) else value for value in values]


if __name__ == "__main__":
    typer.run(main)
