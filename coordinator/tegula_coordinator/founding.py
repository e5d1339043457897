"""What a new coordinator begins with: keys, tokens and a configuration in which every key is explained."""

import dataclasses
import json
import os
import secrets
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tegula_coordinator.config import Config, ConfigError, meaning
from tegula_market import codec
from tegula_market.adapters import signing, wire
from tegula_market.model import Address

CONFIG = "coordinator.toml"
KEYS = {
    "key_file": "coordinator.key",
    "curve_key_file": "curve.key",
    "tokens_file": "tokens",
    "operator_token_file": "operator.token",
}
"""File names by the key of the configuration that names them."""
DATA = "data"
WIDTH = 100
HEAD = """\
# A coordinator's configuration. Paths are relative to this file.
# A key behind a # has its default; take the # away to change it.
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Founded:
    coordinator: Address
    """Which co-signs vouchers; deposits are relayed and roots are posted with its ether."""
    curve_key: bytes


def keys(folder: Path) -> Founded:
    """Makes the files of KEYS in the folder, for the operator alone to read.

    Raises:
        ConfigError, UnusableKey: one is there already, and nothing was made; or it cannot be written.
    """
    _over_nothing(folder, KEYS.values())
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot make the folder {folder}: {error.strerror}") from error
    curve = wire.CurveKeys.generate()
    _write_new(folder / KEYS["curve_key_file"], curve.secret.hex())
    key = signing.create_key(folder / KEYS["key_file"])
    _write_new(folder / KEYS["tokens_file"], secrets.token_urlsafe(24))
    _write_new(folder / KEYS["operator_token_file"], secrets.token_urlsafe(24))
    return Founded(key.address, curve.public)


def init(folder: Path, rpc: str) -> Founded:
    """All of it.

    Raises:
        ConfigError: something of it is there already, and nothing was made; or it cannot be written.
    """
    _over_nothing(folder, (CONFIG, *KEYS.values(), DATA))
    made = keys(folder)
    _write_new(folder / CONFIG, text({"rpc": rpc, "data": DATA, **KEYS}))
    return made


def _over_nothing(folder: Path, names: Iterable[str]) -> None:
    """Raises: ConfigError: one of them is there."""
    present = [name for name in names if (folder / name).exists()]
    if present:
        raise ConfigError(
            f"{folder} has {', '.join(present)} already, and nothing was made: choose another folder, or move"
            " away what is there"
        )


def text(chosen: Mapping[str, str]) -> str:
    """A configuration with every key, and what each means; those that are not chosen have their default."""
    return "\n".join((HEAD, *(_entry(key, chosen) for key in dataclasses.fields(Config))))


def _entry(key: "dataclasses.Field[Any]", chosen: Mapping[str, str]) -> str:
    lines = textwrap.wrap(meaning(key), WIDTH - 2, break_on_hyphens=False)  # commands stay whole
    said = "\n".join(f"# {line}" for line in lines)
    if key.name in chosen:
        return f"{said}\n{key.name} = {_toml(chosen[key.name])}\n"
    return f"{said}\n#{key.name} = {_toml(key.default)}\n"


def _toml(value: Any) -> str:
    match value:
        case None:
            return '"FILE"'
        case bytes():
            return _toml(codec.encode(value))
        case Path():
            return _toml(str(value))
        case tuple():
            return f"[{', '.join(map(_toml, value))}]"
        case _:
            return json.dumps(value)  # strings and numbers are spelled alike in TOML


def _write_new(path: Path, content: str) -> None:
    """Readable by its owner only, and never over an older one."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise ConfigError(f"{path} is there already; move it away if you want a new one") from error
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from error
    with os.fdopen(descriptor, "w") as file:
        file.write(content + "\n")
