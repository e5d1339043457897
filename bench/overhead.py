"""What the market adds: one worker through the whole market against plain bpy on the same full frame.

    python -m overhead SCENE --out FILE.csv [--device OPTIX] [--tile 128 --tile 256 …]

Both use all threads, or all cards of a kind, and start cold. What `tegula local` needs to bring a market up
is left out, because a market that runs already does not need it.
"""

import csv
import json
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from tegula import programs

PLAIN = """
import bpy, sys, json
blend, out, samples, scale, device = sys.argv[1:]
bpy.ops.wm.open_mainfile(filepath=blend, use_scripts=False)
scene = bpy.context.scene
scene.cycles.samples, scene.render.resolution_percentage = int(samples), int(scale)
scene.cycles.device = "CPU" if device == "CPU" else "GPU"
if device != "CPU":
    preferences = bpy.context.preferences.addons["cycles"].preferences
    preferences.compute_device_type = device
    preferences.refresh_devices()
    for found in preferences.devices:
        found.use = found.type == device
    if not any(found.use for found in preferences.devices):  # Cycles would take the processor and say nothing
        sys.exit(f"there is no {device} device here")
scene.cycles.use_denoising = scene.render.use_compositing = False
scene.render.image_settings.file_format = "OPEN_EXR_MULTILAYER"
scene.render.filepath = out
bpy.ops.render.render(write_still=True)
"""


@dataclass(frozen=True, slots=True)
class Overhead:
    plain: float
    """Wall seconds of plain bpy, from its start to its end."""
    market: float
    """Wall seconds of the job, without bringing up the local market."""
    parts: dict[str, float]
    """Seconds by what they were spent on; tiles and probes go on beside each other."""
    tiles: int
    edge: int
    """Of the largest tile, in pixels."""

    @property
    def ratio(self) -> float:
        return self.market / self.plain


def main(
    scene: Annotated[Path, typer.Argument(help=".blend to render")],
    out: Annotated[Path, typer.Option(help="CSV file, a line for each size of tile")],
    device: Annotated[str, typer.Option(help="kind of device, e.g. OPTIX")] = "CPU",
    tile: Annotated[list[int] | None, typer.Option(help="edges in pixels; the automatic one besides")] = None,
    samples: int = 64,
    scale: int = 100,
    rounds: int = 3,
) -> None:
    header = ("scene", "device", "samples", "scale", "asked", "edge", "tiles", "rounds", "plain", "market")
    rows: list[tuple[object, ...]] = []
    for asked in (None, *(tile or ())):
        made = []
        for _ in range(rounds):
            with TemporaryDirectory() as folder:
                try:
                    made.append(measure(scene, samples, scale, asked, Path(folder), device))
                except RuntimeError as error:
                    sys.exit(str(error))
        ratio = statistics.median(each.ratio for each in made)
        typical = sorted(made, key=lambda each: each.ratio)[len(made) // 2]
        about = scene.name, device, samples, scale, asked or "auto", typical.edge, typical.tiles, rounds
        rows.append((*about, f"{typical.plain:.2f}", f"{typical.market:.2f}", f"{ratio:.3f}"))
        print(
            f"{device}, tiles of {typical.edge} px: market / plain = {ratio:.2f}, median of {rounds}",
            flush=True,
        )
        # Whatever comes next, what was measured is kept.
        with out.open("w", newline="") as file:
            csv.writer(file).writerows(((*header, "ratio"), *rows))


def measure(
    blend: Path, samples: int, scale: int, tile: int | None, folder: Path, device: str = "CPU"
) -> Overhead:
    """Args:
        tile: edge in pixels; without one, as the market chooses it.
    Raises:
        RuntimeError: a render failed; the message ends with what it said last.
    """
    words = [str(blend), str(folder / "plain.exr"), str(samples), str(scale), device]
    plain = _timed([sys.executable, "-c", PLAIN, *words])
    out = folder / f"market-{tile}"
    options = ["--workers", "1", "--samples", str(samples), "--scale", str(scale), "--device", device]
    options += [] if tile is None else ["--tile", str(tile)]
    _timed([programs.find("tegula"), "local", str(blend), *options, "--out", str(out), "--quiet"])
    report = json.loads((out / "report.json").read_text())
    seconds = report["seconds"]
    market = seconds["total"] - seconds["start"]
    edge = max(each["x1"] - each["x0"] for each in report["tiles"])
    return Overhead(plain, market, seconds, len(report["tiles"]), edge)


def _timed(command: list[str]) -> float:
    first = time.perf_counter()
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=programs.environment())
    if done.returncode:
        raise RuntimeError(f"a render failed: {done.stderr.strip()[-500:]}")
    return time.perf_counter() - first


if __name__ == "__main__":
    typer.run(main)
