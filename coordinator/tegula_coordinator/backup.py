"""Backups: everything a coordinator has to go on elsewhere but its keys, in one tar file.

Made while it serves. The order makes it consistent: how far the escrow was watched comes before the book,
since what is seen twice does no harm; the book comes before evidence, and evidence before blobs, since each
speaks of what was on the disk before it. What lies in a database server or a bucket is theirs to back up.
"""

import hashlib
import io
import os
import sqlite3
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO

from tegula_coordinator import depot
from tegula_coordinator.blobs import IS_BLOB
from tegula_coordinator.config import Config
from tegula_coordinator.store import file_of
from tegula_market import codec
from tegula_market.adapters import durable
from tegula_market.digests import SIZE
from tegula_market.model import Digest, TegulaError

CONTENTS, BOOK, EVIDENCE, BLOBS = "contents.json", "book.db", "evidence", "blobs"
WATCHED, OUTBOX = "events.db", "outbox.db"
"""In `data`: how far the escrow was watched, and transactions under way."""


class NoBackup(TegulaError):
    """A backup cannot be made, or used; the message says why, and nothing was changed."""


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    size: int
    digest: Digest


@dataclass(frozen=True, slots=True)
class Contents:
    at: float
    """Unix seconds."""
    version: str
    book: bool
    """Whether the database is in it: not, if it is a server's."""
    blobs: bool
    """Whether they are: not, if they are in a bucket."""
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Places:
    """Where what a backup holds lies on this machine."""

    data: Path
    book: Path | None
    """None for a database server's."""
    blobs: Path | None
    """None for a bucket's."""

    @classmethod
    def of(cls, config: Config) -> "Places":
        blobs = depot.where(config).place
        bucket = blobs.startswith("s3://")
        return cls(config.data, file_of(config.database_url), None if bucket else Path(blobs))


def make(places: Places, target: Path) -> Contents:
    """
    Raises:
        NoBackup: the file is there already or cannot be written, or there is no book to back up.
    """
    if target.exists():
        raise NoBackup(f"{target} is there already; name a new file")
    if places.book is not None and not places.book.exists():
        raise NoBackup(f"there is no database {places.book}; has this coordinator ever served?")
    partial = target.with_name(f"{target.name}.partial")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            with tarfile.open(fileobj=file, mode="w|") as tar:
                contents = _fill(tar, places, target.parent)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(target)
        durable.settle(target.parent)
    except (OSError, sqlite3.Error) as error:
        raise NoBackup(f"cannot write the backup {target}: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return contents


def _fill(tar: tarfile.TarFile, places: Places, scratch: Path) -> Contents:
    parts = [
        *(_database(tar, places.data / name, name, scratch) for name in (WATCHED, OUTBOX)),
        None if places.book is None else _database(tar, places.book, BOOK, scratch),
        *(_file(tar, path, name) for path, name in _evidence(places.data / EVIDENCE)),
        *(_blob(tar, path) for path in _blobs(places.blobs)),
    ]
    there = tuple(part for part in parts if part is not None)
    told = Contents(
        time.time(),
        version("tegula-coordinator"),
        places.book is not None,
        places.blobs is not None,
        there,
    )
    said = codec.dumps(told)
    tar.addfile(_entry(CONTENTS, len(said)), io.BytesIO(said))
    return told


def _database(tar: tarfile.TarFile, path: Path, name: str, scratch: Path) -> Part | None:
    """A copy as it is at one moment, whoever writes to it meanwhile."""
    if not path.exists():
        return None
    with tempfile.NamedTemporaryFile(dir=scratch, prefix=".backup-") as copy:
        with (
            closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as source,
            closing(sqlite3.connect(copy.name)) as target,
        ):
            source.backup(target)
        return _file(tar, Path(copy.name), name)


def _evidence(folder: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(folder.glob("*/*.json")):
        yield path, f"{EVIDENCE}/{path.parent.name}/{path.name}"


def _blobs(folder: Path | None) -> Iterator[Path]:
    for path in sorted(folder.glob("[0-9a-f][0-9a-f]/*") if folder is not None else ()):
        if IS_BLOB.fullmatch(path.name):
            yield path


def _blob(tar: tarfile.TarFile, path: Path) -> Part | None:
    part = _file(tar, path, f"{BLOBS}/{path.name}")
    if part is not None and part.digest.hex() != path.name:
        raise NoBackup(
            f"the blob {path} is not what its name says: the disk has spoilt it; look at the disk, and move"
            " the file away"
        )
    return part


def _file(tar: tarfile.TarFile, path: Path, name: str) -> Part | None:
    """None if it has gone since it was listed: it was swept, and nothing needs it."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        read = _Reading(file, os.fstat(file.fileno()).st_size)
        tar.addfile(_entry(name, read.size), read)
        return Part(name, read.size, read.digest())
    return None


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, 0o600, int(time.time())
    return entry


class _Reading:
    """A file of which the digest is known once it was read."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self.size = file, size
        self._hash = hashlib.blake2b(digest_size=SIZE)

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(size)
        self._hash.update(data)
        return data

    def digest(self) -> Digest:
        return Digest(self._hash.digest())
