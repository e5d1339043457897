"""Tiles become files; what Blender does to them is tested with Blender elsewhere."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from fake_coordinator import picture, tile_image
from requester_samples import order
from tegula import finishing
from tegula.finishing import Picture
from tegula.frames import Frames
from tegula.outcome import FinishedFrame
from tegula_blender.session.blender import SceneRefused
from tegula_blender.session.packed import PackedScene
from tegula_blender.session.stopwatch import Stopwatch
from tegula_market import tiling
from tegula_market.adapters import exr
from tegula_market.model import Order, Rect

PACKED = cast("PackedScene", None)


def paste(frames: Frames, ordered: Order, folder: Path, *wanted: int) -> None:
    for tile in tiling.split(ordered):
        if tile.frame in wanted:
            image = folder / "tile.exr"
            image.write_bytes(tile_image(ordered, tile.frame, tile.rendered))
            frames.paste(tile, image)


@pytest.fixture
def developed(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """Frames of each start of Blender."""
    starts: list[list[int]] = []

    def develop(_packed: PackedScene, pictures: Sequence[Picture], _blender: Path | None) -> None:
        starts.append([one.frame for one in pictures])
        for one in pictures:
            one.png.write_bytes(b"png")

    monkeypatch.setattr(finishing, "develop", develop)
    return starts


def test_frames_that_are_whole_are_written_and_developed_together(
    tmp_path: Path, developed: list[list[int]]
) -> None:
    ordered, out = order(frames=(1, 2, 12)), tmp_path / "out"
    out.mkdir()
    frames = Frames(ordered, PACKED, out, None, Stopwatch())
    paste(frames, ordered, tmp_path, 2, 1)
    frames.finish()
    frames.finish()
    assert developed == [[1, 2]]
    assert [frame.number for frame in frames.finished] == [1, 2]
    paste(frames, ordered, tmp_path, 12)
    frames.finish()
    assert frames.finished[-1] == FinishedFrame(12, 96, 64, "frame_0012.exr", "frame_0012.png")
    assert sorted(path.name for path in out.iterdir()) == [
        f"frame_{number:04}.{kind}" for number in (1, 2, 12) for kind in ("exr", "png")
    ]
    stitched = exr.read(out / "frame_0012.exr").channels["ViewLayer.Combined.G"]
    assert np.array_equal(stitched, picture(ordered, 12)["ViewLayer.Combined.G"])


def test_a_frame_that_is_cropped_has_the_regions_size(tmp_path: Path, developed: list[list[int]]) -> None:
    plain = order()
    ordered = replace(plain, scene=replace(plain.scene, region=Rect(32, 16, 96, 48), crop=True))
    frames = Frames(ordered, PACKED, tmp_path, None, Stopwatch())
    paste(frames, ordered, tmp_path, 1)
    frames.finish()
    assert (frames.finished[0].width, frames.finished[0].height) == (64, 32)
    assert exr.read(tmp_path / "frame_0001.exr").width == 64


def test_a_stitched_frame_stays_when_blender_cannot_develop_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise SceneRefused("Blender ended before it was done.")

    monkeypatch.setattr(finishing, "develop", refuse)
    frames = Frames(order(), PACKED, tmp_path, None, Stopwatch())
    paste(frames, order(), tmp_path, 1)
    with pytest.raises(SceneRefused):
        frames.finish()
    assert (tmp_path / "frame_0001.exr").exists()
    assert frames.finished == ()
