"""Differences between kinds of devices, of images that are made up and of cards that are not here."""

import csv
import shutil
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
import typer

from tegula_market.adapters import exr
from tegula_market.model import Rect, Scene
from tegula_worker import known
from tegula_worker.renderer import Rendered
from tegula_worker.replies import Device, Failure, RenderFailed
from verification import pairs, subjects
from verification.picture import Picture
from verification.subjects import Subject
from worker.fake_cards import AS_CUDA, CPU, FIRST

ANSWER = Picture.read(known.ANSWER)
DEVICES = {device.kind: device for device in (CPU, AS_CUDA, FIRST)}


def brighter(picture: Picture, factor: float, pixels: int) -> Picture:
    """So many pixels of the first row, in all channels."""
    values = picture.values.copy()
    values[:, 0, :pixels] *= np.float32(factor)
    return picture.changed(values)


def test_equal_images_are_equal() -> None:
    same = pairs.difference("known", "CPU a", ANSWER, "CPU b", ANSWER)
    assert (same.pixels, same.bit_equal, same.visible, same.rmse) == (64 * 64, 1.0, 0.0, 0.0)


def test_pixels_that_differ_are_counted_by_how_far() -> None:
    shown = Picture(ANSWER.names, np.full_like(ANSWER.values, 0.5))
    little = pairs.difference("known", "CPU a", brighter(shown, 1.001, 32), "CUDA b", shown)
    assert (1 - little.bit_equal, little.visible) == (32 / 4096, 0.0)
    much = pairs.difference("known", "CPU a", brighter(shown, 1.1, 32), "CUDA b", shown)
    assert (1 - much.bit_equal, much.visible) == (32 / 4096, 32 / 4096)
    assert much.rmse == pytest.approx(0.05 * np.sqrt(32 / 4096), rel=1e-4)


def test_the_worst_scene_of_each_pair_is_named() -> None:
    near = pairs.difference("near", "CPU a", ANSWER, "CUDA b", ANSWER)
    far = pairs.difference("far", "CPU a", brighter(ANSWER, 2, 64), "CUDA b", ANSWER)
    (line,) = pairs.worst([near, far])
    assert line.startswith("CPU a x CUDA b: 99.")
    assert "worst scene far: " in line


class FakeRenderer:
    """Renders the known scene's picture, a card a little brighter."""

    def __init__(self, kind: Device, broken: tuple[Device, ...]) -> None:
        self._kind, self._broken = kind, broken
        self.devices = tuple(DEVICES.values())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...

    async def render(
        self, _folder: Path, _blend: str, _scene: Scene, _frame: int, _rect: Rect, out: Path
    ) -> Any:
        if self._kind in self._broken:
            raise RenderFailed(Failure.DRIVER, "the driver gave up")
        shutil.copyfile(known.ANSWER, out)
        if self._kind is not Device.CPU:
            image = exr.read(out)
            planes = {name: plane * np.float32(1.0001) for name, plane in image.channels.items()}
            exr.write(out, exr.Image(image.width, image.height, planes))
        return Rendered(out, 0.5, 0.25, DEVICES[self._kind].words, "4.5.15")


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> list[Device]:
    """Cards that do not work; all others do."""
    kinds: list[Device] = []
    monkeypatch.setattr(pairs, "renderer", lambda kind: FakeRenderer(kind, tuple(kinds)))
    subject = Subject("known", known.FOLDER / known.BLEND, known.scene("4.5.15"), 1)
    monkeypatch.setattr(subjects, "subject", lambda *_: subject)
    return kinds


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def code(out: Path, *kinds: Device, scenes: tuple[str, ...] = ("known",)) -> int:
    with pytest.raises(typer.Exit) as ended:
        pairs.main(out, list(kinds), list(scenes))
    return ended.value.exit_code


def test_each_two_kinds_are_compared_and_crops_are_kept(broken: list[Device], tmp_path: Path) -> None:
    assert code(tmp_path) == 0
    compared = [(row["one"].split()[0], row["other"].split()[0]) for row in rows(tmp_path / "pairs.csv")]
    assert compared == [("CPU", "CUDA"), ("CPU", "OPTIX"), ("CUDA", "OPTIX")]
    assert [float(row["bit_equal"]) < 0.5 for row in rows(tmp_path / "pairs.csv")] == [True, True, False]
    speeds = rows(tmp_path / "speeds.csv")
    assert float(speeds[1]["megasamples_per_second"]) == pytest.approx(64 * 64 * known.SPP / 1e6 / 0.5)
    crop = exr.read(tmp_path / "known-CUDA-crop.exr")
    assert (crop.width, crop.height) == (64, 64)


def test_a_card_that_fails_is_told_and_the_others_are_compared(
    broken: list[Device], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken.append(Device.OPTIX)
    assert code(tmp_path) == 1
    assert "FAILED: known on OPTIX: the driver gave up" in capsys.readouterr().out
    assert len(rows(tmp_path / "pairs.csv")) == 1


def test_a_kind_that_is_not_here_is_skipped_loudly_and_fails_who_asked(
    broken: list[Device], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert code(tmp_path, Device.CPU, Device.HIP) == 1
    assert "SKIPPED: Blender finds no HIP device here" in capsys.readouterr().out
    assert len(rows(tmp_path / "speeds.csv")) == 1


def test_a_scene_that_is_not_here_is_skipped_loudly(
    broken: list[Device], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(subjects.SHARED_SCENES, "bmw27", tmp_path / "bmw27.blend")
    assert code(tmp_path, Device.CPU, scenes=("bmw27", "known")) == 0
    assert "bmw27.blend is not there, so bmw27 is not rendered" in capsys.readouterr().out
    assert len(rows(tmp_path / "speeds.csv")) == 1


def test_a_crop_is_from_the_middle_and_no_larger_than_the_frame() -> None:
    assert pairs.middle(known.scene("4.5.15", 256)) == Rect(96, 96, 160, 160)
    assert pairs.middle(known.scene("4.5.15", 16)) == Rect(0, 0, 16, 16)
