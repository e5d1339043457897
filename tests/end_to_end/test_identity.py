"""The stitched frame is the frame in every bit, through two workers, auction, probes and chain."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import scenes
from end_to_end.jobs import (
    Job,
    assert_identical,
    assert_nobody_blamed,
    assert_settled,
    differing,
    run,
    sampled,
)
from end_to_end.stage import stage
from tegula import local
from tegula.market import Market
from tegula_market.adapters.exr import Image
from tegula_market.model import ETHER

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
STOPS = 33
"""Samples at which Cycles has looked twice whether pixels may stop, and goes on with the others."""


@pytest.fixture(scope="module")
def market() -> Iterator[Market]:
    with local.market(2) as made:
        yield made


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scenes")


def check(job: Job, market: Market) -> dict[int, Image]:
    played = run(job, market)
    assert_nobody_blamed(played)
    assert len(played.earned) == 2, "both workers have rendered"
    assert_settled(played, market)
    return assert_identical(job, played)


def check_with_both_samplings(blend: Path, wanted: Job, market: Market) -> dict[int, Image]:
    """The job with adaptive sampling off and on, which are two different pictures; the latter's frames."""
    frames = {}
    for sampling in ("fixed", "adaptive"):
        copy = sampled(blend, wanted.out / sampling, sampling)
        frames[sampling] = check(replace(wanted, blend=copy, out=wanted.out / f"{sampling}_out"), market)
    fixed, adaptive = frames["fixed"], frames["adaptive"]
    for number, frame in adaptive.items():
        assert differing(frame, fixed[number]), "no pixel stopped early, so nothing was tested"
        assert frame.width % wanted.tile, "tiles divide the frame"
        assert frame.height % wanted.tile, "tiles divide the frame"
    return adaptive


@pytest.mark.parametrize(
    ("path", "scale", "tile"),
    [("bmw27_cpu.blend", 25, 47), ("golem_cubes.blend", 4, 50), ("column/the_column.blend", 8, 41)],
)
def test_scenes_of_the_world_outside(
    market: Market, tmp_path: Path, path: str, scale: int, tile: int
) -> None:
    blend = scenes.SHARED / path
    if not blend.exists():
        pytest.skip(f"SKIPPED: {blend} is not here")
    check_with_both_samplings(blend, Job(blend, tmp_path, STOPS, tile, scale), market)


def test_the_example(market: Market, tmp_path: Path) -> None:
    """With its denoising and its compositor, neither of which may touch the EXR."""
    blend = tmp_path / "built" / "roof.blend"
    blend.parent.mkdir()
    command = [sys.executable, str(ROOT / "examples" / "build_roof.py"), str(blend)]
    subprocess.run(command, check=True, capture_output=True)
    check_with_both_samplings(blend, Job(blend, tmp_path, STOPS, 41, scale=20), market)


def test_an_odd_size(market: Market, built: Path, tmp_path: Path) -> None:
    blend = scenes.build("odd", built)
    frames = check_with_both_samplings(blend, Job(blend, tmp_path, samples=17, tile=100), market)
    assert [(frame.width, frame.height) for frame in frames.values()] == [(359, 641)]


def test_two_view_layers_with_their_passes(market: Market, built: Path, tmp_path: Path) -> None:
    blend = scenes.build("layers", built)
    frames = check_with_both_samplings(blend, Job(blend, tmp_path, STOPS, 40, scale=6), market)
    layers = {name.partition(".")[0] for name in frames[1].channels}
    assert {"ViewLayer", "Second"} <= layers
    assert "Unused" not in layers


def test_several_frames(market: Market, built: Path, tmp_path: Path) -> None:
    """Things move, and a marker changes the camera."""
    blend = scenes.build("spheres", built)
    wanted = Job(blend, tmp_path, STOPS, 50, scale=6, frames=(1, 3, 4))
    frames = check_with_both_samplings(blend, wanted, market)
    assert sorted(frames) == [1, 3, 4]
    assert differing(frames[1], frames[3])
    assert differing(frames[3], frames[4])


def test_paid_in_ether(built: Path, tmp_path: Path) -> None:
    with stage() as it:
        it.coordinator()
        it.verifier()
        it.worker("ann", 40, token=ETHER)
        it.worker("bob", 50, token=ETHER)
        market = replace(it.market, currency=ETHER)
        check(Job(scenes.build("spheres", built), tmp_path / "out", samples=2, tile=50, scale=6), market)
