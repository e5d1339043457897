"""A running worker at one moment, as it leaves it in `status.json` of its data folder for others to read.

Replaced as a whole with every heartbeat, and not forced onto the disk: after a kill nobody needs it.
"""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tegula_market import codec
from tegula_market.codec import MalformedInput
from tegula_market.model import JobId, LeaseId, Wei

FILE = "status.json"


@dataclass(frozen=True, slots=True)
class DeviceState:
    name: str
    celsius: int | None
    """None where no sensor tells."""
    aside: str = ""
    """Why it is not used any more; empty while it is."""


@dataclass(frozen=True, slots=True)
class Working:
    """A tile, or a probe, that is rendered or waits for its turn."""

    lease: LeaseId
    since: int


@dataclass(frozen=True, slots=True)
class Standing:
    """An ask that stands."""

    job: JobId
    price: Wei


@dataclass(frozen=True, slots=True)
class Idle:
    """Why nothing is rendered: a code for programs, a sentence for people."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All times are Unix seconds."""

    pid: int
    since: int
    """The start of the worker."""
    at: int
    coordinator: str
    connected: bool
    blender: str
    verifier: bool
    devices: tuple[DeviceState, ...]
    working: tuple[Working, ...]
    unjudged: tuple[LeaseId, ...]
    """Rendered, and no verdict yet."""
    asks: tuple[Standing, ...]
    idle: Idle | None
    """None while something is rendered."""


def write(folder: Path, snapshot: Snapshot) -> None:
    """For this user's eyes only. Raises: OSError."""
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=f".{FILE}-")  # which nobody else can read
    partial = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(codec.dumps(snapshot))
        partial.replace(folder / FILE)
    finally:
        partial.unlink(missing_ok=True)


def read(folder: Path) -> Snapshot | None:
    """None if no worker of this version has left one."""
    try:
        return codec.loads(Snapshot, (folder / FILE).read_bytes())
    except (OSError, MalformedInput):
        return None
