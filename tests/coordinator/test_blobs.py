import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tegula_coordinator.blobs import BlobFolder, TooLarge, WrongDigest
from tegula_market.model import Digest

DATA = b"a tile" * 1000
DIGEST = Digest(hashlib.blake2b(DATA, digest_size=32).digest())


async def chunks(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 100):
        yield data[start : start + 100]


async def broken_off() -> AsyncIterator[bytes]:
    yield DATA[:100]
    raise ConnectionResetError


def leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_blob_is_found_by_its_digest(tmp_path: Path) -> None:
    blobs = BlobFolder(tmp_path, 10**6)
    assert blobs.missing([DIGEST]) == [DIGEST]
    asyncio.run(blobs.receive(DIGEST, chunks(DATA)))
    assert blobs.missing([DIGEST]) == []
    assert blobs.path(DIGEST).read_bytes() == DATA


@pytest.mark.parametrize(
    ("stream", "limit", "error"),
    [
        (chunks(DATA + b"!"), 10**6, WrongDigest),
        (chunks(b""), 10**6, WrongDigest),
        (chunks(DATA), len(DATA) - 1, TooLarge),
        (broken_off(), 10**6, ConnectionResetError),
    ],
)
def test_what_is_not_whole_and_right_leaves_nothing(
    tmp_path: Path, stream: AsyncIterator[bytes], limit: int, error: type[Exception]
) -> None:
    blobs = BlobFolder(tmp_path, limit)
    with pytest.raises(error):
        asyncio.run(blobs.receive(DIGEST, stream))
    assert not blobs.has(DIGEST)
    assert leftovers(tmp_path) == []


def test_uploads_cut_off_by_a_kill_are_swept_at_the_next_start(tmp_path: Path) -> None:
    BlobFolder(tmp_path, 10)
    (tmp_path / "incoming" / "tmpabc").write_bytes(b"half")
    BlobFolder(tmp_path, 10)
    assert leftovers(tmp_path) == []
