"""The worker's configuration. What the command line says goes before the environment, then the file.

The environment spells a key as TEGULA_WORKER_KEY; tables are in the file only. Secrets are never in here,
only the names of their files.
"""

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias, get_type_hints

from tegula_market.model import ETHER, MAX_FEE_PER_GAS, Address, Wei
from tegula_worker import pricing, tables
from tegula_worker.devices import AUTO
from tegula_worker.pauses import Hours, Limits, Owner
from tegula_worker.pricing import Pricing
from tegula_worker.replies import Device
from tegula_worker.sandbox import Isolation
from tegula_worker.tables import ConfigError

__all__ = ["Config", "ConfigError", "check_for_work", "load"]

Wishes: TypeAlias = tuple[str, ...]
PREFIX = "TEGULA_WORKER_"
LEAST_MEMORY = 1 << 30
NO_PRICE = Wei(0)
PATHS = ("data", "blender", "passphrase_file")


@dataclass(frozen=True, slots=True)
class Parties:
    """Of a list to allow, an empty one allows all."""

    coordinators: tuple[Address, ...] = ()
    """By the key that co-signs vouchers."""
    requesters: tuple[Address, ...] = ()
    tokens: tuple[Address, ...] = ()
    arbiters: tuple[Address, ...] = ()
    """Of terms that have one."""


ALWAYS, NOBODY, NO_LIMITS, NO_PARTIES = Hours(), Owner(), Limits(), Parties()


@dataclass(frozen=True, slots=True)
class Config:
    coordinator: str = ""
    """URL of its HTTP side."""
    rpc: str = ""
    """JSON-RPC URL of the chain; a verifier earns nothing and needs none."""
    price: Wei = NO_PRICE
    """Token units asked for a megasample; in TOML also a table, which is then in `pricing`."""
    data: Path = Path("tegula-worker")
    """Folder for keys, scenes, and what is not paid yet."""
    passphrase_file: Path | None = None
    """Holds the payout key's passphrase in one line; None asks at a terminal."""
    blender: Path | None = None
    """Blender program; None is the bpy module of this Python."""
    device: Wishes = (Device.CPU.value,)
    """What is rendered on: "auto", kinds of devices, ids of single ones."""
    verifier: bool = False
    slots: int = 2
    """Units taken at a time for each device. Its renders take turns; with two, the next one runs while an
    image goes up, and the next scene is fetched while a tile renders."""
    token: Address = ETHER
    """The token worked for; in [allow] tokens there can be others of the same worth."""
    escrow: Address | None = None
    """If set, the only escrow contract believed."""
    notice_seconds: int = 60
    """A job whose deadline is nearer than this is not asked for."""
    grace_seconds: int = 600
    """Least time after the deadline in which vouchers can still be claimed."""
    want_arbiter: bool = False
    """Whether jobs without an arbiter, which have no roots, are declined."""
    least_window_seconds: int = 3600
    """In which a root can be disputed, at least; else a coordinator could give the deposit to anybody."""
    most_window_seconds: int = 7 * 86_400
    """For which a root is waited for."""
    author_percent: int = 0
    """Most of each payment that may be an author's."""
    holdback_tiles: int = 256
    """Worth of tiles of a job that may be accepted and neither vouchered nor rooted; 0 is any."""
    max_scene_bytes: int = 32 << 30
    warm_bytes: int | None = None
    """Memory that scenes may keep between tiles, all in all; None is half of the machine's."""
    sandbox: Isolation = Isolation.BUBBLEWRAP
    """What renders run in. There are three phrases, of which two say what they risk."""
    memory_bytes: int = 0
    """What all renders may hold together; 0 is three quarters of this machine's memory. Needs the sandbox."""
    render_seconds: int = 3600
    """What takes longer is given up: loading a scene and rendering a tile of it."""
    claim_fee_share: int = 5
    """Percent of a claim that its fee may be; 0 is any."""
    ether_price: Wei | None = None
    """What an ether is worth in units of the token, so that fee and claim can be compared."""
    receive: Address | None = None
    """Where what was claimed is sent on to; None leaves it with the payout key."""
    gas_reserve: Wei = Wei(10**16)  # noqa: RUF009 a NewType's call is the number itself
    """Ether that stays with the payout key for fees, in wei."""
    max_fee_per_gas: Wei = MAX_FEE_PER_GAS
    """Most wei to pay for a unit of gas; above it nothing is sent."""
    metrics: str = ""
    """HOST:PORT where Prometheus can scrape; empty is nowhere."""
    hours: Hours = ALWAYS
    owner: Owner = NOBODY
    limits: Limits = NO_LIMITS
    allow: Parties = NO_PARTIES
    block: Parties = NO_PARTIES
    pricing: Pricing | None = None
    """Rules, if `price` is a table."""

    @property
    def kinds(self) -> tuple[Device, ...]:
        """Of the devices that are wished for by kind or id, which begins with it."""
        wishes = (wish for wish in self.device if wish != AUTO)
        return tuple(dict.fromkeys(Device(wish.partition("_")[0]) for wish in wishes))

    @property
    def prices(self) -> Pricing:
        return self.pricing or Pricing(self.price)

    def worth_of_ether(self, token: Address) -> int | None:
        """In units of the token; None if nobody has said."""
        if token == ETHER:
            return 10**18
        return self.ether_price if token in (self.token, *self.allow.tokens) else None


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
    hints = get_type_hints(Config)
    tables.refuse_unknown(raw, [f.name for f in dataclasses.fields(Config) if f.name != "pricing"])
    rules = (
        tables.table(Pricing, raw.pop("price"), "price") if isinstance(raw.get("price"), Mapping) else None
    )
    config = Config(**{name: tables.value(name, hints[name], value) for name, value in raw.items()})
    price = rules.base if rules else config.price
    config = replace(config, pricing=rules, price=price, device=_wishes(config.device))
    _check(config)
    return config


def _check(config: Config) -> None:
    if not 1 <= config.slots <= 64:
        raise ConfigError(f"slots: choose 1 to 64, not {config.slots}")
    for name in (
        "price",
        "notice_seconds",
        "grace_seconds",
        "least_window_seconds",
        "most_window_seconds",
        "author_percent",
        "holdback_tiles",
        "max_scene_bytes",
        "warm_bytes",
        "claim_fee_share",
        "gas_reserve",
    ):
        if (getattr(config, name) or 0) < 0:
            raise ConfigError(f"{name} cannot be negative")
    if config.memory_bytes and config.memory_bytes < LEAST_MEMORY:
        raise ConfigError(f"memory_bytes: Blender needs {LEAST_MEMORY} at least, not {config.memory_bytes}")
    if config.render_seconds < 1:
        raise ConfigError(f"render_seconds: choose 1 or more, not {config.render_seconds}")
    host, _, port = config.metrics.rpartition(":")
    if config.metrics and not (host and port.isdecimal() and 0 < int(port) < 65_536):
        raise ConfigError(f'metrics: want HOST:PORT, e.g. "127.0.0.1:9101", not {config.metrics!r}')
    if config.max_fee_per_gas < 1:
        raise ConfigError("max_fee_per_gas: want wei for a unit of gas, above 0; leave it out for 200 gwei")
    if config.limits.free_bytes < 0:
        raise ConfigError("limits.free_bytes cannot be negative; 0 looks at no disk")
    if config.ether_price is not None and config.ether_price <= 0:
        raise ConfigError("ether_price: want what an ether is worth in units of the token, above 0")
    fault = pricing.fault(config.prices)
    if fault:
        raise ConfigError(f"price: {fault}")


def check_for_work(config: Config) -> None:
    """Raises: ConfigError: a worker cannot run with this; money earned can be claimed with less."""
    if not config.coordinator:
        raise ConfigError("name a coordinator: --coordinator URL")
    if not _priced(config) and not config.verifier:
        raise ConfigError("name a price above 0: --price TOKEN_UNITS (for a megasample)")
    if not config.rpc and not config.verifier:
        raise ConfigError("name the chain that pays: --rpc URL")


def _priced(config: Config) -> bool:
    """Whether there is a price for each kind of device that is wished for, as far as that is known."""
    prices = config.prices
    if AUTO in config.device:
        return bool(prices.base) or any(prices.devices.values())
    return all(prices.devices.get(kind, prices.base) for kind in config.kinds)


def _of_file(path: Path) -> dict[str, Any]:
    try:
        raw = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
    for name in PATHS:  # relative to the file, wherever the worker is started
        if isinstance(raw.get(name), str):
            raw[name] = path.parent / raw[name]
    return raw


def _wishes(raw: Wishes) -> Wishes:
    """Kinds in capitals, ids as they are; one text can name several, with commas."""
    wishes = [each.strip() for each in (raw[0].split(",") if len(raw) == 1 else raw)]
    for wish in wishes:
        if wish.upper() not in {AUTO, *Device} and not wish.startswith(tuple(f"{kind}_" for kind in Device)):
            known = f"auto, {', '.join(Device)}, or the id of a device (tegula-worker bench)"
            raise ConfigError(f"device cannot be {wish!r}: choose {known}")
    return tuple(wish.upper() if wish.upper() in {AUTO, *Device} else wish for wish in wishes)
