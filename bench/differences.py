"""How far honest and dishonest renders are from the truth: in short; `make verify-bench` has all.

Renders one frame of a scene with plain bpy again and again: the same, with other CPU kernels
(CYCLES_CPU_NO_AVX2=1 stands for other hardware), with one sample too few, with another seed, with fewer
bounces; and counts the pixels that are off by more than 1 %.
"""

import os
import subprocess
import sys
from pathlib import Path

from tegula_market.adapters import exr, statistic

RENDER = """
import bpy, sys
blend, out, samples, scale, seed, bounces = sys.argv[1:]
bpy.ops.wm.open_mainfile(filepath=blend, use_scripts=False)
scene = bpy.context.scene
scene.cycles.samples, scene.render.resolution_percentage = int(samples), int(scale)
scene.cycles.seed = int(seed)
scene.cycles.use_adaptive_sampling = scene.cycles.use_denoising = scene.render.use_compositing = False
if int(bounces):
    scene.cycles.max_bounces = int(bounces)
scene.render.image_settings.file_format = "OPEN_EXR_MULTILAYER"
scene.render.image_settings.color_depth = "32"
scene.render.filepath = out
bpy.ops.render.render(write_still=True)
"""


def measure(blend: Path, samples: int, scale: int, folder: Path) -> dict[str, float]:
    """Share of the frame's pixels that are off, by kind of render."""

    def render(name: str, spp: int = samples, seed: int = 0, bounces: int = 0, **env: str) -> exr.Image:
        out = folder / f"{name}.exr"
        arguments = [str(blend), str(out), *map(str, (spp, scale, seed, bounces))]
        command = [sys.executable, "-c", RENDER, *arguments]
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, **env})
        return exr.read(out)

    truth = render("truth")
    return {
        "same again": _off(truth, render("again")),
        "other CPU kernels": _off(truth, render("kernels", CYCLES_CPU_NO_AVX2="1")),
        "one sample too few": _off(truth, render("fewer", spp=samples - 1)),
        "another seed": _off(truth, render("seed", seed=1)),
        "4 bounces at most": _off(truth, render("bounces", bounces=4)),
    }


def _off(truth: exr.Image, other: exr.Image) -> float:
    counts = statistic.tally(statistic.levels(other.channels, truth.channels))
    return counts[statistic.RUNGS.index(1e-2)] / truth.width / truth.height
