"""One contract for all places that blobs can be in."""

import asyncio
import hashlib
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from buckets import S3, s3
from tegula_coordinator import bucket
from tegula_coordinator.blobs import BlobFolder, Blobs, BlobsAway, NoSuchBlob, TooLarge, WrongDigest
from tegula_market.model import Digest

LIMIT = 30 << 20
DATA = b"a tile" * 1000
LARGE = bytes(20 << 20)
"""Goes up in several parts."""


def named(data: bytes) -> Digest:
    return Digest(hashlib.blake2b(data, digest_size=32).digest())


DIGEST = named(DATA)


@dataclass(frozen=True, slots=True)
class Place:
    blobs: Blobs
    folder: Path
    """Where every file of it lies."""

    def leftovers(self) -> list[str]:
        return [path.name for path in self.folder.rglob("*") if path.is_file()]


@pytest.fixture(scope="session")
def store() -> Iterator[S3]:
    with s3() as running:
        yield running


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.slow)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "folder":
        folder = BlobFolder(tmp_path, LIMIT)
        folder.begin()
        return Place(folder, tmp_path)
    running: S3 = request.getfixturevalue("store")
    url = running.fresh()
    reached = bucket.connect(url, running.endpoint, "us-east-1", running.credentials)
    blobs = bucket.BlobBucket(reached, tmp_path / "incoming", LIMIT)
    blobs.begin()
    return Place(blobs, running.folder / url.split("/")[2])


async def chunks(data: bytes, size: int = 100) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def broken_off() -> AsyncIterator[bytes]:
    yield DATA[:100]
    raise ConnectionResetError


def received(blobs: Blobs, digest: Digest) -> bytes:
    async def all_of_it() -> bytes:
        found = blobs.send(digest)
        data = b"".join([piece async for piece in found.pieces])
        assert len(data) == found.size
        return data

    return asyncio.run(all_of_it())


def test_a_blob_is_found_by_its_digest(place: Place) -> None:
    blobs = place.blobs
    assert blobs.missing([DIGEST]) == [DIGEST]
    asyncio.run(blobs.receive(DIGEST, chunks(DATA)))
    assert blobs.missing([DIGEST, named(b"")]) == [named(b"")]
    assert received(blobs, DIGEST) == DATA
    with blobs.at_hand([DIGEST, named(b"")]) as find:
        assert find(DIGEST).read_bytes() == DATA
        assert not find(named(b"")).exists()


def test_a_large_blob_comes_back_as_it_was(place: Place) -> None:
    asyncio.run(place.blobs.receive(named(LARGE), chunks(LARGE, 1 << 20)))
    assert received(place.blobs, named(LARGE)) == LARGE


def test_a_blob_that_comes_twice_stays(place: Place) -> None:
    for _ in range(2):
        asyncio.run(place.blobs.receive(DIGEST, chunks(DATA)))
    assert received(place.blobs, DIGEST) == DATA


def test_what_is_old_can_be_found_and_removed(place: Place) -> None:
    blobs, now = place.blobs, time.time()
    asyncio.run(blobs.receive(DIGEST, chunks(DATA)))
    next(place.folder.rglob(DIGEST.hex())).with_name("of somebody else").touch()
    assert list(blobs.older_than(now - 3600)) == []
    assert list(blobs.older_than(now + 3600)) == [DIGEST]
    for _ in range(2):
        blobs.remove(DIGEST)
    assert list(blobs.older_than(now + 3600)) == []
    assert blobs.missing([DIGEST]) == [DIGEST]


def test_what_all_of_it_takes(place: Place) -> None:
    assert place.blobs.size() == 0
    for data in (DATA, b"more"):
        asyncio.run(place.blobs.receive(named(data), chunks(data)))
    assert place.blobs.size() == len(DATA) + 4
    before = place.leftovers()
    place.blobs.check()
    assert place.leftovers() == before


def test_a_folder_that_is_gone_is_told_of(tmp_path: Path) -> None:
    blobs = BlobFolder(tmp_path / "blobs", LIMIT)
    blobs.begin()
    shutil.rmtree(tmp_path / "blobs")
    with pytest.raises(BlobsAway, match="cannot write to the blobs' folder"):
        blobs.check()


def test_what_is_not_there_is_not_sent(place: Place) -> None:
    with pytest.raises(NoSuchBlob):
        place.blobs.send(DIGEST)


@pytest.mark.parametrize(
    ("stream", "error"),
    [
        (lambda: chunks(DATA + b"!"), WrongDigest),
        (lambda: chunks(b""), WrongDigest),
        (lambda: chunks(bytes(LIMIT + 1), 1 << 20), TooLarge),
        (broken_off, ConnectionResetError),
    ],
)
def test_what_is_not_whole_and_right_leaves_nothing(place: Place, stream: object, error: type) -> None:
    before = place.leftovers()
    with pytest.raises(error):
        asyncio.run(place.blobs.receive(DIGEST, stream()))  # type: ignore[operator]
    assert not place.blobs.has(DIGEST)
    assert place.leftovers() == before


def test_uploads_cut_off_by_a_kill_are_swept_at_the_next_start(tmp_path: Path) -> None:
    blobs = BlobFolder(tmp_path, 10)
    blobs.begin()
    (tmp_path / "incoming" / "tmpabc").write_bytes(b"half")
    blobs.begin()
    assert Place(blobs, tmp_path).leftovers() == []
