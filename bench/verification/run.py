"""`make verify-bench`: how many cheats are found, how many honest tiles are not believed, and what it costs.

Renders are kept in the output folder: a second run takes five or six minutes. With --worker or --verifier a
card takes the part of one of the two kernels, and the costs are still the processor's.
"""

import dataclasses
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from tegula_market.adapters.verify import REJECT
from tegula_worker.replies import Device
from verification import cost, kernels, model, plot, rates, roc, subjects, table
from verification.kernels import Machines
from verification.renders import renders
from verification.roc import Audit
from verification.subjects import Subject

PROCESSES = 2


def main(
    out: Annotated[Path, typer.Option(help="folder for tables, plots and renders")],
    minutes: Annotated[float, typer.Option(help="no scene is begun after so many")] = 25,
    salts: Annotated[int, typer.Option(help="audits of each tile under each cheat")] = 4,
    worker: Annotated[Device, typer.Option(help="what tiles and cheats are rendered on")] = Device.CPU,
    verifier: Annotated[Device, typer.Option(help="what else they are checked on")] = Device.CPU,
    scenes: Annotated[list[str] | None, typer.Argument(help="all, if none is named")] = None,
) -> None:
    try:
        used = kernels.machines(worker, verifier)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    out = out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    ready = _rendered(scenes or subjects.names(), out, minutes, used)
    with ProcessPoolExecutor(PROCESSES) as pool:
        of_scenes = pool.map(partial(_audits, folder=out / "frames", salts=salts, used=used), ready)
        audits = []
        for subject, mine in zip(ready, of_scenes, strict=True):
            audits += mine
            print(f"{len(mine):6} audits of {subject.name}", flush=True)
    _report(audits, out)


def _rendered(names: list[str], out: Path, minutes: float, used: Machines) -> list[Subject]:
    started, ready = time.monotonic(), []
    for name in names:
        if time.monotonic() - started > 60 * minutes:
            print(f"SKIPPED for want of time: {', '.join(names[len(ready) :])}")
            break
        print(f"{time.monotonic() - started:5.0f} s  {name}", flush=True)
        subject = subjects.subject(name, out / "scenes")
        renders(subject, out / "frames", used)
        ready.append(subject)
    return ready


def _audits(subject: Subject, folder: Path, salts: int, used: Machines) -> list[Audit]:
    return list(roc.audits(renders(subject, folder, used), salts))


def _report(audits: list[Audit], out: Path) -> None:
    found, honest = rates.found(audits), rates.honest(audits, REJECT)
    pair = rates.crossed(audits)
    modelled = [
        table.Modelled("other kernel, by the fitted model", model.false_rejects(pair)),
        table.Modelled("  if it strays twice as far as the twin", model.false_rejects(pair, 2.0)),
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
