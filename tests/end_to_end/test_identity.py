"""The stitched frame is the frame in every bit, through two workers, auction, probes and chain."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import scenes
from end_to_end.jobs import Job, all_accepted, assert_identical, assert_settled, run
from end_to_end.stage import stage
from tegula import local
from tegula.market import Market
from tegula_market.model import ETHER

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SET_SAMPLING = """
import bpy, sys
blend, adaptive = sys.argv[1:]
bpy.ops.wm.open_mainfile(filepath=blend, use_scripts=False)
cycles = bpy.context.scene.cycles
cycles.use_adaptive_sampling = adaptive == "adaptive"
# Loose enough that pixels do converge within the few samples of a test, at different checks.
cycles.adaptive_threshold, cycles.adaptive_min_samples = 0.1, 1
bpy.ops.wm.save_mainfile()
"""
SHARED = [
    ("bmw27_cpu.blend", 25, 33, 47),
    ("golem_cubes.blend", 4, 33, 50),
    ("column/the_column.blend", 8, 33, 41),
]


@pytest.fixture(scope="module")
def market() -> Iterator[Market]:
    with local.market(2) as made:
        yield made


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scenes")


def check(job: Job, market: Market) -> None:
    outcome, scene = run(job, market)
    assert all_accepted(outcome)
    assert_identical(job, outcome, scene)
    assert_settled(outcome, market)


@pytest.mark.parametrize("sampling", ["fixed", "adaptive"])
@pytest.mark.parametrize(("path", "scale", "samples", "tile"), SHARED)
def test_real_scenes(
    market: Market, tmp_path: Path, path: str, scale: int, samples: int, tile: int, sampling: str
) -> None:
    source = scenes.SHARED / path
    if not source.exists():
        pytest.skip(f"SKIPPED: {source} is not here")
    folder = tmp_path / "scene"
    shutil.copytree(source.parent, folder, copy_function=_copy_writable)
    subprocess.run(
        [sys.executable, "-c", SET_SAMPLING, str(folder / source.name), sampling],
        check=True,
        capture_output=True,
    )
    job = Job(folder / source.name, tmp_path / "out", samples, scale, tile)
    check(job, market)


def _copy_writable(source: str, target: str) -> None:
    shutil.copyfile(source, target)


def test_the_example(market: Market, tmp_path: Path) -> None:
    """As it is in the demo: adaptive sampling, denoising and a compositor, none of which touch the EXR."""
    blend = tmp_path / "roof.blend"
    command = [sys.executable, str(ROOT / "examples" / "build_roof.py"), str(blend)]
    subprocess.run(command, check=True, capture_output=True)
    check(Job(blend, tmp_path / "out", samples=24, scale=20, tile=41), market)


def test_an_odd_size(market: Market, built: Path, tmp_path: Path) -> None:
    blend = scenes.build("odd", built)
    job = Job(blend, tmp_path / "out", samples=2, tile=100)
    outcome, scene = run(job, market)
    assert (scene.resolution_x, scene.resolution_y) == (359, 641)
    assert len(outcome.tiles) == 4 * 7
    assert all_accepted(outcome)
    assert_identical(job, outcome, scene)


def test_two_view_layers_with_their_passes(market: Market, built: Path, tmp_path: Path) -> None:
    check(Job(scenes.build("layers", built), tmp_path / "out", samples=5, scale=6, tile=40), market)


def test_several_frames(market: Market, built: Path, tmp_path: Path) -> None:
    check(
        Job(scenes.build("spheres", built), tmp_path / "out", samples=4, scale=6, tile=64, frames=(1, 3)),
        market,
    )


def test_paid_in_ether(built: Path, tmp_path: Path) -> None:
    with stage() as it:
        it.coordinator()
        it.verifier()
        it.worker("ann", 40, token=ETHER)
        market = replace(it.market, currency=ETHER)
        check(Job(scenes.build("spheres", built), tmp_path / "out", samples=2, scale=6, tile=64), market)
