"""Bundles: what a verdict stands on, in one file for whoever doubts it.

A bundle is a ZIP of `evidence.json`, of the scene's `manifest.json`, and of one image for each digest that
the former names, `<digest>.exr`. Nothing in it is compressed, since images are already. It comes from a
stranger: nothing of it is believed, becomes a path, or is larger than the bundle itself.
"""

import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

from tegula_market import codec
from tegula_market.codec import MalformedInput
from tegula_market.digests import digest_of
from tegula_market.evidence import Evidence
from tegula_market.model import Digest, InvalidValue, TegulaError

STATEMENT, MANIFEST = "evidence.json", "manifest.json"
MAX_STATEMENT_BYTES = 1 << 20
"""As a message, which has the order in it as well."""
MAX_FILES = 1_024
MAX_DIRECTORY_BYTES = 1 << 18
"""What zipfile reads whole before anybody can look at it."""
PIECE = 1 << 20

END = struct.Struct("<4s4H2LH")
"""End of central directory record: APPNOTE.TXT 4.3.16."""
END_MAGIC, ZIP64_MAGIC, ZIP64_BYTES = b"PK\5\6", b"PK\6\7", 20
"""A zip64 locator stands before the end record, and would count more than that says: APPNOTE.TXT 4.3.15."""
ENCRYPTED = 1
BROKEN = zipfile.BadZipFile, EOFError, NotImplementedError
"""What zipfile raises at a file that only looks like a ZIP."""

Find = Callable[[Digest], Path]
"""Where the blob of a digest lies."""


class UnreadableBundle(TegulaError):
    """A file that is no evidence; the message says why."""


def write(path: Path, stated: Evidence, find: Find) -> None:
    """Equal evidence makes equal bytes.

    Raises:
        OSError: an image is not there, or the bundle cannot be written.
    """
    with zipfile.ZipFile(path, "w", allowZip64=False) as bundle:
        bundle.writestr(zipfile.ZipInfo(STATEMENT), codec.dumps(stated))
        for name, entry in _entries(stated).items():
            with find(name).open("rb") as source, bundle.open(zipfile.ZipInfo(entry), "w") as target:
                shutil.copyfileobj(source, target)


def read(path: Path, folder: Path) -> tuple[Evidence, Find]:
    """Unpacks a bundle's images and manifest into a folder, each checked against its digest.

    Raises:
        UnreadableBundle: no bundle, not all of its images are there or are what their names say, or it
            holds anything else.
    """
    try:
        _check_end(path)
        with zipfile.ZipFile(path) as bundle:
            _check_entries(bundle, path)
            stated = codec.loads(Evidence, _statement(bundle))
            entries = _entries(stated)
            _check_names(bundle, entries, path)
            for name, entry in entries.items():
                _unpack(bundle, entry, name, folder / entry)
    except (
        OSError,
        EOFError,
        NotImplementedError,
        zipfile.BadZipFile,
        MalformedInput,
        InvalidValue,
    ) as error:
        raise UnreadableBundle(f"{path.name} cannot be read as evidence: {error}") from error
    return stated, lambda name: folder / entries[name]


def _check_end(path: Path) -> None:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(-min(size, ZIP64_BYTES + END.size), 2)
        tail = file.read()
    if len(tail) < END.size:
        raise UnreadableBundle(f"{path.name} is too short for a bundle")
    magic, _, _, _, count, length, _, comment = END.unpack(tail[-END.size :])
    if magic != END_MAGIC or comment or tail.startswith(ZIP64_MAGIC):
        raise UnreadableBundle(f"{path.name} does not end as a plain ZIP does; is it a bundle, and whole?")
    if count > MAX_FILES or length > MAX_DIRECTORY_BYTES:
        raise UnreadableBundle(f"{path.name} lists {count} files in {length} bytes; no bundle needs so many")


def _check_entries(bundle: zipfile.ZipFile, path: Path) -> None:
    """So that all that comes out went in: nothing deflated, encrypted, or stored in one place for many."""
    entries = bundle.infolist()
    plain = all(
        entry.compress_type == zipfile.ZIP_STORED
        and entry.compress_size == entry.file_size
        and not entry.flag_bits & ENCRYPTED
        for entry in entries
    )
    if not plain or sum(entry.file_size for entry in entries) > path.stat().st_size:
        raise UnreadableBundle(f"{path.name} holds files that are not plainly stored, as a bundle's are")


def _check_names(bundle: zipfile.ZipFile, entries: dict[Digest, str], path: Path) -> None:
    there, wanted = bundle.namelist(), {STATEMENT, *entries.values()}
    for sentence, names in (
        ("lacks what its evidence speaks of", wanted - set(there)),
        ("holds what its evidence does not speak of", set(there) - wanted),
        ("holds a file twice", {name for name in wanted if there.count(name) > 1}),
    ):
        if names:
            raise UnreadableBundle(f"{path.name} {sentence}: {min(names)[:100]!r}")


def _statement(bundle: zipfile.ZipFile) -> bytes:
    try:
        size = bundle.getinfo(STATEMENT).file_size
    except KeyError as error:
        raise UnreadableBundle(f"there is no {STATEMENT} in it; is this a bundle of evidence?") from error
    if size > MAX_STATEMENT_BYTES:
        raise UnreadableBundle(f"its {STATEMENT} is over {MAX_STATEMENT_BYTES} bytes")
    return bundle.read(STATEMENT)


def _unpack(bundle: zipfile.ZipFile, entry: str, name: Digest, path: Path) -> None:
    with bundle.open(entry) as source, path.open("wb") as target:
        shutil.copyfileobj(source, target)
    with path.open("rb") as file:
        if digest_of(iter(lambda: file.read(PIECE), b"")) != name:
            raise UnreadableBundle(f"{entry} is not what it is said to be")


def _entries(stated: Evidence) -> dict[Digest, str]:
    """Each once: where tile and probe are equal to the last bit of the file they are one image."""
    trial = stated.trial
    return {trial.order.scene.manifest: MANIFEST} | {name: f"{name.hex()}.exr" for name in trial.all_images}
