"""Whole frames of a scene, honest and not, by the worker's own renderer; what was rendered once is kept.

At equal seed and samples a rect is bit-equal to its place in the frame (tests/end_to_end/test_adaptive.py),
so tiles and probes are cut out of frames. `again` is the exception: it is pasted from tiles, each rendered
with its overscan as a worker does, so that honest tiles are not merely compared with themselves.
"""

import asyncio
import hashlib
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from scipy import ndimage

from tegula_blender.session import blender as blenders
from tegula_blender.session.denoising import guide
from tegula_market import tiling
from tegula_market.adapters import exr
from tegula_market.adapters.statistic import Pair
from tegula_market.model import Rect, Scene
from verification.cheats import RENDERED, Cheat, Finish
from verification.kernels import Kernel, Machines, renderer
from verification.picture import Picture
from verification.subjects import Subject

EDITS = Path(__file__).with_name("edits.py")
MACHINES = Machines()
"""This machine as it is, and as one that has no AVX2, which stands for other hardware."""
SEEDS = (7, 8, 9)
TILE = 64


@dataclass(frozen=True, slots=True)
class Renders:
    """All that is known of one scene."""

    subject: Subject
    honest: dict[tuple[str, int], Picture]
    """By role and seed: "here" is the worker's, "other" the verifier's, "twin" where there are three."""
    again: Picture
    """The worker's kernel, first seed, tile by tile."""
    cheats: dict[str, Picture]
    """By name; those that the scene gives occasion for."""
    pair: Pair = Pair.CPU
    """Of the worker and the other."""

    @property
    def truth(self) -> Picture:
        return self.honest["here", SEEDS[0]]


def tiles(scene: Scene, edge: int = TILE) -> list[Rect]:
    width, height = tiling.frame_size(scene.resolution_x, scene.resolution_y, scene.percentage)
    return [
        Rect(x, y, min(x + edge, width), min(y + edge, height))
        for y in range(0, height, edge)
        for x in range(0, width, edge)
    ]


def honest(subject: Subject, folder: Path, used: Machines = MACHINES) -> dict[tuple[str, int], Picture]:
    """The honest frames only, by role and seed."""
    return asyncio.run(_honest(subject, folder / subject.name, used))


def renders(subject: Subject, folder: Path, used: Machines = MACHINES) -> Renders:
    """Everything that the catalogue asks for. All frames have the passes of the honest one."""
    home = folder / subject.name
    frames = asyncio.run(_honest(subject, home, used))
    truth = frames["here", SEEDS[0]]
    again = asyncio.run(_again(subject, home, used.worker))
    edited = _edited(subject, home)
    cheats = {
        cheat.name: asyncio.run(_cheat(cheat, subject, edited, home, used.worker)).only(truth.names)
        for cheat in RENDERED
        if _has(cheat, edited)
    }
    return Renders(subject, frames, again.only(truth.names), cheats, used.pair)


async def _honest(subject: Subject, home: Path, used: Machines) -> dict[tuple[str, int], Picture]:
    frames = {}
    for role, kernel in used.roles.items():
        for seed in SEEDS:
            scene = replace(subject.scene, seed=seed)
            path = await _frame(subject.blend, scene, subject.frame, kernel, home, f"{kernel.name}-{seed}")
            frames[role, seed] = Picture.read(path)
    return frames


async def _again(subject: Subject, home: Path, kernel: Kernel) -> Picture:
    label = f"again-{kernel.name}"
    path = _kept(home, label, subject.blend, subject.scene, subject.frame, TILE, kernel.name)
    if not path.exists():
        await _made(path, partial(_by_tiles, subject, kernel))
    return Picture.read(path)


async def _by_tiles(subject: Subject, kernel: Kernel, path: Path) -> None:
    scene = subject.scene
    frame = Rect(0, 0, scene.resolution_x, scene.resolution_y)
    overscan = tiling.overscan_for(scene.adaptive, scene.spp)
    whole: Picture | None = None
    async with renderer(kernel) as used:
        for rect in tiles(scene):
            covers, out = rect.grown(overscan, within=frame), path.with_name("tile.exr")
            await used.render(subject.blend.parent, subject.blend.name, scene, subject.frame, covers, out)
            tile = Picture.read(out)
            whole = whole or tile.changed(np.zeros((len(tile.names), frame.height, frame.width)))
            inner = tile.cut(rect.moved(-covers.x0, -covers.y0)).values
            whole.values[:, rect.y0 : rect.y1, rect.x0 : rect.x1] = inner
    assert whole is not None
    whole.write(path)


async def _cheat(
    cheat: Cheat, subject: Subject, edited: dict[str, Path], home: Path, kernel: Kernel
) -> Picture:
    blend = edited[cheat.edit] if cheat.edit else subject.blend
    scene = cheat.order(subject.scene)
    label = "".join(letter if letter.isalnum() else "-" for letter in cheat.name)
    path = await _frame(blend, scene, subject.frame + cheat.frame, kernel, home, label)
    match cheat.finish:
        case Finish.NOTHING:
            return Picture.read(path)
        case Finish.ENLARGED:
            return _enlarged(Picture.read(path), subject.scene)
        case Finish.DENOISED:
            return _denoised(path, blend)


async def _frame(blend: Path, scene: Scene, number: int, kernel: Kernel, home: Path, label: str) -> Path:
    path = _kept(home, label, blend, scene, number, kernel.name)
    if not path.exists():
        size = tiling.frame_size(scene.resolution_x, scene.resolution_y, scene.percentage)
        async with renderer(kernel) as used:

            async def render(out: Path) -> None:
                await used.render(blend.parent, blend.name, scene, number, Rect(0, 0, *size), out)

            await _made(path, render)
    return path


async def _made(path: Path, make: Callable[[Path], Awaitable[None]]) -> None:
    """All of it or nothing: a run can be stopped at any time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial_path = path.with_name("partial.exr")
    await make(partial_path)
    partial_path.replace(path)


def _kept(home: Path, label: str, blend: Path, *settings: object) -> Path:
    """The name says of what it was made, so that nothing outdated is found."""
    about = f"{blend.name} {blend.parent.name} {blend.stat().st_size} {settings}"
    digest = hashlib.blake2b(about.encode(), digest_size=6).hexdigest()
    # What one cheat renders can be another's honest frame.
    return next(home.glob(f"*-{digest}.exr"), home / f"{label}-{digest}.exr")


def _has(cheat: Cheat, edited: dict[str, Path]) -> bool:
    return not cheat.edit or cheat.edit in edited


def _edited(subject: Subject, home: Path) -> dict[str, Path]:
    """The scene's edited copies, by edit."""
    made_of = f"{subject.blend.name} {subject.blend.stat().st_size}".encode() + EDITS.read_bytes()
    folder = home / f"edits-{hashlib.blake2b(made_of, digest_size=6).hexdigest()}"
    if not (folder / "done").exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, str(EDITS), str(subject.blend), str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if not (folder / "done").exists():
            raise RuntimeError(f"{subject.name} was not edited: {done.stderr[-500:]}")
    return {path.stem: path for path in sorted(folder.glob("*.blend"))}


def _enlarged(small: Picture, scene: Scene) -> Picture:
    """Bicubic, as an image editor does it."""
    _, height, width = small.values.shape
    zoom = (1, scene.resolution_y / height, scene.resolution_x / width)
    return small.changed(ndimage.zoom(small.values, zoom, order=3, mode="nearest", grid_mode=True))


def _denoised(path: Path, blend: Path) -> Picture:
    """By Cycles' own denoiser for whole frames, all view layers."""
    noisy, clean = path.with_suffix(".noisy.exr"), path.with_suffix(".clean.exr")
    image = exr.read(path)
    if not clean.exists():
        layers = list(_layers(image))
        exr.write(noisy, guide(image, layers))
        blenders.ask("denoise", None, blend=str(blend), images=[{"input": str(noisy), "output": str(clean)}])
    smooth = {name: plane[::-1] for name, plane in exr.read(clean).channels.items() if ".Combined." in name}
    planes = {**image.channels, **smooth}
    names = tuple(sorted(planes))
    return Picture(names, np.stack([planes[name] for name in names]))


def _layers(image: exr.Image) -> Iterator[str]:
    for name in sorted(image.channels):
        if name.endswith(".Combined.R"):
            yield name.removesuffix(".Combined.R")
