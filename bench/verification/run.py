"""`make verify-bench`: how many cheats are found, how many honest tiles are not believed, and what it costs.

Renders are kept in the output folder: a second run takes five or six minutes.
"""

import dataclasses
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from tegula_market.adapters.statistic import Pair
from tegula_market.adapters.verify import REJECT
from verification import cost, model, plot, rates, roc, subjects, table
from verification.renders import renders
from verification.roc import Audit
from verification.subjects import Subject

PROCESSES = 2


def main(
    out: Annotated[Path, typer.Option(help="folder for tables, plots and renders")],
    minutes: Annotated[float, typer.Option(help="no scene is begun after so many")] = 25,
    salts: Annotated[int, typer.Option(help="audits of each tile under each cheat")] = 4,
    scenes: Annotated[list[str] | None, typer.Argument(help="all, if none is named")] = None,
) -> None:
    out = out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    ready = _rendered(scenes or subjects.names(), out, minutes)
    with ProcessPoolExecutor(PROCESSES) as pool:
        of_scenes = pool.map(partial(_audits, folder=out / "frames", salts=salts), ready)
        audits = []
        for subject, mine in zip(ready, of_scenes, strict=True):
            audits += mine
            print(f"{len(mine):6} audits of {subject.name}", flush=True)
    _report(audits, out)


def _rendered(names: list[str], out: Path, minutes: float) -> list[Subject]:
    started, ready = time.monotonic(), []
    for name in names:
        if time.monotonic() - started > 60 * minutes:
            print(f"SKIPPED for want of time: {', '.join(names[len(ready) :])}")
            break
        print(f"{time.monotonic() - started:5.0f} s  {name}", flush=True)
        subject = subjects.subject(name, out / "scenes")
        renders(subject, out / "frames")
        ready.append(subject)
    return ready


def _audits(subject: Subject, folder: Path, salts: int) -> list[Audit]:
    return list(roc.audits(renders(subject, folder), salts))


def _report(audits: list[Audit], out: Path) -> None:
    found, honest = rates.found(audits), rates.honest(audits, REJECT)
    modelled = [
        table.Modelled("other kernel, by the fitted model", model.false_rejects(Pair.CPU)),
        table.Modelled("  if it strays twice as far as the twin", model.false_rejects(Pair.CPU, 2.0)),
    ]
    costs = cost.measure()
    table.show(found, honest, modelled, costs)
    table.save(out, found, honest, modelled, costs)
    plot.roc(audits, out / "roc.png")
    plot.rates(found, honest, out / "cheats.png")
    columns = [field.name for field in dataclasses.fields(Audit)]
    table.write(out / "audits.csv", columns, map(dataclasses.astuple, audits))
    curves = plot.curves(audits)
    table.write(out / "roc.csv", ("threshold", *curves), zip(plot.THRESHOLDS, *curves.values(), strict=True))


if __name__ == "__main__":
    typer.run(main)
