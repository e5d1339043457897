"""`make market-sim`: attacks, prices and fairness of a market of 200 machines, as tables and plots."""

import csv
import dataclasses
from collections.abc import Iterable
from pathlib import Path
from statistics import fmean, median
from typing import Annotated, Any

import typer

from simulator import ends, market, nights, plot
from simulator.ends import End
from simulator.machines import ATTACKS, CARTEL, ENTRANT, HONEST
from simulator.market import Compared
from simulator.nights import Kind
from simulator.world import World

SHARES = {"withholding": (0.2, 0.5), CARTEL: (0.005, 0.2, 0.5)}
"""Of the machines, for attacks that gain by being large."""
BETWEEN, SOON = (3.0, 2.0, 1.3, 1.0, 0.7), 30.0
"""Seconds from a job to the next, and to its deadline: from half of what machines can do to twice that."""


def main(
    out: Annotated[Path, typer.Option(help="folder for tables and plots")],
    seed: Annotated[int, typer.Option(help="of machines, jobs and lots")] = 1,
) -> None:
    out.mkdir(parents=True, exist_ok=True)
    compared = [
        _tell(market.compare(attack, seed, share))
        for attack in ATTACKS
        for share in SHARES.get(attack, (market.SHARE,))
    ]
    _table(out / "attacks.csv", (_row(each) for each in compared))
    plot.attacks(compared, out / "attacks.png")
    world = market.simulate(HONEST, seed, late=market.SHARE)
    _table(out / "prices.csv", (dataclasses.asdict(each) for each in world.rounds))
    plot.prices(world.rounds, out / "prices.png")
    standings = market.standings(world)
    _table(out / "machines.csv", (dataclasses.asdict(each) for each in standings))
    plot.fairness(standings, list(world.ended.values()), out / "fairness.png")
    _tell_fairness("newcomers ask their cost", world)
    entering = market.simulate(HONEST, seed, late=market.SHARE, newcomers=ENTRANT)
    _tell_fairness("newcomers ask half of it at first", entering)
    _table(out / "loads.csv", [_load(seed, between) for between in BETWEEN])
    ended = [ends.end(case, seed, overtakes=overtakes) for case in ends.CASES for overtakes in (False, True)]
    _table(out / "ends.csv", (_tell_end(each) for each in ended))
    worlds = {posts: nights.nights(seed, posts=posts) for posts in (False, True)}
    kinds = [kind for posts, world in worlds.items() for kind in nights.kinds(world, posts=posts)]
    _table(out / "nights.csv", (_tell_kind(each) for each in kinds))
    plot.nights(worlds[False], worlds[True], out / "nights.png")


def _load(seed: int, between: float) -> dict[str, Any]:
    figures = market.figures(market.simulate(HONEST, seed, between=between, deadline=SOON))
    row = {"between": between, "price": figures.price, "seconds": figures.job_seconds, "late": figures.missed}
    late, price = figures.missed, figures.price
    print(f"a job every {between} s, each due in {SOON:.0f} s: {late:.1%} late, price {price:.1f}")
    return {name: round(value, 4) for name, value in row.items()}


def _tell(compared: Compared) -> Compared:
    attacked, honest = compared.attacked, compared.honest
    print(
        f"{compared.attack}, {compared.share:.0%} of machines: a machine earns {attacked.attackers:.0f},"
        f" honest {honest.attackers:.0f}; price {attacked.price:.1f} against {honest.price:.1f}, a job takes"
        f" {attacked.job_seconds:.1f} s against {honest.job_seconds:.1f}, late {attacked.missed:.2%},"
        f" {attacked.attempts:.2f} leases a tile"
    )
    return compared


def _tell_fairness(case: str, world: World) -> None:
    figures, standings = market.figures(world), market.standings(world)
    print(f"{case}: price {figures.price:.1f}, dearest machine taken costs {figures.dearest_cost:.1f}")
    for late, who in ((False, "from the start"), (True, "newcomers")):
        able = [each for each in standings if each.late is late and each.cost < figures.price]
        waited = [each.waited for each in able if each.waited is not None]
        tiles = [each.tiles / each.speed for each in able]
        got, even = fmean(tiles), market.gini(tiles)
        print(
            f"  {who}: {len(waited)} of {len(able)} that cost less than the price had work, the first after"
            f" {median(waited):.0f} s; {got:.1f} tiles for their speed, Gini {even:.2f}"
        )


def _tell_end(end: End) -> dict[str, Any]:
    print(
        f"holds up: {end.case}; second leases: {end.overtakes}: a job takes {end.mean:.1f} s,"
        f" nine of ten at most {end.ninth:.1f} s, {end.leases:.3f} leases a tile, {end.lost:.2%} of all work"
        f" lost; a machine earns {end.earned:.0f}, a slow one {end.slow_earned:.0f}"
    )
    return _rounded(end)


def _tell_kind(kind: Kind) -> dict[str, Any]:
    print(
        f"asks are posted: {kind.posts}; jobs wait for a price: {kind.patient}: {kind.done:.1%} of the tiles"
        f" done, {kind.by_day:.1%} by day; {kind.price:.1f} a megasample, {kind.took:.0f} s a job; a machine"
        f" earns {kind.earned:.0f} in all"
    )
    return _rounded(kind)


def _rounded(found: End | Kind) -> dict[str, Any]:
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in dataclasses.asdict(found).items()}


def _row(compared: Compared) -> dict[str, Any]:
    row: dict[str, Any] = {
        "attack": compared.attack,
        "share": compared.share,
        "gain": round(compared.gain, 1),
    }
    for world, figures in (("attacked", compared.attacked), ("honest", compared.honest)):
        for name, value in dataclasses.asdict(figures).items():
            row[f"{world}_{name}"] = round(value, 4)
    return row


def _table(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    listed = list(rows)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(listed[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(listed)


if __name__ == "__main__":
    typer.run(main)
