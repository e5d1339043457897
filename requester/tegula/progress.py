"""Progress of a job for people: a bar on a terminal, one line a step elsewhere. Always to stderr."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from tegula_blender.money import Money
from tegula_market.model import Wei

NOTHING = Wei(0)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a job stands."""

    step: str
    """What is being done, for people: "uploading the scene"."""
    done: int = 0
    """Accepted tiles."""
    tiles: int = 0
    """0 while there is nothing to count."""
    price: Wei = NOTHING
    """What the accepted tiles cost."""
    budget: Wei = NOTHING
    since: float | None = None
    """`time.monotonic` when the first tile was seen to be leased."""


Tell = Callable[[Standing], None]


@contextmanager
def shown(console: Console, money: Money, *, quiet: bool = False) -> Iterator[Tell]:
    """A function that shows each standing that it is given."""
    if quiet:
        yield lambda _: None
    elif console.is_terminal:
        with _bar(console) as bar:
            yield _on_terminal(bar, money)
    else:
        yield _line_by_line(console, money)


def seconds_left(standing: Standing, now: float) -> float | None:
    """By the pace so far; None before a tile is accepted."""
    if standing.done == 0 or standing.since is None:
        return None
    return (now - standing.since) / standing.done * (standing.tiles - standing.done)


def duration(seconds: float) -> str:
    """Like 8 s, 3:05 min or 2:00:09 h."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} h" if hours else f"{minutes}:{rest:02} min"


def _bar(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[figures]}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )


def _on_terminal(bar: Progress, money: Money) -> Tell:
    task = bar.add_task("starting", total=None, figures="")

    def tell(standing: Standing) -> None:
        total = standing.tiles or None
        bar.update(
            task,
            description=standing.step,
            total=total,
            completed=standing.done,
            figures=_figures(standing, money),
        )

    return tell


def _line_by_line(console: Console, money: Money) -> Tell:
    """One line whenever the step changes or another tenth of the tiles is accepted."""
    last: tuple[str, int] = ("", -1)

    def tell(standing: Standing) -> None:
        nonlocal last
        tenth = standing.done * 10 // standing.tiles if standing.tiles else -1
        if (standing.step, tenth) != last:
            last = (standing.step, tenth)
            figures = _figures(standing, money)
            console.print(f"{standing.step}: {figures}" if figures else standing.step, highlight=False)

    return tell


def _figures(standing: Standing, money: Money) -> str:
    if not standing.tiles:
        return ""
    left = seconds_left(standing, time.monotonic())
    ending = f", {duration(left)} left" if left else ""
    spent = f"{money.text(standing.price)} of at most {money.text(standing.budget)}"
    return f"{standing.done}/{standing.tiles} tiles, {spent}{ending}"
