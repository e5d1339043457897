"""What a person sees: progress while a job runs, a table when it has ended, a sentence when it has not."""

import signal
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

import typer
from rich.console import Console
from rich.markup import escape

from tegula import progress
from tegula.outcome import Outcome
from tegula.render import Show
from tegula.run import JobFailed
from tegula_blender.money import Money
from tegula_blender.session.accounts import Disputed
from tegula_blender.session.standing import Tell, duration
from tegula_blender.session.stitching import MismatchedTile
from tegula_market.model import TegulaError

INTERRUPTED = 130
"""128 + SIGINT, as shells report it."""
NOT_THE_INPUTS_FAULT = (Disputed, JobFailed, MismatchedTile)


def show(*, quiet: bool) -> Show:
    console = Console(stderr=True)

    def shown(money: Money) -> AbstractContextManager[Tell]:
        return progress.shown(console, money, quiet=quiet)

    return shown


def say(sentence: str, *, quiet: bool) -> None:
    if not quiet:
        typer.echo(sentence, err=True)


@contextmanager
def explained() -> Iterator[None]:
    """One sentence instead of a traceback for whatever the artist can put right. SIGTERM is as Ctrl-C."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except TegulaError as error:
        _complain(str(error), error)
        raise typer.Exit(1 if isinstance(error, NOT_THE_INPUTS_FAULT) else 2) from None
    except KeyboardInterrupt as error:
        _complain("cancelled", error)
        raise typer.Exit(INTERRUPTED) from None
    finally:
        signal.signal(signal.SIGTERM, before)


def summarise(outcome: Outcome, folder: str) -> None:
    price, money = outcome.view.clearing_price, outcome.money
    rows = {
        "tiles": str(len(outcome.tiles)),
        "clearing price": f"{money.text(price)} a megasample" if price is not None else "none",
        "paid": money.text(outcome.paid) + _unclaimed(outcome),
        "refunded": money.text(outcome.refund),
        "time": duration(outcome.seconds["total"]),
        "files": f"{folder}: {_names(outcome)}",
    }
    tell(rows)


def tell(rows: Mapping[str, str]) -> None:
    console = Console(highlight=False)
    for name, value in rows.items():
        console.print(f"[dim]{name:<15}[/dim]{escape(value)}", soft_wrap=True)


def _names(outcome: Outcome) -> str:
    first, last = outcome.frames[0], outcome.frames[-1]
    exr = first.exr if first == last else f"{first.exr} … {last.exr}"
    png = first.png if first == last else f"{first.png} … {last.png}"
    return f"{exr}, {png}, report.html, report.json"


def _unclaimed(outcome: Outcome) -> str:
    waiting = sum(payment.amount for payment in outcome.payments if payment.tx is None)
    return f" ({outcome.money.text(waiting)} of it not claimed by workers yet)" if waiting else ""


def _complain(sentence: str, error: BaseException) -> None:
    for line in (sentence, *getattr(error, "__notes__", ())):
        typer.echo(f"tegula: {line}", err=True)
