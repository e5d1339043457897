"""With adaptive sampling, too, tiles and probes are bit-equal to the frame, whatever the scene has in it."""

import asyncio
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import scenes
from tegula_market import probes, tiling
from tegula_market.adapters import exr
from tegula_market.digests import digest
from tegula_market.model import Adaptive, Rect, Scene
from tegula_worker.program import OTHER_KERNEL
from tegula_worker.renderer import Renderer

pytestmark = pytest.mark.slow

STRESS = Path(__file__).parents[2] / "examples" / "stress.py"
NAMES = (
    *("caustics", "shadow_caustics", "portals", "many_lights", "emissive_texture", "deep_bounces", "volume"),
    *("fog", "hair", "subsurface", "displacement", "motion_blur", "depth_of_field", "animation"),
    *("transparency", "holdout", "shadow_catcher", "passes"),
)
APART = ("displacement", "volume", "hair", "passes", "shadow_caustics", "emissive_texture")
"""Where kernels differ most: docs/verification/calibration.csv."""
LAYERS = {"passes": 2}
WIDTH, HEIGHT, EDGE = 160, 90, 32
FRAME = Rect(0, 0, WIDTH, HEIGHT)
TILES = [
    Rect(x, y, min(x + EDGE, WIDTH), min(y + EDGE, HEIGHT))
    for y in range(0, HEIGHT, EDGE)
    for x in range(0, WIDTH, EDGE)
]
TILE = Rect(64, 32, 128, 90)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stress")
    folder.chmod(0o755)  # what root starts in a sandbox is not root
    subprocess.run([sys.executable, str(STRESS), "all", str(folder)], check=True, capture_output=True)
    return folder


def test_every_scene_is_tried() -> None:
    listed = subprocess.run([sys.executable, str(STRESS)], check=True, capture_output=True, text=True)
    assert listed.stdout.split() == list(NAMES)


def adaptive(spp: int) -> Scene:
    """So loose that within few samples some pixels have converged and others have not."""
    return replace(scenes.SMALL, resolution_x=WIDTH, resolution_y=HEIGHT, spp=spp, adaptive=Adaptive(0.1, 1))


@pytest.mark.parametrize("name", NAMES)
def test_tiles_and_probes_are_the_frame(built: Path, tmp_path: Path, name: str) -> None:
    blend = built / f"{name}.blend"
    scene = replace(adaptive(64), view_layers=LAYERS.get(name, 1))
    overscan = tiling.overscan_for(scene.adaptive, scene.spp)
    assert overscan > probes.MAX_OVERSCAN, "or the test shows nothing about probes"
    frame = exr.read(scenes.full_frame(blend, scene, 1, tmp_path / "frame.exr"))
    plan, salt = probes.plan(TILE, probes.MAX_OVERSCAN, scene.spp), digest(name.encode())
    placed = probes.place(salt, digest(salt), TILE, plan)
    around = [(TILE, overscan), *((rect, probes.MAX_OVERSCAN) for rect in placed)]
    off = dict(asyncio.run(differing(blend, scene, frame, around, tmp_path)))
    assert {rect: count for rect, count in off.items() if count} == {}


@pytest.mark.parametrize("name", APART)
def test_tiles_of_different_hardware_join_without_a_seam(built: Path, tmp_path: Path, name: str) -> None:
    """Neighbouring tiles by different kernels: the step from tile to tile is what it is in one frame."""
    scene = replace(adaptive(32), view_layers=LAYERS.get(name, 1))
    blend = built / f"{name}.blend"
    one, two = (asyncio.run(whole(blend, scene, env, tmp_path)) for env in ({}, OTHER_KERNEL))
    mixed = one.copy()
    for tile in TILES:
        if (tile.x0 + tile.y0) // EDGE % 2:
            mixed[tile.y0 : tile.y1, tile.x0 : tile.x1] = two[tile.y0 : tile.y1, tile.x0 : tile.x1]
    assert (mixed != one).any()
    assert seam(mixed) <= 1.05 * seam(one)


async def whole(blend: Path, scene: Scene, environment: dict[str, str], folder: Path) -> np.ndarray:
    """float32[h, w, 3]: Combined of the first view layer."""
    async with Renderer(environment=environment) as renderer:
        scene = replace(scene, blender=renderer.blender_version)
        await renderer.render(blend.parent, blend.name, scene, 1, FRAME, folder / "whole.exr")
    image = exr.read(folder / "whole.exr")
    layer = next(name.removesuffix(".Combined.R") for name in image.channels if name.endswith(".Combined.R"))
    return np.stack([image.channels[f"{layer}.Combined.{c}"] for c in "RGB"], axis=-1)


def seam(image: np.ndarray) -> float:
    """Mean step between neighbouring pixels across the joins of tiles, against elsewhere.

    Of logarithms, as an eye sees steps; else a few highlights would decide.
    """
    seen = np.log2(np.maximum(image, 0) + 1e-3)
    across, elsewhere = [], []
    for axis in (0, 1):
        steps = np.abs(np.diff(seen, axis=axis)).mean(axis=-1)
        joins = np.arange(1, steps.shape[axis] + 1) % EDGE == 0
        across.append(np.compress(joins, steps, axis).ravel())
        elsewhere.append(np.compress(~joins, steps, axis).ravel())
    return float(np.concatenate(across).mean() / np.concatenate(elsewhere).mean())


async def differing(
    blend: Path, scene: Scene, frame: exr.Image, around: list[tuple[Rect, int]], folder: Path
) -> list[tuple[Rect, int]]:
    """Pixels of each rect that are not bit-equal to the frame's, when it is rendered with that overscan."""
    async with Renderer() as renderer:
        scene, found = replace(scene, blender=renderer.blender_version), []
        for rect, overscan in around:
            covers = rect.grown(overscan, FRAME)
            await renderer.render(blend.parent, blend.name, scene, 1, covers, folder / "part.exr")
            part = exr.read(folder / "part.exr")
            assert part.channels.keys() == frame.channels.keys()
            off = np.zeros((rect.height, rect.width), np.bool_)
            for name, plane in part.channels.items():
                off |= crop(plane, rect, covers) != crop(frame.channels[name], rect, FRAME)
            found.append((rect, int(off.sum())))
    return found


def crop(plane: exr.Plane, rect: Rect, covers: Rect) -> np.ndarray:
    """Bits, since NaN is not equal to itself."""
    inner = rect.moved(-covers.x0, -covers.y0)
    return plane.view(np.uint32)[inner.y0 : inner.y1, inner.x0 : inner.x1]
