"""The worker's configuration. What the command line says goes before the environment, then the file.

The environment spells a key as TEGULA_WORKER_KEY. Secrets are never in here, only the folder they lie in.
"""

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from tegula_market.model import ETHER, Address, TegulaError, Wei
from tegula_worker.devices import AUTO
from tegula_worker.replies import Device

Wishes: TypeAlias = tuple[str, ...]
PREFIX = "TEGULA_WORKER_"
NO_PRICE = Wei(0)


class ConfigError(TegulaError):
    """A configuration that cannot be used; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Config:
    coordinator: str = ""
    """URL of its HTTP side."""
    rpc: str = ""
    """JSON-RPC URL of the chain; a verifier earns nothing and needs none."""
    price: Wei = NO_PRICE
    """Token units asked for a megasample."""
    data: Path = Path("tegula-worker")
    """Folder for keys, scenes, and what is not paid yet."""
    blender: Path | None = None
    """Blender program; None is the bpy module of this Python."""
    device: Wishes = (Device.CPU.value,)
    """What is rendered on: "auto", kinds of devices, ids of single ones."""
    verifier: bool = False
    slots: int = 2
    """Units taken at a time for each device. Its renders take turns; with two, the next one runs while an
    image goes up, and the next scene is fetched while a tile renders."""
    token: Address = ETHER
    """The only token worked for."""
    escrow: Address | None = None
    """If set, the only escrow contract believed."""
    notice_seconds: int = 60
    """A job whose deadline is nearer than this is not asked for."""
    grace_seconds: int = 600
    """Least time after the deadline in which vouchers can still be claimed."""
    max_scene_bytes: int = 32 << 30
    warm_bytes: int | None = None
    """Memory that scenes may keep between tiles, all in all; None is half of the machine's."""


def load(path: Path | None, environment: Mapping[str, str], options: Mapping[str, Any]) -> Config:
    """
    Args:
        options: what the command line says; None where it says nothing.

    Raises:
        ConfigError: not there, not TOML, a key unknown or missing, a value that makes no sense.
    """
    raw = _of_file(path) if path is not None else {}
    raw |= {k.removeprefix(PREFIX).lower(): v for k, v in environment.items() if k.startswith(PREFIX)}
    raw |= {name: value for name, value in options.items() if value is not None}
    known = {field.name: field.type for field in dataclasses.fields(Config)}
    unknown = raw.keys() - known.keys()
    if unknown:
        raise ConfigError(f"unknown keys {', '.join(sorted(unknown))}; known are {', '.join(known)}")
    config = Config(**{name: _value(name, known[name], value) for name, value in raw.items()})
    if not 1 <= config.slots <= 64:
        raise ConfigError(f"slots: choose 1 to 64, not {config.slots}")
    amounts = (config.notice_seconds, config.grace_seconds, config.max_scene_bytes, config.warm_bytes or 0)
    if min(*amounts, config.price) < 0:
        raise ConfigError(
            "price, notice_seconds, grace_seconds, max_scene_bytes and warm_bytes cannot be negative"
        )
    return config


def check_for_work(config: Config) -> None:
    """Raises: ConfigError: a worker cannot run with this; money earned can be claimed with less."""
    if not config.coordinator:
        raise ConfigError("name a coordinator: --coordinator URL")
    if config.price == 0 and not config.verifier:
        raise ConfigError("name a price above 0: --price TOKEN_UNITS (for a megasample)")
    if not config.rpc and not config.verifier:
        raise ConfigError("name the chain that pays: --rpc URL")


def _of_file(path: Path) -> dict[str, Any]:
    try:
        raw = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
    for name in ("data", "blender"):  # relative to the file, wherever the worker is started
        if isinstance(raw.get(name), str):
            raw[name] = path.parent / raw[name]
    return raw


def _value(name: str, kind: Any, raw: Any) -> Any:
    """The value as the field wants it; the environment has only text."""
    try:
        if kind is bool:
            return _bool(raw)
        if kind in (int, Wei, int | None):
            return _int(raw)
        if kind in (Address, Address | None):
            return _address(raw)
        if kind in (Path, Path | None):
            return Path(raw).expanduser()
        if kind is Wishes:
            return _wishes(raw)
        if isinstance(raw, str):
            return raw
    except (AttributeError, TypeError, ValueError) as error:
        raise ConfigError(f"{name} cannot be {raw!r}: {error}") from error
    raise ConfigError(f"{name} cannot be {raw!r}")


def _bool(raw: Any) -> bool:
    value = {"true": True, "false": False}.get(str(raw).lower())
    if value is None:
        raise ValueError("choose true or false")
    return value


def _wishes(raw: Any) -> Wishes:
    """A list, or text with commas; kinds in capitals, ids as they are."""
    wishes = [str(each).strip() for each in (raw.split(",") if isinstance(raw, str) else raw)]
    for wish in wishes:
        if wish.upper() not in {AUTO, *Device} and not wish.startswith(tuple(f"{kind}_" for kind in Device)):
            raise ValueError(f"choose auto, {', '.join(Device)}, or the id of a device (tegula-worker bench)")
    return tuple(wish.upper() if wish.upper() in {AUTO, *Device} else wish for wish in wishes)


def _int(raw: Any) -> int:
    if isinstance(raw, bool | float):
        raise TypeError("want a whole number")
    return int(raw)


def _address(raw: str) -> Address:
    value = bytes.fromhex(raw.removeprefix("0x"))
    if len(value) != 20:
        raise ValueError("want 20 bytes of hex")
    return Address(value)
