"""Uploads that came in part, as files that grow: what a cut connection has brought is not sent again.

Each sender has its own part of a blob, or one could spoil another's. A file is what its digest says before it
becomes a blob; until then nobody reads it. A file that is whole gets another name before it is hashed, or
what comes late could still be added to a blob.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

from tegula_coordinator.blobs import Blobs, TooLarge, WrongDigest
from tegula_market.model import Digest, TegulaError


class WrongOffset(TegulaError):
    """What was sent does not follow what is here; the message says where to go on."""


class Partials:
    """
    Args:
        folder: on the same file system as the blobs' folder, if they are in one.
    """

    def __init__(self, folder: Path, blobs: Blobs, max_bytes: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._blobs = blobs
        self._max_bytes = max_bytes
        self._writing: dict[Path, object] = {}
        """Who writes to a file: the last that came. That a connection broke may be heard of much later."""
        self._finishing: dict[Path, asyncio.Event] = {}
        """What is being made a blob, until it is one or cannot be."""

    def offset(self, sender: bytes, digest: Digest) -> int:
        """Bytes that are here."""
        path = self._path(sender, digest)
        return _size(path) or _size(_whole(path))

    async def append(
        self, sender: bytes, digest: Digest, offset: int, length: int, chunks: AsyncIterator[bytes]
    ) -> int:
        """Adds what comes, and makes it a blob once it is whole; returns how many bytes are here then.

        Args:
            sender: its token's digest.
            length: of all of the blob.
        Raises:
            WrongOffset: so many bytes are not here, or somebody else goes on with them.
            TooLarge: more than a blob may have.
            WrongDigest: the bytes are not the blob; they are thrown away.
            BlobsAway: it cannot be stored now; the bytes are kept.
        """
        if length > self._max_bytes:
            raise TooLarge(f"a blob may have {self._max_bytes} bytes at most")
        path, me = self._path(sender, digest), object()
        while not await asyncio.to_thread(self._blobs.has, digest):
            done = self._finishing.get(path)
            if done is None:
                return await self._add(path, me, digest, offset, length, chunks)
            await done.wait()  # a sender that waited too long for this asks again
        await asyncio.to_thread(path.unlink, missing_ok=True)
        return length

    def sweep(self, before: float) -> int:
        """Those that nothing was added to since then, Unix seconds; how many they were. Blocks."""
        swept = 0
        for path in self._folder.iterdir():
            with suppress(FileNotFoundError):  # it has become a blob meanwhile
                if path.stat().st_mtime < before:
                    path.unlink()
                    swept += 1
        return swept

    async def _add(
        self, path: Path, me: object, digest: Digest, offset: int, length: int, chunks: AsyncIterator[bytes]
    ) -> int:
        with suppress(FileNotFoundError):  # else a kill came while it was hashed, or the blobs were away
            _whole(path).rename(path)
        at = _size(path)
        if at != offset:
            raise WrongOffset(f"{at} bytes of it are here; go on from there")
        self._writing[path] = me
        try:
            at = await self._write(path, me, at, length, chunks)
            if at == length:
                self._close(path)
        finally:
            if self._writing.get(path) is me:
                del self._writing[path]
        if at == length:
            await self._finish(path, digest)
        return at

    async def _write(self, path: Path, me: object, at: int, length: int, chunks: AsyncIterator[bytes]) -> int:
        """There is no file before there are bytes for it: empty ones would be many, and counted by nobody."""
        async for chunk in chunks:
            self._check_mine(path, me)
            if at + len(chunk) > length:
                raise WrongOffset(f"more came than the {length} bytes that were announced")
            if chunk:
                with path.open("ab") as file:
                    file.write(chunk)
            at += len(chunk)
        self._check_mine(path, me)
        return at

    def _check_mine(self, path: Path, me: object) -> None:
        if self._writing.get(path) is not me:
            raise WrongOffset("another request goes on with this upload")

    def _close(self, path: Path) -> None:
        """From here on nobody adds to it; nothing may run between the last look at `_writing` and this."""
        path.touch()  # an empty blob has none yet
        path.rename(_whole(path))
        self._finishing[path] = asyncio.Event()

    async def _finish(self, path: Path, digest: Digest) -> None:
        whole = _whole(path)
        try:
            if await asyncio.to_thread(self._blobs.has, digest):
                await asyncio.to_thread(whole.unlink, missing_ok=True)
                return
            found = await asyncio.to_thread(_digest_of, whole)
            if found != digest:
                await asyncio.to_thread(whole.unlink)
                raise WrongDigest(f"the bytes are 0x{found.hex()}, not 0x{digest.hex()}; send them again")
            await self._blobs.adopt(digest, whole)
        finally:
            self._finishing.pop(path).set()

    def _path(self, sender: bytes, digest: Digest) -> Path:
        name = hashlib.blake2b(sender + digest, digest_size=32).hexdigest()
        return self._folder / f"{name}.part"


def _whole(path: Path) -> Path:
    return path.with_suffix(".whole")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _digest_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=32)).digest()
