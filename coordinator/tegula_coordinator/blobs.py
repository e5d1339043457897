"""Content-addressed files in a folder: a blob's name is the BLAKE2b-256 of its bytes."""

import hashlib
import os
import tempfile
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from tegula_market.model import Digest, TegulaError


class WrongDigest(TegulaError):
    """The bytes that came are not the blob that was announced."""


class TooLarge(TegulaError):
    """A blob beyond the configured limit."""


class BlobFolder:
    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._incoming = folder / "incoming"
        self._incoming.mkdir(parents=True, exist_ok=True)
        for leftover in self._incoming.iterdir():  # of uploads that a kill cut off
            leftover.unlink()

    def path(self, digest: Digest) -> Path:
        name = digest.hex()
        return self._folder / name[:2] / name

    def has(self, digest: Digest) -> bool:
        return self.path(digest).is_file()

    def missing(self, digests: Iterable[Digest]) -> list[Digest]:
        return [digest for digest in digests if not self.has(digest)]

    async def receive(self, digest: Digest, chunks: AsyncIterator[bytes]) -> None:
        """Stores the stream under `digest`, whole or not at all.

        Raises:
            WrongDigest: the bytes hash to something else.
            TooLarge: more bytes than the limit.
        """
        hasher, size = hashlib.blake2b(digest_size=32), 0
        descriptor, name = tempfile.mkstemp(dir=self._incoming)
        incoming = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                async for chunk in chunks:
                    size += len(chunk)
                    if size > self._max_bytes:
                        raise TooLarge(f"a blob may have {self._max_bytes} bytes at most")
                    hasher.update(chunk)
                    file.write(chunk)
            if hasher.digest() != digest:
                raise WrongDigest(
                    f"the bytes are 0x{hasher.hexdigest()}, not 0x{digest.hex()}; send them again"
                )
            target = self.path(digest)
            target.parent.mkdir(exist_ok=True)
            incoming.replace(target)
        finally:
            incoming.unlink(missing_ok=True)
