"""Looks at everything that a worker needs, one after the other; no fault hides another."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tegula_market.model import TegulaError
from tegula_worker import config as configuration
from tegula_worker import machine_checks, market_checks
from tegula_worker.config import Config, ConfigError
from tegula_worker.findings import Finding, fine, wrong

Check: TypeAlias = Callable[[Config], Finding | None]

CHECKS: Mapping[str, Check] = {
    "data folder": machine_checks.data_folder,
    "keys": machine_checks.keys,
    "sandbox": machine_checks.sandbox,
    "Blender": machine_checks.blender,
    "GPU driver": machine_checks.gpu_driver,
    "coordinator": market_checks.coordinator,
    "clock": market_checks.right_time,
    "chain": market_checks.payer,
    "gas": market_checks.gas,
}
WIDTH = 14
"""Of the name of a check."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Where the configuration comes from, as `config.load` takes it."""

    path: Path | None
    environment: Mapping[str, str]
    options: Mapping[str, Any]


def examine(asked: Asked, checks: Mapping[str, Check] | None = None) -> Iterator[Finding]:
    """Each finding as soon as it is there. Blocks; Blender alone takes a second or two."""
    config, finding = _configured(asked)
    yield finding
    for name, check in (CHECKS if checks is None else checks).items():
        found = _surely(name, check, config)
        if found is not None:
            yield found


def show(finding: Finding, console: Console) -> None:
    mark, style = ("OK", "green") if finding.ok else ("!!", "bold red")
    line = Table.grid(padding=(0, 1))
    for width in (len(mark), WIDTH, None):
        line.add_column(width=width, overflow="fold")
    line.add_row(Text(mark, style), finding.check, Text(finding.said))
    if finding.remedy:
        line.add_row("", "", Text(f"to do: {finding.remedy}", "yellow"))
    console.print(line)


def _configured(asked: Asked) -> tuple[Config, Finding]:
    """What the file says counts for the other checks even if a worker could not start with it."""
    config = Config()
    try:
        config = configuration.load(asked.path, asked.environment, asked.options)
        configuration.check_for_work(config)
    except ConfigError as error:
        return config, wrong("configuration", str(error))
    return config, fine("configuration", f"{asked.path or 'no file'}; a worker can start with it")


def _surely(name: str, check: Check, config: Config) -> Finding | None:
    try:
        return check(config)
    except TegulaError as error:  # its sentence says what to do
        return wrong(name, str(error))
    except OSError as error:
        return wrong(name, f"the system says: {error}")
