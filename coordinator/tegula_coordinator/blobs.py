"""Content-addressed files: a blob's name is the BLAKE2b-256 of its bytes. In a folder, or in a bucket.

What a blob's digest does not say it never holds: its bytes are hashed before anybody can see it, and it
appears whole or not at all.
"""

import asyncio
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from tegula_market.adapters import durable
from tegula_market.adapters.bundles import Find
from tegula_market.model import Digest, TegulaError

IS_BLOB = re.compile("[0-9a-f]{64}")
"""What is not named so, somebody else has put there."""
PIECE = 1 << 20
"""Bytes that are read at a time."""


class WrongDigest(TegulaError):
    """The bytes that came are not the blob that was announced."""


class TooLarge(TegulaError):
    """A blob beyond the configured limit."""


class NoSuchBlob(TegulaError):
    """It was never uploaded, or is not kept any more."""


class BlobsAway(TegulaError, OSError):
    """Where the blobs are cannot be reached; the same may be asked again later."""


@dataclass(frozen=True, slots=True)
class Download:
    size: int
    """Bytes, all in all."""
    pieces: AsyncIterator[bytes]


class Blobs(Protocol):
    """All but `receive`, `adopt` and the pieces of a download block. All may raise BlobsAway."""

    def begin(self) -> None:
        """By the one program that receives, before it does: what a kill has cut off is thrown away."""

    def has(self, digest: Digest) -> bool: ...

    def surely_has(self, digest: Digest) -> bool:
        """Does not block, as an exception, and asks nobody: false if it would have to."""

    def missing(self, digests: Iterable[Digest]) -> list[Digest]: ...

    async def receive(self, digest: Digest, chunks: AsyncIterator[bytes]) -> None:
        """Stores the stream under `digest`, whole or not at all; it is durable when this returns.

        Raises:
            WrongDigest: the bytes hash to something else.
            TooLarge: more bytes than the limit.
        """

    async def adopt(self, digest: Digest, path: Path) -> None:
        """Stores a file that is known to be what the digest says; it is gone then. Durable as `receive`."""

    def send(self, digest: Digest) -> Download:
        """Raises: NoSuchBlob."""

    def at_hand(self, digests: Iterable[Digest]) -> AbstractContextManager[Find]:
        """Files of these blobs, for as long as the context lasts. Of one that is not there, there is none."""

    def check(self) -> None:
        """Raises: BlobsAway: nothing can be stored at the moment."""

    def size(self) -> int:
        """Bytes of all of them."""

    def older_than(self, moment: float) -> Iterator[Digest]:
        """Those that came before it, Unix seconds."""

    def remove(self, digest: Digest) -> None:
        """If it is there."""


class BlobFolder:
    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._incoming = folder / "incoming"

    def begin(self) -> None:
        sweep(self._incoming)

    def path(self, digest: Digest) -> Path:
        name = digest.hex()
        return self._folder / name[:2] / name

    def has(self, digest: Digest) -> bool:
        """Asked with each result: a Path takes longer to put together than the disk to answer."""
        name = digest.hex()
        return os.path.isfile(f"{self._folder}/{name[:2]}/{name}")  # noqa: PTH113

    def surely_has(self, digest: Digest) -> bool:
        return self.has(digest)

    def missing(self, digests: Iterable[Digest]) -> list[Digest]:
        return [digest for digest in digests if not self.has(digest)]

    async def receive(self, digest: Digest, chunks: AsyncIterator[bytes]) -> None:
        async with arrived(self._incoming, digest, chunks, self._max_bytes) as incoming:
            await asyncio.to_thread(self._keep, incoming, digest)

    async def adopt(self, digest: Digest, path: Path) -> None:
        """Of the same file system."""
        await asyncio.to_thread(self._keep, path, digest)

    def send(self, digest: Digest) -> Download:
        try:
            file = self.path(digest).open("rb")
        except FileNotFoundError as error:
            raise NoSuchBlob("no such blob here") from error
        return Download(os.fstat(file.fileno()).st_size, _pieces(file))

    @contextmanager
    def at_hand(self, _digests: Iterable[Digest]) -> Iterator[Find]:
        yield self.path

    def check(self) -> None:
        try:
            with tempfile.NamedTemporaryFile(dir=self._incoming) as file:
                file.write(b"check")
        except OSError as error:
            raise BlobsAway(f"cannot write to the blobs' folder {self._folder}: {error.strerror}") from error

    def size(self) -> int:
        return sum(map(_bytes, self._folder.glob("[0-9a-f][0-9a-f]/*")))

    def older_than(self, moment: float) -> Iterator[Digest]:
        for path in self._folder.glob("[0-9a-f][0-9a-f]/*"):
            if IS_BLOB.fullmatch(path.name) and path.stat().st_mtime < moment:
                yield Digest(bytes.fromhex(path.name))

    def remove(self, digest: Digest) -> None:
        self.path(digest).unlink(missing_ok=True)

    def _keep(self, incoming: Path, digest: Digest) -> None:
        """On the disk before anybody hears of it: an event that speaks of it will be."""
        target = self.path(digest)
        target.parent.mkdir(exist_ok=True)
        durable.settle(incoming)
        incoming.replace(target)
        durable.settle(target.parent)


@asynccontextmanager
async def arrived(
    folder: Path, digest: Digest, chunks: AsyncIterator[bytes], max_bytes: int
) -> AsyncIterator[Path]:
    """The stream as a file that is what its digest says; gone afterwards, if it was not moved.

    Raises:
        WrongDigest, TooLarge: as `Blobs.receive`.
    """
    hasher, size = hashlib.blake2b(digest_size=32), 0
    descriptor, name = tempfile.mkstemp(dir=folder)
    incoming = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            async for chunk in chunks:
                size += len(chunk)
                if size > max_bytes:
                    raise TooLarge(f"a blob may have {max_bytes} bytes at most")
                hasher.update(chunk)
                file.write(chunk)
        if hasher.digest() != digest:
            raise WrongDigest(f"the bytes are 0x{hasher.hexdigest()}, not 0x{digest.hex()}; send them again")
        yield incoming
    finally:
        incoming.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """For what is on its way; what a kill has cut off is thrown away."""
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in folder.iterdir():
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # swept meanwhile
        return 0


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    with file:
        while piece := await asyncio.to_thread(file.read, PIECE):
            yield piece
