"""`make calibrate`: measures how honest renders differ, and writes what the shipped thresholds stand on.

    market/tegula_market/adapters/honest.json   the fitted noise of each pair of devices
    docs/verification/calibration.csv           what was counted, tile by tile
    docs/verification/calibration.png           the same as a picture

Every frame is rendered on this processor as it is and without AVX2, which stands for another processor. With
--device each two of the processor and those kinds are compared instead, which fits the pair "mixed", and the
counts lie in calibration-mixed.csv; strays.csv has how far cards stray against a verifier's twin, by scene,
which `statistic.STRAY_FACTOR` has to allow. What was not measured is left as it was.
"""

import itertools
import json
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from tegula_market.adapters import statistic
from tegula_market.adapters.statistic import RUNGS, Pair
from tegula_worker.replies import Device
from verification import fit, judge, kernels, plot, roc, subjects, table
from verification.kernels import Machines
from verification.picture import Picture
from verification.renders import SEEDS, honest, tiles
from verification.subjects import Subject

HONEST = Path(str(resources.files(statistic.__package__).joinpath("honest.json")))
DOCS = subjects.ROOT / "docs" / "verification"
PROBED = 4
"""Salts with which each tile's probes are counted, too: a screen sees these, and where pixels stray
together they vary more than whole tiles do."""


@dataclass(frozen=True, slots=True)
class Counted:
    scene: str
    seed: int
    tile: int
    probes: str
    """"all" of the tile's pixels, or the number of a salt."""
    pixels: int
    off: judge.Counts


@dataclass(frozen=True, slots=True)
class Strayed:
    """In all frames of a scene."""

    scene: str
    worker: str
    verifier: str
    rung: float
    off: int
    """Of the worker's pixels, against the verifier's."""
    twin: int
    """Of the twin's."""
    factor: float
    """With one added to the twin's, as `statistic.excess` does."""


def main(
    out: Annotated[Path, typer.Option(help="folder for renders")],
    device: Annotated[
        list[Device] | None, typer.Option(help="kinds of card, for the pair that has one")
    ] = None,
    scenes: Annotated[list[str] | None, typer.Argument(help="all, if none is named")] = None,
) -> None:
    counted, blender = [], ""
    strays: list[Strayed] = []
    compared = _machines(device or [])
    pair = compared[0].pair
    for name in scenes or subjects.names():
        subject = subjects.subject(name, out.absolute() / "scenes")
        for used in compared:
            frames = honest(subject, out.absolute() / "frames", used)
            counted += _counted(subject, frames)
            strays += strayed(subject.name, used, frames)
        blender = subject.scene.blender
        print(name, flush=True)
    DOCS.mkdir(parents=True, exist_ok=True)
    rows = ((*astuple(each)[:-1], *each.off) for each in counted)
    header = ("scene", "seed", "tile", "probes", "pixels", *(f"off_{rung:g}" for rung in RUNGS))
    name = "calibration" if pair is Pair.CPU else f"calibration-{pair}"
    table.write(DOCS / f"{name}.csv", header, rows)
    _write(counted, blender, pair)
    statistic.noise.cache_clear()
    plot.calibration(_shares(counted), pair, DOCS / f"{name}.png")
    if strays:
        table.write(DOCS / "strays.csv", [field.name for field in fields(Strayed)], map(astuple, strays))
        print(
            f"the furthest that a card strays is {max(each.factor for each in strays):.2f} times its twin's"
        )


def strayed(scene: str, used: Machines, frames: dict[tuple[str, int], Picture]) -> Iterator[Strayed]:
    """Both ways; nothing where there is no twin besides the two that are compared.

    Not of the first rung: bits differ everywhere between a card and a processor.
    """
    if used.twin is None:
        return
    for worker, verifier in (("here", "other"), ("other", "here")):
        mine = [judge.off(frames[worker, seed], frames[verifier, seed]) for seed in SEEDS]
        twins = [judge.off(frames["twin", seed], frames[verifier, seed]) for seed in SEEDS]
        names = scene, used.roles[worker].device, used.roles[verifier].device
        for rung in range(1, len(RUNGS)):
            off, twin = (sum(counts[rung] for counts in each) for each in (mine, twins))
            yield Strayed(*names, RUNGS[rung], off, twin, off / (twin + 1))


def _machines(cards: list[Device]) -> list[Machines]:
    """Each two kinds of device, the processor being one; without a card, its two kernels."""
    kinds = dict.fromkeys((Device.CPU, *cards))
    return [kernels.machines(*two) for two in itertools.combinations(kinds, 2)] or [Machines()]


def _counted(subject: Subject, frames: dict[tuple[str, int], Picture]) -> Iterator[Counted]:
    for seed in SEEDS:
        for index, rect in enumerate(tiles(subject.scene)):
            got, want = frames["other", seed].cut(rect), frames["here", seed].cut(rect)
            yield Counted(subject.name, seed, index, "all", rect.area, judge.off(got, want))
            for salt in range(PROBED):
                words = f"{subject.name}/{index}/calibrate/{seed}/{salt}"
                placed = roc.probes_of(rect, subject.scene, words)
                pixels = sum(probe.area for probe in placed)
                off = statistic.tally(statistic.levels(got.planes(placed), want.planes(placed)))
                yield Counted(subject.name, seed, index, str(salt), pixels, off)


def _write(counted: list[Counted], blender: str, pair: Pair) -> None:
    measured = json.loads(HONEST.read_text())
    fitted = fit.noise(
        fit.Sample(
            np.array([each.scene for each in counted]),
            np.array([each.probes == "all" for each in counted]),
            np.array([each.pixels for each in counted]),
            np.array([each.off for each in counted]),
        )
    )
    measured["pairs"][pair] = {"mean": fitted.mean, "spread": fitted.spread}
    scenes = sorted({each.scene for each in counted})
    about = {key: measured[key] for key in ("made_with", "blender", "scenes")}
    if pair is Pair.CPU:
        about = {"made_with": "make calibrate", "blender": blender, "scenes": scenes}
    HONEST.write_text(_laid_out({"pairs": measured["pairs"], **about}))


def _laid_out(measured: dict[str, object]) -> str:
    """A line for each pair."""
    pairs = measured.pop("pairs")
    assert isinstance(pairs, dict)
    lines = ",\n".join(f'    "{pair}": {json.dumps(values)}' for pair, values in pairs.items())
    rest = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in measured.items())
    return f'{{\n  "pairs": {{\n{lines}\n  }},\n{rest}\n}}\n'


def _shares(counted: list[Counted]) -> dict[str, NDArray[np.float64]]:
    whole = [each for each in counted if each.probes == "all"]
    names = dict.fromkeys(each.scene for each in whole)
    return {name: np.array([_share(each) for each in whole if each.scene == name]) for name in names}


def _share(counted: Counted) -> list[float]:
    return [off / counted.pixels for off in counted.off]


if __name__ == "__main__":
    typer.run(main)
