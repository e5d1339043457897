"""Scenes on this machine's disk: blobs by digest, and folders laid out as manifests list them.

A manifest comes from a stranger, and its paths become files here. So a path is taken only if it is plain
on every file system, and is written only into a folder that nothing else has touched.
"""

import os
import shutil
import tempfile
import threading
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from tegula_market import codec
from tegula_market.adapters.blobs import BlobClient
from tegula_market.codec import MalformedInput
from tegula_market.model import Digest, SceneFile, SceneManifest, TegulaError

MAX_MANIFEST_BYTES = 16 << 20
MAX_FILES = 100_000
MAX_PATH = 1024
MAX_NAME = 255
"""Bytes of a file's name on the common file systems."""
ODD = frozenset('\\:*?"<>|')
"""What Windows forbids, or reads as a drive or a stream."""


class SceneRefused(TegulaError):
    """A scene that is not laid out here; the message says why."""


@dataclass(frozen=True, slots=True)
class LaidOut:
    folder: Path
    blend: str


class SceneCache:
    """
    Args:
        max_bytes: of all files of one scene.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._blobs, self._scenes = folder / "blobs", folder / "scenes"
        self._max_bytes = max_bytes
        self._turn = threading.Lock()
        self._turns: dict[Digest, threading.Lock] = {}
        """Of scenes: a tile of one that is here does not wait while another is fetched."""
        self._laid: dict[Digest, LaidOut] = {}
        """By this process: the manifest is not read again for every tile."""
        for each in (self._blobs, self._scenes):
            each.mkdir(parents=True, exist_ok=True)
            for partial in each.glob(".*"):  # of a worker that was killed
                _remove(partial)

    def holds(self, manifest: Digest) -> bool:
        """Whether the scene is laid out already: a warm worker goes first at an equal price."""
        return (self._scenes / manifest.hex()).is_dir()

    def lay_out(self, manifest: Digest, client: BlobClient) -> LaidOut:
        """The scene in a folder of its own, read-only; fetches what is missing. Blocks.

        Raises:
            SceneRefused: the manifest is not one, or asks for what could do harm here.
            BlobError: a blob cannot be had.
        """
        folder = self._scenes / manifest.hex()
        with self._turn:
            turn = self._turns.setdefault(manifest, threading.Lock())
        with turn:
            if manifest in self._laid and folder.is_dir():
                return self._laid[manifest]
            listed = self._manifest(manifest, client)
            if not folder.is_dir():
                for file in listed.files:
                    self._fetch(file, client)
                self._build(listed, folder)
            return self._laid.setdefault(manifest, LaidOut(folder, listed.blend))

    def _manifest(self, wanted: Digest, client: BlobClient) -> SceneManifest:
        path = self._blob(wanted)
        if not path.exists():
            client.fetch(wanted, path, MAX_MANIFEST_BYTES)
        try:
            listed = codec.loads(SceneManifest, path.read_bytes())
        except MalformedInput as error:
            raise SceneRefused(f"the scene's manifest cannot be read: {error}") from error
        check(listed, self._max_bytes)
        return listed

    def _fetch(self, file: SceneFile, client: BlobClient) -> None:
        path = self._blob(file.digest)
        if not path.exists():
            client.fetch(file.digest, path, file.size)
            path.chmod(0o444)
        if path.stat().st_size != file.size:
            raise SceneRefused(f"a file of the scene has {path.stat().st_size} bytes, not {file.size}")

    def _build(self, listed: SceneManifest, folder: Path) -> None:
        """Beside its place first, so that a folder that is there is whole."""
        partial = Path(tempfile.mkdtemp(dir=self._scenes, prefix=".partial-"))
        try:
            for file in listed.files:
                target = partial / file.path
                target.parent.mkdir(parents=True, exist_ok=True)
                _link(self._blob(file.digest), target)
            _close(partial)
            partial.rename(folder)
        except OSError as error:
            raise SceneRefused(f"the scene cannot be laid out: {error.strerror}") from error
        finally:
            _remove(partial)

    def _blob(self, wanted: Digest) -> Path:
        return self._blobs / wanted.hex()


def check(manifest: SceneManifest, max_bytes: int) -> None:
    """
    Raises:
        SceneRefused: too much, or a path that leads elsewhere or means different things to different systems.
    """
    if len(manifest.files) > MAX_FILES:
        raise SceneRefused(f"the scene has {len(manifest.files)} files; {MAX_FILES} can be taken")
    if any(file.size < 0 for file in manifest.files):
        raise SceneRefused("a file of the scene has less than no bytes")
    size = sum(file.size for file in manifest.files)
    if size > max_bytes:
        raise SceneRefused(f"the scene has {size} bytes; this worker takes {max_bytes}")
    for file in manifest.files:
        _check_path(file.path)
    _check_apart([file.path for file in manifest.files])
    if manifest.blend not in {file.path for file in manifest.files}:
        raise SceneRefused("the manifest does not list the .blend that is to be opened")


def _check_path(path: str) -> None:
    if not 0 < len(path) <= MAX_PATH or not path.isprintable() or ODD & set(path):
        raise SceneRefused(f"a path with odd characters, or too long: {path[:80]!r}")
    for name in path.split("/"):
        if name in {"", ".", ".."}:
            raise SceneRefused(f"a path that leads out of the scene's folder or round in it: {path[:80]!r}")
        if len(name.encode()) > MAX_NAME or name[-1] in ". " or name[0] == " ":
            raise SceneRefused(f"a name that not every file system can hold: {path[:80]!r}")


def _check_apart(paths: list[str]) -> None:
    """No path is another, or a folder on the way to another, on systems that fold case or accents."""
    folded = [unicodedata.normalize("NFKC", path).casefold() for path in paths]
    files = set(folded)
    if len(files) != len(folded):
        raise SceneRefused("two files of the scene differ in case or spelling only, or not at all")
    for path in folded:
        while path := path.rpartition("/")[0]:
            if path in files:
                raise SceneRefused(f"a path is both a file and a folder: {path[:80]!r}")


def _link(blob: Path, target: Path) -> None:
    try:
        target.hardlink_to(blob)
    except OSError:  # another file system, one without links, or too many of them: a copy does as well
        with target.open("xb") as out, blob.open("rb") as source:
            shutil.copyfileobj(source, out)
        target.chmod(0o444)


def _close(folder: Path) -> None:
    """No write to any folder of the tree, so that a render leaves nothing for the next one."""
    for where, _, _ in os.walk(folder, topdown=False):
        Path(where).chmod(0o555)


def _remove(partial: Path) -> None:
    if not partial.is_dir():
        partial.unlink(missing_ok=True)
        return
    for where, _, _ in os.walk(partial):
        Path(where).chmod(0o755)
    shutil.rmtree(partial)
