"""What the tables say, as pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from simulator.market import Compared, Standing
from simulator.nights import DAWN, DUSK, is_patient
from simulator.world import START, Ended, Round, World

mpl.use("Agg")

LOOKS: dict[str, dict[str, Any]] = {
    "in a hurry": {"color": "0.5"},
    "waits for a price": {"color": "C0"},
    "not done": {"color": "C3", "ls": ":"},
}


def prices(rounds: Sequence[Round], path: Path) -> None:
    """That clearing prices come down to what the dearest machine needed costs."""
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    at = [each.at - START for each in rounds]
    axes.plot(at, [each.price for each in rounds], label="clearing price")
    axes.plot(at, [each.dearest_cost for each in rounds], "--", label="cost of the dearest machine taken")
    axes.set(xlabel="seconds", ylabel="token units per megasample", ylim=(0, None))
    axes.set(title="Rounds of an honest market; owners begin at 1.2 to 2 times their cost")
    axes.legend(loc="lower right")
    _save(figure, path)


def attacks(compared: Sequence[Compared], path: Path) -> None:
    """What an attack brings, beside what the same machines would have earned by honest work."""
    figure, axes = plt.subplots(figsize=(8, 5.5), layout="constrained")
    names = [f"{each.attack}, {each.share:.0%}" for each in compared]
    axes.barh(names, [each.attacked.attackers for each in compared], height=0.4, label="attacking")
    honest = [each.honest.attackers for each in compared]
    axes.plot(honest, names, "k|", ms=18, mew=2, label="the same machines, honest")
    axes.axvline(0, color="grey", lw=0.8)
    axes.invert_yaxis()
    axes.set(xlabel="profit of a machine, token units", title="Attacks, and the share of machines in them")
    axes.legend()
    _save(figure, path)


def fairness(standings: Sequence[Standing], ended: Sequence[Ended], path: Path) -> None:
    """Who gets work follows from cost; how long a job takes follows from its size."""
    figure, (who, wait) = plt.subplots(1, 2, figsize=(10, 4.5), layout="constrained")
    for late, label in ((False, "there from the start"), (True, "joined at half-time")):
        mine = [each for each in standings if each.late is late]
        who.plot([each.cost for each in mine], [each.tiles for each in mine], ".", label=label)
    who.set(xlabel="cost of a machine, per megasample", ylabel="tiles that it got")
    who.legend()
    wait.plot([job.units for job in ended], [job.at - job.opened for job in ended], ".")
    wait.set(xlabel="tiles of a job", ylabel="seconds until all are accepted", ylim=(0, None))
    _save(figure, path)


def nights(without: World, posted: World, path: Path) -> None:
    """Jobs as lines, from their opening to their end: those that wait for a price are done by night."""
    figure, sides = plt.subplots(1, 2, figsize=(10, 5), layout="constrained", sharex=True, sharey=True)
    for axes, world, title in zip(sides, (without, posted), ("called once", "posted asks"), strict=True):
        axes.axvspan(DUSK, DAWN, color="0.9", label="night")
        for number, job in enumerate(sorted(world.ended.values(), key=lambda job: job.opened)):
            patient = is_patient(world, job)
            name = "in a hurry" if not patient else "not done" if job.missed else "waits for a price"
            axes.plot([job.opened - START, job.at - START], [number] * 2, lw=2, **LOOKS[name])
        axes.set(xlabel="seconds", title=title)
    sides[0].set(ylabel="jobs, as they were opened")
    lines = [Line2D([], [], lw=2, label=name, **look) for name, look in LOOKS.items()]
    sides[0].legend(handles=lines, loc="upper left")
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, dpi=110)
    plt.close(figure)
