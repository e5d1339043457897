"""The operator's commands to a coordinator that serves: they ask it over HTTP."""

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, RenderableType
from rich.live import Live

from tegula_coordinator import config, operating_view, status_view
from tegula_coordinator.client import Client, Denied
from tegula_coordinator.dashboard.operating import Bans, Prices
from tegula_coordinator.dashboard.overview import Overview
from tegula_market import codec
from tegula_market.adapters.sentences import explained
from tegula_market.model import WorkerId

app = typer.Typer()

STATUS, BANS, PRICES = "/v1/operator/status", "/v1/operator/bans", "/v1/operator/prices"
STATUS_SECONDS = 2.0
LEAST_DIGITS = 8
"""Of a key that is not spelled out: as many as nobody else here is likely to have."""
KEY_DIGITS = 64

ConfigFile = Annotated[Path, typer.Option("--config", help="TOML file")]
Url = Annotated[str | None, typer.Option(help="where it serves, if not where the configuration says")]
AsJson = Annotated[bool, typer.Option("--json", help="for programs; amounts are strings")]
Worker = Annotated[str, typer.Argument(help="its key, or the first digits of it")]


@app.command()
def status(
    config_file: ConfigFile,
    url: Url = None,
    once: Annotated[bool, typer.Option("--once", help="print it and end")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what the coordinator that serves does, and why what waits does so. Ctrl-C ends the view only."""
    with explained("tegula-coordinator"):
        asked = _client(config_file, url)
        if as_json:
            typer.echo(json.dumps(asked.get(STATUS)))
        elif once:
            _print(_status(asked))
        else:
            _watch(asked)


@app.command()
def ban(
    config_file: ConfigFile,
    worker: Worker,
    reason: Annotated[str, typer.Option(help="one line; the worker is told")],
    url: Url = None,
) -> None:
    """Work with a worker no more: what it renders goes to others, what it has earned it keeps."""
    with explained("tegula-coordinator"):
        asked = _client(config_file, url)
        asked.post(BANS, {"worker": _key(worker, _online(asked)), "reason": reason})


@app.command()
def unban(config_file: ConfigFile, worker: Worker, url: Url = None) -> None:
    """Let a banned worker in again."""
    with explained("tegula-coordinator"):
        asked = _client(config_file, url)
        asked.post(f"{BANS}/lift", {"worker": _key(worker, _banned(asked))})


@app.command()
def bans(config_file: ConfigFile, url: Url = None, as_json: AsJson = False) -> None:
    """Show who is banned, since when and why."""
    with explained("tegula-coordinator"):
        told = _client(config_file, url).get(BANS)
        if as_json:
            typer.echo(json.dumps(told))
        else:
            _print(operating_view.bans(codec.decode(Bans, told), time.time()))


@app.command()
def price(config_file: ConfigFile, url: Url = None, as_json: AsJson = False) -> None:
    """Show what a megasample costs now on each kind of device, and what it did in a day."""
    with explained("tegula-coordinator"):
        told = _client(config_file, url).get(PRICES)
        if as_json:
            typer.echo(json.dumps(told))
        else:
            _print(operating_view.prices(codec.decode(Prices, told), time.time()))


def _client(config_file: Path, url: str | None) -> Client:
    return Client.of(config.load(config_file), url)


def _status(asked: Client) -> RenderableType:
    return status_view.view(codec.decode(Overview, asked.get(STATUS)))


def _watch(asked: Client) -> None:
    console = Console(highlight=False)
    with suppress(KeyboardInterrupt), Live(_status(asked), console=console, screen=True) as live:
        while True:
            time.sleep(STATUS_SECONDS)
            live.update(_status(asked), refresh=True)


def _print(shown: RenderableType) -> None:
    Console(highlight=False).print(shown)


def _online(asked: Client) -> list[WorkerId]:
    return [line.key for line in codec.decode(Overview, asked.get(STATUS)).workers]


def _banned(asked: Client) -> list[WorkerId]:
    return [each.worker for each in codec.decode(Bans, asked.get(BANS)).bans]


def _key(given: str, known: list[WorkerId]) -> str:
    """Spelled out.

    Raises:
        Denied: the digits are no worker's of these, or several ones'.
    """
    digits = given.lower().removeprefix("0x")
    if len(digits) >= KEY_DIGITS:
        return f"0x{digits}"
    found = [key for key in known if key.hex().startswith(digits)]
    if len(digits) < LEAST_DIGITS or len(found) != 1:
        raise Denied(
            f"{given} fits {len(found)} workers; want {LEAST_DIGITS} digits or more of one that is there, or"
            f" all {KEY_DIGITS}: status --json has them"
        )
    return codec.encode(found[0])  # type: ignore[no-any-return]
