"""Where the passphrase of the payout key comes from: a file, or the provider at a terminal."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import typer

from tegula_market.adapters.signing import UnusableKey

Source: TypeAlias = Callable[[bool], str | None]
"""Asked with whether it is for a new key; None if there is nobody to ask."""


def nowhere(_new: bool) -> None:
    """A program without a passphrase file and without a person."""


def of_file(path: Path | None) -> Source:
    """Raises, when asked: UnusableKey: not there, empty, or readable by others."""
    return nowhere if path is None else lambda _new: _read(path)


def of_file_or_terminal(path: Path | None) -> Source:
    return _ask if path is None and _is_terminal() else of_file(path)


def _read(path: Path) -> str:
    try:
        if path.stat().st_mode & 0o077:
            raise UnusableKey(f"{path} can be read by others; run: chmod 600 {path}")
        said = path.read_text().rstrip("\r\n")
    except OSError as error:
        raise UnusableKey(f"cannot read the passphrase file {path}: {error.strerror}") from error
    except UnicodeDecodeError:  # the cause is left out: it may quote the file
        raise UnusableKey(f"the passphrase file {path} is not text; write one line into it") from None
    if not said:
        raise UnusableKey(f"the passphrase file {path} is empty; write one line into it")
    return said


def _ask(new: bool) -> str:
    prompt = "new passphrase for the payout key" if new else "passphrase of the payout key"
    said: str = typer.prompt(prompt, hide_input=True, confirmation_prompt=new, err=True)
    return said


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()
