"""One scene twice: by Blender's own F12, and from tiles through the stand-in engine; and what differs."""

import asyncio
import json
import os
import re
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pytest

from pictures import pixels
from tegula.scene import PackedScene, inspect_scene
from tegula_blender.session import planning
from tegula_blender.session.delivery import Delivery
from tegula_blender.session.frames import Frames
from tegula_market import tiling
from tegula_market.adapters import cryptomatte, exr
from tegula_market.model import Order, Wei
from tegula_worker.renderer import Renderer

ROOT = Path(__file__).resolve().parents[1]
RENDERS = Path(__file__).with_name("f12_renders.py")
TILE = 29
"""Pixels; divides no frame here."""
OF_A_RUN = re.compile(r"Date|RenderTime|cycles\..*_time|cryptomatte/.*/manifest")
"""What a header says of the run and not of the picture. Manifests are compared by what they name: a process
lists what it has in memory, that of other view layers too."""
PACKAGES = ("market", "blender_addon")


@dataclass(frozen=True, slots=True)
class Blender:
    """A bpy module, in the Python that has it."""

    name: str
    python: Path

    def program(self, folder: Path) -> Path:
        """It as a Blender program, with the options that one takes."""
        path = folder / f"blender-{self.name}"
        path.write_text(
            "#!/bin/sh\n"
            'while [ "$1" != --python ]; do shift; done\n'
            "script=$2; shift 3\n"
            f'exec "{self.python}" -I "$script" "$@"\n'
        )
        path.chmod(0o755)
        return path

    def run(self, script: Path, *arguments: str, folder: Path | None = None) -> str:
        path = os.pathsep.join(str(ROOT / package) for package in PACKAGES)
        done = subprocess.run(
            [str(self.python), str(script), *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        # The last words of a script that did its work: bpy's own end can crash or hang.
        assert "done" in done.stdout.splitlines(), done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout


HERE = Blender("4.5", Path(sys.executable))
LATER = Blender("5.0", ROOT / ".venv-blender5" / "bin" / "python")


@dataclass(frozen=True, slots=True)
class Output:
    path: str
    """A file, or for an animation how its files' names begin."""
    format: str
    """As Blender calls it."""
    frames: tuple[int, int, int] | None = None
    """First, last and step of an animation."""


def present(blender: Blender) -> Blender:
    if not blender.python.exists():
        pytest.skip(f"there is no Blender {blender.name} here; `make setup-blender5` gets it")
    return blender


def native(blender: Blender, blend: Path, *outputs: Output) -> None:
    blender.run(RENDERS, "native", str(blend), _json(outputs))


def through_tegula(
    blender: Blender, blend: Path, folder: Path, *outputs: Output, command: str = "tegula"
) -> None:
    """What `native` writes, from tiles that a worker's renderer made, stitched and denoised.

    Args:
        command: "patches" leaves it at what is shown before the frame is whole.
    """
    folder.mkdir()
    packed = inspect_scene(blend, scratch=folder, blender=blender.program(folder), frames=_frames(outputs))
    handed = delivery(packed, blender, folder)
    blender.run(RENDERS, command, str(blend), _json(outputs), json.dumps(handed))


def _frames(outputs: tuple[Output, ...]) -> tuple[int, ...] | None:
    frames = outputs[0].frames
    return frames and tuple(range(frames[0], frames[1] + 1, frames[2]))


def _json(outputs: tuple[Output, ...]) -> str:
    return json.dumps([asdict(output) for output in outputs])


def delivery(packed: PackedScene, blender: Blender, folder: Path) -> dict[int, dict[str, str]]:
    """By frame, files with its patches and with the whole of it."""
    overscan = tiling.overscan_for(packed.scene.adaptive, packed.scene.spp)
    order = Order(planning.NO_TERMS, packed.scene, packed.frames, TILE, overscan, Wei(1))
    given = Delivery(cancel=lambda: None)
    program = blender.program(folder)
    frames = Frames(order, packed.original, packed.denoised, folder, given, program)
    # The program is a stand-in, which a sandbox would not show what it stands for.
    renderer = Renderer(program, sandbox=None)
    asyncio.run(_render(order, packed, frames, renderer, folder / "tile.exr"))
    frames.finish()
    handed = {}
    for frame in packed.frames:
        patches, whole = given.take(frame, 0)
        assert len(patches) > 1
        arrays = {f"{i}.{layer}": p for i, patch in enumerate(patches) for layer, p in patch.layers.items()}
        np.savez(folder / f"{frame}.npz", rects=[[*asdict(p.rect).values()] for p in patches], **arrays)
        handed[frame] = {"patches": str(folder / f"{frame}.npz"), "whole": str(whole)}
    return handed


async def _render(order: Order, packed: PackedScene, frames: Frames, renderer: Renderer, image: Path) -> None:
    folder, blend = packed.original.parent, packed.original.name
    async with renderer:
        for tile in tiling.split(order):
            await renderer.render(folder, blend, packed.scene, tile.frame, tile.rendered, image)
            frames.paste(tile, image)


def differences(native: Path, ours: Path) -> list[str]:
    """Of a picture of F12's and one of ours, in pixels, channels, their order, or header."""
    if native.suffix == ".png":
        # Blender's encoder is deterministic.
        return [] if pixels(native) == pixels(ours) else ["pixels"]
    heads = exr.header(native), exr.header(ours)
    theirs, mine = exr.read(native), exr.read(ours)
    found = ["channels"] if heads[0].parts != heads[1].parts else []
    found += [
        f"pixels of {name}"
        for name in mine.channels.keys() & theirs.channels.keys()
        if not np.array_equal(mine.channels[name].view(np.uint32), theirs.channels[name].view(np.uint32))
    ]
    texts = [{k: v for k, v in each.text.items() if not OF_A_RUN.fullmatch(k)} for each in (mine, theirs)]
    keys = texts[0].keys() | texts[1].keys()
    found += [f"header {key}" for key in sorted(keys) if texts[0].get(key) != texts[1].get(key)]
    return [*found, *filter(None, [cryptomatte.disagreement(mine, theirs)])]
