"""What the market adds: one worker through the whole market against plain bpy on the same full frame.

Both use all threads and start cold. What `tegula local` needs to bring a market up is left out, because a
market that runs already does not need it.
"""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tegula import programs

PLAIN = """
import bpy, sys, json
blend, out, samples, scale = sys.argv[1:]
bpy.ops.wm.open_mainfile(filepath=blend, use_scripts=False)
scene = bpy.context.scene
scene.cycles.samples, scene.render.resolution_percentage = int(samples), int(scale)
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

    @property
    def ratio(self) -> float:
        return self.market / self.plain


def measure(blend: Path, samples: int, scale: int, tile: int, folder: Path) -> Overhead:
    plain = _timed(
        [sys.executable, "-c", PLAIN, str(blend), str(folder / "plain.exr"), str(samples), str(scale)]
    )
    out = folder / f"market-{tile}"
    options = ["--workers", "1", "--samples", str(samples), "--scale", str(scale), "--tile", str(tile)]
    _timed([programs.find("tegula"), "local", str(blend), *options, "--out", str(out), "--quiet"])
    report = json.loads((out / "report.json").read_text())
    seconds = report["seconds"]
    market = seconds["total"] - seconds["start"]
    return Overhead(plain, market, seconds, len(report["tiles"]))


def _timed(command: list[str]) -> float:
    first = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=programs.environment())
    return time.perf_counter() - first
