"""Puts a backup in place, whole or not at all, where there is nothing of a coordinator but its keys."""

import hashlib
import os
import re
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tegula_coordinator.backup import (
    BLOBS,
    BOOK,
    CONTENTS,
    EVIDENCE,
    OUTBOX,
    WATCHED,
    Contents,
    NoBackup,
    Part,
    Places,
)
from tegula_coordinator.config import Config
from tegula_coordinator.store import quiet
from tegula_market import codec
from tegula_market.adapters import durable
from tegula_market.codec import MalformedInput
from tegula_market.digests import SIZE
from tegula_market.model import Digest

MAX_CONTENTS_BYTES = 1 << 30
"""A blob takes 150 of them."""
PIECE = 1 << 20
STATEMENT = re.compile(rf"{EVIDENCE}/([0-9a-f]{{64}})/([0-9]+-[0-9]+\.json)")
BLOB = re.compile(rf"{BLOBS}/([0-9a-f]{{64}})")
RESTORING = ".restoring"
OF_A_DATABASE = "", "-wal", "-shm", "-journal"
"""What SQLite takes for a part of the database that is put there: an older one's log is played into it."""


@dataclass(frozen=True, slots=True)
class _Move:
    """What is unpacked beside its place, and put there in the end."""

    source: Path
    target: Path


def restore(config: Config, source: Path) -> Contents:
    """
    Raises:
        NoBackup: something is there that it would be put over; or the file is no backup, is damaged, or does
            not fit the configuration.
        StoreError: a coordinator serves from the database.
    """
    places = Places.of(config)
    moves = _moves(places)
    _over_nothing(moves)
    try:
        with source.open("rb") as file, ExitStack() as stack:
            for move in moves:
                move.target.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(quiet(config.database_url))
            _over_nothing(moves)  # another restore may have come to its end meanwhile
            for move in moves:
                _remove(move.source)  # what a kill has left: whoever restores holds the lock
                stack.callback(_remove, move.source)
            contents = _unpack(file, places)
            _check(contents, places)
            os.sync()
            _all_there(contents, places)
            for move in moves:
                if move.source.exists():
                    _remove(move.target)  # an empty folder
                    move.source.replace(move.target)
                    durable.settle(move.target.parent)
    except OSError as error:
        raise NoBackup(f"cannot restore from {source}: {error}") from error
    return contents


def _moves(places: Places) -> list[_Move]:
    """The book last: until it is there, nothing is."""
    targets = [places.data / EVIDENCE, places.blobs, places.data / WATCHED, places.data / OUTBOX, places.book]
    return [_Move(_beside(target), target) for target in targets if target is not None]


def _beside(target: Path) -> Path:
    return target.with_name(target.name + RESTORING)


def _over_nothing(moves: list[_Move]) -> None:
    """Raises: NoBackup: something is there."""
    places = [move.target.with_name(move.target.name + suffix) for move in moves for suffix in OF_A_DATABASE]
    present = [str(place) for place in places if _holds(place)]
    if present:
        raise NoBackup(
            f"{', '.join(present)} is there already; a backup is put over nothing: move it away first"
        )


def _holds(path: Path) -> bool:
    """Empty folders are nothing: a coordinator that never served has made some."""
    if path.is_dir():
        return any(not each.is_dir() for each in path.rglob("*"))
    return path.exists()


def _remove(path: Path) -> None:
    """If it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _unpack(file: IO[bytes], places: Places) -> Contents:
    """Beside its places, each part compared with what the backup says of it."""
    found: set[Part] = set()
    try:
        with tarfile.open(fileobj=file, mode="r|") as tar:
            for entry in tar:
                data = tar.extractfile(entry) if entry.isfile() else None
                if data is None:
                    raise NoBackup(f"{entry.name[:80]!r} is no file; this is not a coordinator's backup")
                if entry.name == CONTENTS:
                    return _compared(data.read(MAX_CONTENTS_BYTES), found)
                found.add(_written(entry.name, data, places))
    except (tarfile.TarError, EOFError) as error:
        raise NoBackup(f"the file is no backup, or a part of it is missing: {error}") from error
    raise NoBackup("the backup has no end: a part of the file is missing")


def _compared(said: bytes, found: set[Part]) -> Contents:
    try:
        contents = codec.loads(Contents, said)
    except MalformedInput as error:
        raise NoBackup(f"the backup's contents cannot be read; is it of a newer program? {error}") from error
    wrong = found.symmetric_difference(contents.parts)
    if wrong:
        names = ", ".join(sorted({part.name for part in wrong})[:3])
        raise NoBackup(f"the backup is damaged: {names} is not as it was written; use another one")
    return contents


def _check(contents: Contents, places: Places) -> None:
    """Raises: NoBackup: something has to be here that is not in it."""
    if places.book is not None and not contents.book:
        raise NoBackup("the backup has no database in it, which was PostgreSQL's; set `database` as it was")
    if places.blobs is not None and not contents.blobs:
        raise NoBackup("the backup has no blobs in it, which were in a bucket; set `blobs` as it was")


def _all_there(contents: Contents, places: Places) -> None:
    """Raises: NoBackup: a part was unpacked, and somebody has taken it away since."""
    gone = [part.name for part in contents.parts if not _place(part.name, places).exists()]
    if gone:
        raise NoBackup(
            f"{', '.join(gone[:3])} was unpacked and is gone again: another program works in {places.data};"
            " end it, and restore once more"
        )


def _written(name: str, data: IO[bytes], places: Places) -> Part:
    path = _place(name, places)
    path.parent.mkdir(parents=True, exist_ok=True)
    state, size = hashlib.blake2b(digest_size=SIZE), 0
    with path.open("xb") as target:
        for piece in _pieces(data):
            state.update(piece)
            size += len(piece)
            target.write(piece)
    path.chmod(0o600)
    return Part(name, size, Digest(state.digest()))


def _place(name: str, places: Places) -> Path:
    """Where it is unpacked. Names of other kinds are refused: they could lead anywhere."""
    if name == BOOK:
        if places.book is None:
            raise NoBackup("the backup has an SQLite database in it; set `database` as it was")
        return _beside(places.book)
    if name in (WATCHED, OUTBOX):
        return _beside(places.data / name)
    if found := STATEMENT.fullmatch(name):
        return _beside(places.data / EVIDENCE) / found[1] / found[2]
    if found := BLOB.fullmatch(name):
        if places.blobs is None:
            raise NoBackup("the backup has blobs in it, which were in a folder; set `blobs` as it was")
        return _beside(places.blobs) / found[1][:2] / found[1]
    raise NoBackup(f"{name[:80]!r} is nothing that a coordinator has; this is not its backup")


def _pieces(data: IO[bytes]) -> Iterator[bytes]:
    while piece := data.read(PIECE):
        yield piece
