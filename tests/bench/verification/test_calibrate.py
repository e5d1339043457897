"""Over all that honest kernels were seen to differ by: how often a screen leads to a second look."""

import csv
from pathlib import Path

import pytest

from tegula_market.adapters.statistic import RUNGS, expected, surprise
from tegula_market.adapters.verify import GROSS, SUSPECT

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
