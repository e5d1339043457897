"""Progress of a job for people: a bar on a terminal, one line a step elsewhere. Always to stderr."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from tegula_blender.money import Money
from tegula_blender.session.standing import Standing, Tell, duration, seconds_left, waits


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
    """One line whenever the step changes, the price that is waited for, or another tenth of the tiles is
    accepted."""
    last: tuple[str, int, int | None] = ("", -1, None)

    def tell(standing: Standing) -> None:
        nonlocal last
        tenth = standing.done * 10 // standing.tiles if standing.tiles else -1
        if (standing.step, tenth, standing.lowest) != last:
            last = (standing.step, tenth, standing.lowest)
            figures = _figures(standing, money)
            line = f"{standing.step}: {figures}" if figures else standing.step
            console.print(line, highlight=False, soft_wrap=True)

    return tell


def _figures(standing: Standing, money: Money) -> str:
    if not standing.tiles:
        return ""
    if dear := waits(standing, money):
        return f"{standing.done}/{standing.tiles} tiles; {dear}"
    left = seconds_left(standing, time.monotonic())
    ending = f", {duration(left)} left" if left else ""
    spent = f"{money.text(standing.price)} of at most {money.text(standing.budget)}"
    return f"{standing.done}/{standing.tiles} tiles, {spent}{ending}"
