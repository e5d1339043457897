"""Over all that honest kernels were seen to differ by: how often a screen leads to a second look."""

import csv
import json
import shutil
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from tegula_market.adapters import statistic
from tegula_market.adapters.statistic import RUNGS, expected, surprise
from tegula_market.adapters.verify import GROSS, SUSPECT
from tegula_worker import known
from tegula_worker.replies import Device
from verification import calibrate
from verification.kernels import Machines
from verification.picture import Picture
from verification.renders import SEEDS
from verification.subjects import Subject

CALIBRATION = Path(__file__).parents[3] / "docs" / "verification" / "calibration.csv"
COUNTS = [f"off_{rung:g}" for rung in RUNGS]


def rows() -> dict[str, list[dict[str, str]]]:
    with CALIBRATION.open() as file:
        scenes: dict[str, list[dict[str, str]]] = {}
        for row in csv.DictReader(file):
            scenes.setdefault(row["scene"], []).append(row)
    return scenes


def counts(row: dict[str, str]) -> list[int]:
    return [int(row[name]) for name in COUNTS]


def shares(row: dict[str, str]) -> list[float]:
    return [count / int(row["pixels"]) for count in counts(row)]


SCENES = rows()


@pytest.mark.parametrize("scene", SCENES)
def test_few_honest_tiles_are_looked_at_twice(scene: str) -> None:
    """As a job goes: what is known of it grows with each second look, and begins with one."""
    tiles = {(row["seed"], row["tile"]): shares(row) for row in SCENES[scene] if row["probes"] == "all"}
    known, again = next(iter(tiles.values())), 0
    probes = [row for row in SCENES[scene] if row["probes"] != "all"]
    for row in probes:
        if surprise(counts(row), int(row["pixels"]), expected(known)) >= SUSPECT:
            again += 1
            known = list(map(max, known, tiles[row["seed"], row["tile"]]))
    assert len(probes) > 100
    assert again <= 3 + 0.01 * len(probes)


def test_no_honest_pair_of_kernels_is_taken_for_a_broken_verifier() -> None:
    whole = [row for found in SCENES.values() for row in found if row["probes"] == "all"]
    assert max(shares(row)[-1] for row in whole) < GROSS / 2


def test_cards_fit_the_pair_that_has_one_and_leave_the_processors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two tiles of which some pixels differ, in place of renders; a twin strays half as far as the card."""
    answer = Picture.read(known.ANSWER)
    scene = replace(known.scene("4.5.15"), resolution_x=128)
    asked: list[tuple[Device, Device]] = []

    def frames(_: object, __: Path, used: Machines) -> dict[tuple[str, int], Picture]:
        asked.append((used.worker.device, used.other.device))
        here = np.tile(answer.values, 2)
        other = here.copy()
        other[:, :2] *= np.float32(1.05)
        twin = here.copy()
        twin[:, -1:] *= np.float32(1.05)
        pictures = {"here": here, "other": other, "twin": twin}
        return {(role, seed): answer.changed(values) for role, values in pictures.items() for seed in SEEDS}

    honest = tmp_path / "honest.json"
    shutil.copyfile(calibrate.HONEST, honest)
    monkeypatch.setattr(calibrate, "HONEST", honest)
    monkeypatch.setattr(calibrate, "DOCS", tmp_path / "docs")
    monkeypatch.setattr(calibrate, "honest", frames)
    subject = Subject("known", known.FOLDER / known.BLEND, scene, 1)
    monkeypatch.setattr(calibrate.subjects, "subject", lambda *_: subject)
    calibrate.main(tmp_path, [Device.CUDA, Device.OPTIX], ["known"])
    assert asked == [(Device.CPU, Device.CUDA), (Device.CPU, Device.OPTIX), (Device.CUDA, Device.OPTIX)]
    before, after = json.loads(_shipped()), json.loads(honest.read_text())
    mixed = after["pairs"].pop("mixed")
    assert mixed != before["pairs"].pop("mixed")
    assert mixed["mean"][RUNGS.index(1e-2)] >= 2 / 64  # two rows of 64 were off by 5 %
    assert after == before
    assert {path.name for path in (tmp_path / "docs").iterdir()} == {
        "calibration-mixed.csv",
        "calibration-mixed.png",
        "strays.csv",
    }
    # Two rows of pixels in three frames to one row, and one more: 768 of 385.
    assert "the furthest that a card strays is 1.99 times its twin's" in capsys.readouterr().out


def _shipped() -> str:
    return resources.files(statistic.__package__).joinpath("honest.json").read_text()
