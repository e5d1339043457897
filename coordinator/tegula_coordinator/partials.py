"""Uploads that came in part, as files that grow: what a cut connection has brought is not sent again.

Each sender has its own part of a blob, or one could spoil another's. A file is what its digest says before it
becomes a blob; until then nobody reads it.
"""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from weakref import WeakValueDictionary

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
        self._turns: WeakValueDictionary[Path, asyncio.Lock] = WeakValueDictionary()

    def offset(self, sender: str, digest: Digest) -> int:
        """Bytes that are here."""
        try:
            return self._path(sender, digest).stat().st_size
        except FileNotFoundError:
            return 0

    async def append(
        self, sender: str, digest: Digest, offset: int, length: int, chunks: AsyncIterator[bytes]
    ) -> int:
        """Adds what comes, and makes it a blob once it is whole; returns how many bytes are here then.

        Args:
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
        if await asyncio.to_thread(self._blobs.has, digest):
            await asyncio.to_thread(path.unlink, missing_ok=True)
            return length
        self._writing[path] = me
        try:
            at = await self._write(path, me, offset, length, chunks)
        finally:
            if self._writing.get(path) is me:
                del self._writing[path]
        if at == length:
            await self._finish(path, digest)
        return at

    def sweep(self, before: float) -> int:
        """Those that nothing was added to since then, Unix seconds; how many they were. Blocks."""
        stale = [path for path in self._folder.iterdir() if path.stat().st_mtime < before]
        for path in stale:
            path.unlink(missing_ok=True)
        return len(stale)

    async def _write(
        self, path: Path, me: object, offset: int, length: int, chunks: AsyncIterator[bytes]
    ) -> int:
        with path.open("ab", buffering=0) as file:
            at = os.fstat(file.fileno()).st_size
            if at != offset:
                raise WrongOffset(f"{at} bytes of it are here; go on from there")
            async for chunk in chunks:
                if self._writing.get(path) is not me:
                    raise WrongOffset("another request goes on with this upload")
                if at + len(chunk) > length:
                    raise WrongOffset(f"more came than the {length} bytes that were announced")
                file.write(chunk)
                at += len(chunk)
        return at

    async def _finish(self, path: Path, digest: Digest) -> None:
        """Once, though a sender that waited too long may ask for it again."""
        turn = self._turns.setdefault(path, asyncio.Lock())
        async with turn:
            if await asyncio.to_thread(self._blobs.has, digest):
                await asyncio.to_thread(path.unlink, missing_ok=True)
                return
            found = await asyncio.to_thread(_digest_of, path)
            if found != digest:
                await asyncio.to_thread(path.unlink)
                raise WrongDigest(f"the bytes are 0x{found.hex()}, not 0x{digest.hex()}; send them again")
            await self._blobs.adopt(digest, path)

    def _path(self, sender: str, digest: Digest) -> Path:
        name = hashlib.blake2b(sender.encode() + digest, digest_size=32).hexdigest()
        return self._folder / f"{name}.part"


def _digest_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=32)).digest()
