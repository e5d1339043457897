"""What is told of measurements, which are made up here; the measuring itself takes minutes."""

import csv
from pathlib import Path

import pytest

import overhead
from overhead import Overhead


def test_each_size_of_tile_has_its_median_and_the_automatic_one_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter((11.0, 12.0, 30.0, 21.0, 20.0, 22.0))
    asked = []

    def measured(_scene: Path, _spp: int, _scale: int, tile: int | None, _out: Path, device: str) -> Overhead:
        asked.append((tile, device))
        return Overhead(10.0, next(seconds), {}, 4, tile or 256)

    monkeypatch.setattr(overhead, "measure", measured)
    overhead.main(Path("a.blend"), tmp_path / "x.csv", "OPTIX", [64], rounds=3)
    assert asked == [(None, "OPTIX")] * 3 + [(64, "OPTIX")] * 3
    with (tmp_path / "x.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["asked"], row["edge"], row["ratio"]) for row in rows] == [
        ("auto", "256", "1.200"),
        ("64", "64", "2.100"),
    ]


def test_a_device_that_is_not_here_is_told_and_what_was_measured_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(_scene: Path, _spp: int, _scale: int, tile: int | None, *_: object) -> Overhead:
        if tile:
            raise RuntimeError("a render failed: there is no OPTIX device here")
        return Overhead(10.0, 11.0, {}, 4, 256)

    monkeypatch.setattr(overhead, "measure", measured)
    with pytest.raises(SystemExit, match="no OPTIX device here"):
        overhead.main(Path("a.blend"), tmp_path / "x.csv", "OPTIX", [64], rounds=1)
    assert len((tmp_path / "x.csv").read_text().splitlines()) == 2
