from pathlib import Path

import numpy as np
import pytest

from tegula_market.adapters import exr, verify
from tegula_market.adapters.statistic import Pair
from tegula_market.adapters.verify import Judgement, Rendered, confirm, screen
from tegula_market.model import Outcome, Rect

FRAME = Rect(0, 0, 64, 64)
TILE = Rect(10, 20, 42, 52)
RENDERED = TILE.grown(4, FRAME)
RECTS = [Rect(10, 20, 18, 28), Rect(30, 40, 38, 48), Rect(39, 45, 42, 52), Rect(20, 20, 28, 22)]
PIXELS = sum(rect.area for rect in RECTS)
PASSES = ("ViewLayer.Combined.R", "ViewLayer.Combined.A", "ViewLayer.Depth.Z")
Planes = dict[str, exr.Plane]


@pytest.fixture
def frame() -> Planes:
    """The whole frame as Cycles would give it: HDR values, zeros, infinity behind the scene."""
    random = np.random.default_rng(1)
    planes = {name: random.gamma(1, 2, (64, 64)).astype(np.float32) for name in PASSES}
    planes["ViewLayer.Depth.Z"][:, :12] = np.inf
    planes["ViewLayer.Combined.A"][5:9] = 0
    return planes


def cut(planes: Planes, rect: Rect, path: Path) -> Rendered:
    crop = {name: plane[rect.y0 : rect.y1, rect.x0 : rect.x1] for name, plane in planes.items()}
    exr.write(path, exr.Image(rect.width, rect.height, crop))
    return Rendered(path, rect)


def probed(planes: Planes, folder: Path) -> list[Rendered]:
    grown = [rect.grown(2, FRAME) for rect in RECTS]
    return [cut(planes, rect, folder / f"probe{i}.exr") for i, rect in enumerate(grown)]


def screened(got: Planes, want: Planes, folder: Path, pair: Pair = Pair.SAME) -> Judgement:
    return screen(cut(got, RENDERED, folder / "tile.exr"), RECTS, probed(want, folder), pair)


def confirmed(got: Planes, want: Planes, twin: Planes, folder: Path, pair: Pair = Pair.SAME) -> Judgement:
    both = (cut(planes, RENDERED, folder / f"{i}.exr") for i, planes in enumerate((want, twin)))
    return confirm(cut(got, RENDERED, folder / "tile.exr"), TILE, *both, pair)


def last_bits(planes: Planes, seed: int = 2, paths: int = 0) -> Planes:
    """As another kernel renders: each value a bit or two aside, and some pixels by a whole path."""
    random, other = np.random.default_rng(seed), {}
    for name, plane in planes.items():
        aside = plane * (1 + random.integers(-1, 2, plane.shape) * np.float32(1.2e-7)).astype(np.float32)
        other[name] = aside.astype(np.float32)
    rows, columns = random.integers(20, 52, paths), random.integers(10, 42, paths)
    other[PASSES[0]][rows, columns] += 0.5
    return other


@pytest.mark.parametrize("pair", [*Pair])
def test_an_honest_tile_is_accepted(frame: Planes, tmp_path: Path, pair: Pair) -> None:
    found = screened(frame, frame, tmp_path, pair)
    assert (found.outcome, found.statistic, found.probe_pixels) == (Outcome.ACCEPTED, 0.0, PIXELS)
    assert "equal in every bit" in found.reason
    found = confirmed(frame, frame, last_bits(frame), tmp_path, pair)
    assert (found.outcome, found.statistic, found.probe_pixels) == (Outcome.ACCEPTED, 0.0, TILE.area)


def test_another_kernel_is_no_cheat(frame: Planes, tmp_path: Path) -> None:
    honest = last_bits(frame, paths=3)
    assert screened(honest, frame, tmp_path, Pair.CPU).outcome is Outcome.ACCEPTED
    found = confirmed(honest, frame, last_bits(frame, seed=4, paths=4), tmp_path, Pair.CPU)
    assert found.outcome is Outcome.ACCEPTED


def test_another_kernel_under_the_same_name_costs_a_second_look_only(frame: Planes, tmp_path: Path) -> None:
    honest = last_bits(frame, paths=3)
    found = screened(honest, frame, tmp_path, Pair.SAME)
    assert (found.outcome, found.suspected) == (Outcome.INCONCLUSIVE, True)
    assert confirmed(honest, frame, last_bits(frame, seed=4, paths=2), tmp_path).outcome is Outcome.ACCEPTED
    assert confirmed(honest, frame, frame, tmp_path).outcome is Outcome.ACCEPTED, "a verifier with one kernel"


def scaled(planes: Planes, name: str) -> Planes:
    return {**planes, name: planes[name] * np.float32(1.02) + np.float32(0.001)}


def shifted(planes: Planes) -> Planes:
    return {name: np.roll(plane, 1, axis=1) for name, plane in planes.items()}


def without_alpha(planes: Planes) -> Planes:
    return {name: plane for name, plane in planes.items() if not name.endswith(".A")}


def swapped(planes: Planes) -> Planes:
    return dict(zip(planes, reversed(planes.values()), strict=True))


def clipped(planes: Planes) -> Planes:
    return {name: np.minimum(plane, np.float32(1)) for name, plane in planes.items()}


def quantised(planes: Planes) -> Planes:
    return {name: (np.round(plane * 255) / 255).astype(np.float32) for name, plane in planes.items()}


def not_a_number(planes: Planes) -> Planes:
    return {name: np.full_like(plane, np.nan) for name, plane in planes.items()}


CHEATS = [shifted, swapped, clipped, quantised, not_a_number]
CHEATS += [lambda planes, name=name: scaled(planes, name) for name in PASSES]


@pytest.mark.parametrize("cheat", CHEATS)
@pytest.mark.parametrize("pair", [*Pair])
def test_cheats_are_suspected_and_rejected(frame: Planes, tmp_path: Path, cheat: object, pair: Pair) -> None:
    faked = cheat(frame)  # type: ignore[operator]
    assert screened(faked, frame, tmp_path, pair).suspected
    found = confirmed(faked, frame, last_bits(frame, paths=4), tmp_path, pair)
    assert found.outcome is Outcome.REJECTED
    assert found.statistic > found.threshold


def test_other_passes_than_the_scenes_are_rejected_undecoded(frame: Planes, tmp_path: Path) -> None:
    """A small file can hold many passes of nothing, which are gigabytes in memory."""
    found = screened(without_alpha(frame), frame, tmp_path)
    assert (found.outcome, found.suspected) == (Outcome.REJECTED, False)
    assert "ViewLayer.Combined.A" in found.reason
    many = {**frame, **{f"Extra{n}.X": np.zeros((64, 64), np.float32) for n in range(400)}}
    tile = cut(many, RENDERED, tmp_path / "tile.exr")
    tile.path.write_bytes(tile.path.read_bytes()[:-1000])  # or it would be damaged, were it decoded
    found = screen(tile, RECTS, probed(frame, tmp_path), Pair.SAME)
    assert "passes are not the scene's" in found.reason


def test_a_cryptomatte_that_names_others_is_rejected(frame: Planes, tmp_path: Path) -> None:
    want, got = (
        exr.Image(64, 64, frame, {"cryptomatte/1/manifest": text})
        for text in ('{"A":"00000001"}', '{"B":"00000001"}')
    )
    for image, name in ((want, "want"), (got, "got")):
        exr.write(tmp_path / f"{name}.exr", image)
    mine, true = (Rendered(tmp_path / f"{name}.exr", FRAME) for name in ("got", "want"))
    assert screen(mine, RECTS, [true] * 4, Pair.SAME).suspected
    assert confirm(mine, TILE, true, true, Pair.SAME).outcome is Outcome.REJECTED
    assert confirm(true, TILE, true, true, Pair.SAME).outcome is Outcome.ACCEPTED


def test_too_little_memory_is_not_the_workers_fault(
    frame: Planes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise MemoryError

    tile, probes = cut(frame, RENDERED, tmp_path / "tile.exr"), probed(frame, tmp_path)
    monkeypatch.setattr(np, "empty", full)
    with pytest.raises(MemoryError):
        screen(tile, RECTS, probes, Pair.SAME)


def test_a_patch_is_rejected_however_few_of_its_pixels_were_probed(frame: Planes, tmp_path: Path) -> None:
    faked = {name: plane.copy() for name, plane in frame.items()}
    faked[PASSES[0]][20:30, 10:20] = 0.5
    assert screened(faked, frame, tmp_path).suspected
    assert confirmed(faked, frame, last_bits(frame, paths=4), tmp_path).outcome is Outcome.REJECTED


def test_a_tile_of_another_size_is_rejected(frame: Planes, tmp_path: Path) -> None:
    cut(frame, TILE, tmp_path / "tile.exr")
    found = screen(Rendered(tmp_path / "tile.exr", RENDERED), RECTS, probed(frame, tmp_path), Pair.SAME)
    assert found.outcome is Outcome.REJECTED
    assert "32 x 32" in found.reason


def test_rubbish_from_a_worker_is_rejected(frame: Planes, tmp_path: Path) -> None:
    (tmp_path / "tile.exr").write_bytes(b"not an image")
    rubbish, probes = Rendered(tmp_path / "tile.exr", RENDERED), probed(frame, tmp_path)
    assert screen(rubbish, RECTS, probes, Pair.SAME).outcome is Outcome.REJECTED
    whole = cut(frame, RENDERED, tmp_path / "whole.exr")
    assert confirm(rubbish, TILE, whole, whole, Pair.SAME).outcome is Outcome.REJECTED


def test_unprobed_tiles_of_a_batch_are_images_of_their_rects_at_least(frame: Planes, tmp_path: Path) -> None:
    good = cut(frame, RENDERED, tmp_path / "good.exr")
    small = Rendered(cut(frame, TILE, tmp_path / "small.exr").path, RENDERED)
    other = cut(without_alpha(frame), RENDERED, tmp_path / "other.exr")
    (tmp_path / "cut.exr").write_bytes(good.path.read_bytes()[:-100])
    assert verify.unfit({3: good, 4: good}) == ""
    assert verify.unfit({3: good, 4: small}).startswith("the image of tile 4 is not usable: 32 x 32")
    assert "tile 5" in verify.unfit({3: good, 5: Rendered(tmp_path / "cut.exr", RENDERED)})
    assert "tile 4 is not usable: its passes" in verify.unfit({3: good, 4: other})


@pytest.mark.parametrize("rubbish", [b"", b"not an image"])
def test_rubbish_from_a_verifier_blames_nobody(frame: Planes, tmp_path: Path, rubbish: bytes) -> None:
    tile, probes = cut(frame, RENDERED, tmp_path / "tile.exr"), probed(frame, tmp_path)
    probes[2].path.write_bytes(rubbish)
    found = screen(tile, RECTS, probes, Pair.SAME)
    assert (found.outcome, found.suspected) == (Outcome.INCONCLUSIVE, False)
    bad = Rendered(probes[2].path, RENDERED)
    for reference, twin in ((tile, bad), (bad, tile)):
        assert confirm(tile, TILE, reference, twin, Pair.SAME).outcome is Outcome.INCONCLUSIVE


def test_a_verifier_whose_kernels_disagree_blames_nobody(frame: Planes, tmp_path: Path) -> None:
    """Bad memory or a broken card: either of its two images may be the wrong one."""
    found = confirmed(shifted(frame), frame, last_bits(frame, paths=2000), tmp_path)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "its two kernels disagree" in found.reason
    found = confirmed(frame, frame, without_alpha(frame), tmp_path)
    assert found.outcome is Outcome.INCONCLUSIVE


def test_the_reason_counts_what_is_off(frame: Planes, tmp_path: Path) -> None:
    faked = {name: plane.copy() for name, plane in frame.items()}
    faked[PASSES[0]][21, 11:14] *= 2
    reason = screened(faked, frame, tmp_path).reason
    assert reason.startswith(f"of {PIXELS} pixels 3 differ in some bit, 3 by more than 0.01%")
    assert verify.SUSPECT < verify.REJECT
