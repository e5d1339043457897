from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tegula_coordinator.verify import THRESHOLD, ProbeImage, differs, judge
from tegula_market.adapters import exr
from tegula_market.model import Outcome, Rect

TILE = Rect(10, 20, 42, 52)
RENDERED = TILE.grown(4, Rect(0, 0, 64, 64))
PROBES = [Rect(10, 20, 18, 28), Rect(30, 40, 38, 48), Rect(39, 45, 42, 52), Rect(20, 20, 28, 22)]
PASSES = ("ViewLayer.Combined.R", "ViewLayer.Combined.A", "ViewLayer.Depth.Z")


@pytest.fixture
def frame() -> dict[str, exr.Plane]:
    """The whole frame as Cycles would give it: HDR values, zeros, infinity behind the scene."""
    random = np.random.default_rng(1)
    planes = {name: random.gamma(1, 2, (64, 64)).astype(np.float32) for name in PASSES}
    planes["ViewLayer.Depth.Z"][:, :12] = np.inf
    planes["ViewLayer.Combined.A"][5:9] = 0
    return planes


def cut(planes: dict[str, exr.Plane], rect: Rect, path: Path) -> Path:
    crop = {name: plane[rect.y0 : rect.y1, rect.x0 : rect.x1] for name, plane in planes.items()}
    exr.write(path, exr.Image(rect.width, rect.height, crop))
    return path


def probed(planes: dict[str, exr.Plane], folder: Path) -> list[ProbeImage]:
    grown = [rect.grown(4, Rect(0, 0, 64, 64)) for rect in PROBES]
    paths = [cut(planes, rect, folder / f"probe{i}.exr") for i, rect in enumerate(grown)]
    return [ProbeImage(*args) for args in zip(paths, PROBES, grown, strict=True)]


def test_an_honest_tile_is_accepted(frame: dict[str, exr.Plane], tmp_path: Path) -> None:
    found = judge(cut(frame, RENDERED, tmp_path / "tile.exr"), RENDERED, probed(frame, tmp_path))
    assert (found.outcome, found.statistic) == (Outcome.ACCEPTED, 0.0)
    assert found.probe_pixels == sum(rect.area for rect in PROBES)


@pytest.mark.parametrize("name", PASSES)
def test_any_pass_that_is_off_is_rejected(frame: dict[str, exr.Plane], tmp_path: Path, name: str) -> None:
    references = probed(frame, tmp_path)
    frame[name] = frame[name] * np.float32(1.02) + np.float32(0.001)
    found = judge(cut(frame, RENDERED, tmp_path / "tile.exr"), RENDERED, references)
    assert found.outcome is Outcome.REJECTED
    assert found.statistic > 0.5


def shifted(planes: dict[str, exr.Plane]) -> dict[str, exr.Plane]:
    return {name: np.roll(plane, 1, axis=1) for name, plane in planes.items()}


def without_alpha(planes: dict[str, exr.Plane]) -> dict[str, exr.Plane]:
    return {name: plane for name, plane in planes.items() if not name.endswith(".A")}


def swapped(planes: dict[str, exr.Plane]) -> dict[str, exr.Plane]:
    return dict(zip(planes, reversed(planes.values()), strict=True))


def clipped(planes: dict[str, exr.Plane]) -> dict[str, exr.Plane]:
    return {name: np.minimum(plane, np.float32(1)) for name, plane in planes.items()}


def not_a_number(planes: dict[str, exr.Plane]) -> dict[str, exr.Plane]:
    return {name: np.full_like(plane, np.nan) for name, plane in planes.items()}


@pytest.mark.parametrize("cheat", [shifted, without_alpha, swapped, clipped, not_a_number])
def test_cheats_are_rejected(frame: dict[str, exr.Plane], tmp_path: Path, cheat: object) -> None:
    references = probed(frame, tmp_path)
    tile = cut(cheat(frame), RENDERED, tmp_path / "tile.exr")  # type: ignore[operator]
    assert judge(tile, RENDERED, references).outcome is Outcome.REJECTED


def test_a_tile_of_another_size_is_rejected(frame: dict[str, exr.Plane], tmp_path: Path) -> None:
    tile = cut(frame, TILE, tmp_path / "tile.exr")
    found = judge(tile, RENDERED, probed(frame, tmp_path))
    assert found.outcome is Outcome.REJECTED
    assert "32 x 32" in found.reason


def test_rubbish_from_a_worker_is_rejected(frame: dict[str, exr.Plane], tmp_path: Path) -> None:
    (tmp_path / "tile.exr").write_bytes(b"not an image")
    found = judge(tmp_path / "tile.exr", RENDERED, probed(frame, tmp_path))
    assert found.outcome is Outcome.REJECTED


@pytest.mark.parametrize("rubbish", [b"", b"not an image"])
def test_rubbish_from_a_verifier_blames_nobody(
    frame: dict[str, exr.Plane], tmp_path: Path, rubbish: bytes
) -> None:
    references = probed(frame, tmp_path)
    references[2].path.write_bytes(rubbish)
    tile = cut(frame, RENDERED, tmp_path / "tile.exr")
    assert judge(tile, RENDERED, references).outcome is Outcome.INCONCLUSIVE


def test_a_few_diverging_paths_are_honest(frame: dict[str, exr.Plane], tmp_path: Path) -> None:
    references = probed(frame, tmp_path)
    frame["ViewLayer.Combined.R"][[21, 41, 46], [11, 31, 40]] *= 1.5  # three probe pixels
    found = judge(cut(frame, RENDERED, tmp_path / "tile.exr"), RENDERED, references)
    assert found.outcome is Outcome.ACCEPTED
    assert 0 < found.statistic <= THRESHOLD


planes = arrays.arrays(np.float32, (3, 3), elements=st.floats(width=32))


@given(planes)
def test_equal_bits_agree_whatever_they_are(plane: exr.Plane) -> None:
    assert not differs(plane, plane.copy()).any()


@given(planes, planes)
def test_nothing_else_that_is_not_finite_agrees(got: exr.Plane, want: exr.Plane) -> None:
    odd = ~(np.isfinite(got) & np.isfinite(want)) & (got.view(np.uint32) != want.view(np.uint32))
    assert differs(got, want)[odd].all()
