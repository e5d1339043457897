"""The coordinator's configuration: one TOML file, unknown keys refused, secrets only by file path."""

import dataclasses
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from tegula_market.model import ETHER, MAX_FEE_PER_GAS, NOBODY, Address, TegulaError, WorkerId

LOGS = "text", "json"
SQLITE = "sqlite:///"
PUBLIC = re.compile(r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?")
"""URLs that may stand in a message for wallets: without a user, a question, or letters spelled with %."""
MAY_BE_ZERO = frozenset({"drain_seconds", "keep_log_days"})


class ConfigError(TegulaError):
    """A configuration that cannot be used; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Config:
    """Each key with what it means, as `tegula-coordinator init` writes it beside the key."""

    rpc: Annotated[str, "JSON-RPC URL of the chain."]
    key_file: Annotated[Path, "Ethereum key that co-signs vouchers."]
    curve_key_file: Annotated[Path, "CURVE secret key that workers know this coordinator by."]
    tokens_file: Annotated[
        Path | None,
        "Requesters' bearer tokens that may do everything, one a line, of 16 characters or more;"
        " `tegula-coordinator token` makes others.",
    ] = None
    escrow: Annotated[
        Address, "The TileEscrow contract; 0 stands for the one that the address book has for the chain."
    ] = ETHER
    currency: Annotated[
        Address,
        "ERC-20 token, of the kind that takes signed deposits, in which deposits are relayed; 0 for none.",
    ] = ETHER
    arbiter: Annotated[
        Address,
        "Proposed to requesters as the one who decides disputes about roots; 0 proposes none.",
    ] = NOBODY
    max_fee_per_gas: Annotated[
        int, "Most wei to pay for a unit of gas when a deposit, a close or a root is sent."
    ] = MAX_FEE_PER_GAS
    data: Annotated[Path, "Folder for the database, the blobs, evidence and transactions under way."] = Path(
        "tegula-coordinator"
    )
    database: Annotated[
        str, "sqlite:///FILE or postgresql://USER@HOST/NAME; empty for an SQLite file in data."
    ] = ""
    blobs: Annotated[str, "s3://BUCKET/PREFIX, or a folder; empty for one in data."] = ""
    s3_endpoint: Annotated[str, "URL of an S3-compatible store that is not Amazon's."] = ""
    s3_region: Annotated[str, "Its region."] = "us-east-1"
    s3_credentials_file: Annotated[
        Path | None,
        "Its keys, as the AWS command keeps them; without, the environment's or the machine's role.",
    ] = None
    http: Annotated[str, "Where HTTP is served; put TLS in front of it."] = "127.0.0.1:8700"
    router: Annotated[str, "Where workers dial."] = "tcp://127.0.0.1:8701"
    public_router: Annotated[
        str,
        "Where workers dial if that is not where the router is bound (address translation, a load balancer).",
    ] = ""
    public_http: Annotated[
        str,
        "URL that requesters know this coordinator by, as https://render.example.org; wallets show it.",
    ] = ""
    sign_in: Annotated[
        bool,
        "Lets in whoever signs with an Ethereum account, for jobs of that account; wants public_http.",
    ] = False
    sign_in_seconds: Annotated[float, "For which such an account is let in."] = 3600.0
    sign_in_requests: Annotated[int, "Most requests of such an account in a minute."] = 600
    sign_in_jobs: Annotated[int, "Most jobs of such an account that may be open at once."] = 4
    sign_in_upload_bytes: Annotated[int, "Most bytes that such an account may upload in a day."] = 16 << 30
    sign_in_all_upload_bytes: Annotated[
        int, "Most bytes of all such accounts together in a day: accounts cost nothing."
    ] = 64 << 30
    operator_token_file: Annotated[
        Path | None,
        "The operator's bearer token, of 16 characters or more; without it nobody is let into the dashboard.",
    ] = None
    metrics: Annotated[
        str, "Where Prometheus may scrape, HOST:PORT, without a password; empty for nowhere."
    ] = ""
    log: Annotated[str, "How the log is written: text, or json, one object a line."] = "text"
    explorer: Annotated[
        str,
        "Block explorer of the chain, whose transactions are at EXPLORER/tx/HASH; empty on a local chain.",
    ] = ""
    verifiers: Annotated[
        tuple[WorkerId, ...],
        "CURVE public keys of the workers whose probes are believed; without one, nothing is accepted.",
    ] = ()
    heartbeat_seconds: Annotated[float, "A worker silent for five of these is taken for gone."] = 2.0
    call_seconds: Annotated[float, "Time in which workers answer a call."] = 2.0
    lease_seconds: Annotated[float, "Longest time for one tile."] = 3600.0
    root_after_seconds: Annotated[
        float,
        "Silence of a requester that owes, until workers get a root; only where the terms have an arbiter.",
    ] = 3600.0
    drain_seconds: Annotated[
        float, "Longest wait at the end for tiles that are being rendered; 0 ends at once."
    ] = 30.0
    max_blob_bytes: Annotated[int, "Largest file."] = 4 << 30
    retention_days: Annotated[
        float, "For which blobs and evidence are kept once nothing of their job can be disputed any more."
    ] = 90.0
    keep_log_days: Annotated[
        float,
        "For which events stay in the log; older ones are cut behind a checkpoint of the book, which keeps"
        " what they amount to. 0 keeps all.",
    ] = 90.0

    @property
    def database_url(self) -> str:
        return self.database or f"{SQLITE}{self.data / 'book.db'}"


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
    config = Config(**{name: _value(name, kind(known[name]), raw[name], path) for name in raw})
    if config.sign_in and not config.public_http:
        raise ConfigError(f"{path}: sign_in wants public_http, the URL that wallets show to who signs in")
    if config.blobs and "://" not in config.blobs:
        config = dataclasses.replace(config, blobs=str(path.parent / config.blobs))
    if config.database.startswith(SQLITE):
        file, *options = config.database.removeprefix(SQLITE).split("?", maxsplit=1)
        url = "?".join((f"{SQLITE}{path.parent / file}", *options))
        config = dataclasses.replace(config, database=url)
    return config


def kind(key: "dataclasses.Field[Any]") -> Any:
    """Of a key's values, without what it means."""
    return get_args(key.type)[0] if get_origin(key.type) is Annotated else key.type


def meaning(key: "dataclasses.Field[Any]") -> str:
    return str(get_args(key.type)[1])


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
    if name == "public_http" and raw and not (isinstance(raw, str) and PUBLIC.fullmatch(raw)):
        raise ConfigError(f"{path}: public_http wants a URL like https://render.example.org, not {raw!r}")
    if name == "log" and raw not in LOGS:
        raise ConfigError(f"{path}: log wants one of {', '.join(LOGS)}, not {raw!r}")
    if kind is float and type(raw) in (int, float) and (raw > 0 or (raw == 0 and name in MAY_BE_ZERO)):
        return float(raw)
    if kind is int and type(raw) is int and raw < 1:
        raise ConfigError(f"{path}: {name} wants 1 or more, not {raw}")
    if kind in (int, str, bool) and type(raw) is kind:
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
