"""The coordinator's configuration: one TOML file, unknown keys refused, secrets only by file path."""

import dataclasses
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tegula_market.model import ETHER, MAX_FEE_PER_GAS, NOBODY, Address, TegulaError, WorkerId


class ConfigError(TegulaError):
    """A configuration that cannot be used; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Config:
    rpc: str
    """JSON-RPC URL of the chain."""
    key_file: Path
    """Ethereum key that co-signs vouchers."""
    curve_key_file: Path
    """CURVE secret key that workers know this coordinator by."""
    tokens_file: Path
    """Requesters' bearer tokens, one a line."""
    escrow: Address = ETHER
    """The TileEscrow contract; if it is not named, the one that the address book has for the chain."""
    currency: Address = ETHER
    """ERC-20 token, of the kind that takes signed deposits, in which deposits are relayed; ETHER for none."""
    arbiter: Address = NOBODY
    """Proposed to requesters as the one who decides disputes about roots; NOBODY proposes none."""
    max_fee_per_gas: int = MAX_FEE_PER_GAS
    """Most wei to pay for a unit of gas when a deposit or a close is relayed."""
    data: Path = Path("tegula-coordinator")
    """Folder for the database, the blobs, evidence and transactions under way."""
    database: str = ""
    """sqlite:///FILE or postgresql://USER@HOST/NAME; by default an SQLite file in `data`."""
    blobs: str = ""
    """s3://BUCKET/PREFIX, or a folder; by default one in `data`."""
    s3_endpoint: str = ""
    """URL of an S3-compatible store that is not Amazon's."""
    s3_region: str = "us-east-1"
    s3_credentials_file: Path | None = None
    """As the AWS command keeps them; without, the environment's or the machine's role."""
    http: str = "127.0.0.1:8700"
    router: str = "tcp://127.0.0.1:8701"
    public_router: str = ""
    """Where workers dial if that is not where the router is bound (address translation, a load balancer)."""
    operator_token_file: Path | None = None
    """The operator's bearer token, for the dashboard; without it nobody is let in there."""
    explorer: str = ""
    """Block explorer of the chain, whose transactions are at EXPLORER/tx/HASH; empty on a local chain."""
    verifiers: tuple[WorkerId, ...] = ()
    """CURVE public keys of the workers whose probes are believed."""
    heartbeat_seconds: float = 2.0
    call_seconds: float = 2.0
    """Time in which workers answer a call."""
    lease_seconds: float = 3600.0
    root_after_seconds: float = 3600.0
    """Silence of a requester that owes, until workers get a root; only where the terms have an arbiter."""
    max_blob_bytes: int = 4 << 30
    retention_days: float = 90.0
    """For which blobs and evidence are kept once nothing of their job can be disputed any more."""

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.data / 'book.db'}"


def load(path: Path) -> Config:
    """Reads the file; relative paths in it are relative to its folder.

    Raises:
        ConfigError: not there, not TOML, an unknown or missing key, a value of the wrong kind.
    """
    try:
        raw = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
    known = {f.name: f for f in dataclasses.fields(Config)}
    unknown = raw.keys() - known.keys()
    if unknown:
        raise ConfigError(f"{path}: unknown keys {', '.join(sorted(unknown))}; known are {', '.join(known)}")
    missing = [name for name, f in known.items() if f.default is dataclasses.MISSING and name not in raw]
    if missing:
        raise ConfigError(f"{path}: add the keys {', '.join(missing)}")
    config = Config(**{name: _value(name, known[name].type, raw[name], path) for name in raw})
    if config.blobs and "://" not in config.blobs:
        return dataclasses.replace(config, blobs=str(path.parent / config.blobs))
    return config


def _value(name: str, kind: Any, raw: Any, path: Path) -> Any:
    """Tests of exact types: TOML's own are meant, and bool is an int to isinstance."""
    if kind in (Path, Path | None) and isinstance(raw, str):
        return path.parent / raw
    if kind is Address and isinstance(raw, str):
        return Address(_hex(name, raw, 20, path))
    if name == "verifiers" and isinstance(raw, list) and all(isinstance(key, str) for key in raw):
        return tuple(WorkerId(_hex(name, key, 32, path)) for key in raw)
    if name == "explorer" and raw and not (isinstance(raw, str) and raw.startswith(("https://", "http://"))):
        raise ConfigError(f"{path}: explorer wants a URL like https://etherscan.io, not {raw!r}")
    if kind is float and type(raw) in (int, float) and raw > 0:
        return float(raw)
    if kind in (int, str) and type(raw) is kind:
        return raw
    raise ConfigError(f"{path}: {name} has a value of the wrong kind: {raw!r}")


def _hex(name: str, raw: str, length: int, path: Path) -> bytes:
    try:
        value = bytes.fromhex(raw.removeprefix("0x"))
    except ValueError as error:
        raise ConfigError(f"{path}: {name} wants hex digits, not {raw!r}") from error
    if len(value) != length:
        raise ConfigError(f"{path}: {name} wants {length} bytes of hex, not {len(value)}")
    return value
