"""The table that is printed, and the CSV files."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from rich.console import Console
from rich.table import Table

from verification.cheats import Goal
from verification.cost import BATCHES, GOALS, Cost
from verification.rates import Found, Honest, Rate

Row: TypeAlias = tuple[object, ...]
GOAL_WORDS = {
    Goal.WHOLE: "99.9 %",
    Goal.PART: "95 %",
    Goal.PATCH: "95 % within 4",
    Goal.NONE: "none",
}


@dataclass(frozen=True, slots=True)
class Modelled:
    name: str
    rate: Rate


def show(
    found: Sequence[Found], honest: Sequence[Honest], modelled: Sequence[Modelled], costs: Sequence[Cost]
) -> None:
    console = Console(width=132)
    console.print(_cheats(found))
    console.print(_honest(honest, modelled))
    if costs:
        console.print(_costs(costs))


def _cheats(found: Sequence[Found]) -> Table:
    table = Table(
        title="Cheats: rejected of audited tiles where they show (95 % interval; * misses its goal)"
    )
    for column in ("cheat", "goal", "tiles", "same kernel", "other kernel", "predecessor"):
        table.add_column(column, justify="left" if column == "cheat" else "right")
    for same, other in zip(found[::2], found[1::2], strict=True):
        cells = (_ranged(same), _ranged(other), _percent(same.before))
        table.add_row(same.cheat.name, GOAL_WORDS[same.cheat.goal], str(same.tiles), *cells)
    return table


def _honest(honest: Sequence[Honest], modelled: Sequence[Modelled]) -> Table:
    table = Table(title="Honest tiles")
    for column in ("", "tiles", "audits", "rejected", "at most", "looked at again", "predecessor rejects"):
        table.add_column(column, justify="left" if not column else "right")
    for each in honest:
        sizes = str(each.tiles), str(each.rejected.of)
        cells = str(each.rejected.hits), f"{each.rejected.at_most:.3%}", _percent(each.suspected)
        table.add_row(f"{each.case}, rendered", *sizes, *cells, _percent(each.before))
        second = each.confirmable
        name = "  all of them looked at again"
        table.add_row(name, str(second.of), "", str(second.hits), f"{second.at_most:.3%}", "", "")
    for model in modelled:
        row = model.name, str(model.rate.of), "", str(model.rate.hits), f"{model.rate.at_most:.4%}"
        table.add_row(*row, "", "")
    return table


def _costs(costs: Sequence[Cost]) -> Table:
    table = Table(title=f"Cost of probes on bmw27 at {costs[0].spp} samples, as a share of the tiles' own")
    for column in ("tiles", "of", "probes", f"established (1 of {BATCHES[0]})", "goal", "new (each)", "goal"):
        table.add_column(column, justify="right")
    for cost in costs:
        for kind, (established, new) in GOALS.items():
            plan = f"{cost.plan.count} x {cost.plan.edge} px + {cost.overscan}"
            shares = [cost.of(kind, batch) for batch in BATCHES]
            goals = f"{established:.0%}", f"{new:.0%}"
            row = f"{cost.edge} px", kind, plan, f"{shares[0]:.1%}", goals[0], f"{shares[1]:.1%}", goals[1]
            table.add_row(*row)
    return table


def _ranged(found: Found) -> str:
    rate = found.within
    if not rate.of:
        return "does not show"
    low, high = rate.interval
    return f"{'' if found.reached else '* '}{rate.share:.2%} ({low:.2%} to {high:.2%})"


def _percent(rate: Rate) -> str:
    return f"{rate.share:.2%}" if rate.of else "-"


def save(
    folder: Path,
    found: Iterable[Found],
    honest: Iterable[Honest],
    modelled: Iterable[Modelled],
    costs: Iterable[Cost],
) -> None:
    write(folder / "cheats.csv", CHEAT_COLUMNS, map(_cheat_row, found))
    rows = [*map(_honest_row, honest), *map(_model_row, modelled)]
    write(folder / "honest.csv", HONEST_COLUMNS, rows)
    write(folder / "cost.csv", COST_COLUMNS, map(_cost_row, costs))


CHEAT_COLUMNS = (
    *("cheat", "goal", "pair", "scenes", "tiles", "audits", "rejected", "suspected"),
    *("groups", "groups_rejected", "low", "high", "reached", "predecessor_asked", "predecessor_rejected"),
)
HONEST_COLUMNS = (
    *("case", "tiles", "audits", "rejected", "at_most", "suspected", "confirmable"),
    *("predecessor_asked", "predecessor_rejected"),
)
COST_COLUMNS = ("edge", "spp", "tiles", "probes", "probe_edge", "overscan", "pixels", "time", "batch")


def _cheat_row(f: Found) -> Row:
    counted = f.scenes, f.tiles, f.audited.of, f.audited.hits, f.suspected.hits
    goal = f.within.of, f.within.hits, *f.within.interval, f.reached
    return f.cheat.name, f.cheat.goal.name, f.pair, *counted, *goal, f.before.of, f.before.hits


def _honest_row(h: Honest) -> Row:
    counted = h.tiles, h.rejected.of, h.rejected.hits, h.rejected.at_most, h.suspected.hits
    return h.case, *counted, h.confirmable.hits, h.before.of, h.before.hits


def _model_row(m: Modelled) -> Row:
    return m.name, m.rate.of, "", m.rate.hits, m.rate.at_most, "", "", "", ""


def _cost_row(c: Cost) -> Row:
    plan = c.plan.count, c.plan.edge, c.overscan
    return c.edge, c.spp, c.tiles, *plan, c.pixels, c.time, BATCHES[0]


def write(path: Path, header: Sequence[str], rows: Iterable[Row]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows((header, *rows))
