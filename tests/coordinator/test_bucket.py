"""What a bucket has and a folder has not: credentials, and a network. `test_blobs.py` has the contract."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from buckets import s3
from tegula_coordinator import bucket
from tegula_coordinator.blobs import BlobsAway
from tegula_coordinator.config import ConfigError
from tegula_market.digests import digest


@pytest.fixture
def credentials(tmp_path: Path) -> Path:
    path = tmp_path / "credentials"
    path.write_text("[default]\naws_access_key_id = somebody\naws_secret_access_key = hunter2\n")
    return path


@pytest.mark.parametrize("text", ["", "[default]\naws_access_key_id = a\n", "nonsense"])
def test_credentials_that_cannot_be_read_are_a_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "credentials"
    path.write_text(text)
    with pytest.raises(ConfigError, match="want a section \\[default\\]"):
        bucket.connect("s3://bucket", "http://127.0.0.1:1", "us-east-1", path)


def test_a_url_without_a_bucket_is_a_sentence(credentials: Path) -> None:
    with pytest.raises(ConfigError, match="cannot use s3://"):
        bucket.connect("s3://", "http://127.0.0.1:1", "us-east-1", credentials)


@pytest.mark.slow
def test_a_store_that_does_not_let_us_in_is_a_sentence(credentials: Path, tmp_path: Path) -> None:
    with s3() as running:
        store = bucket.connect(running.fresh(), running.endpoint, "us-east-1", credentials)
        with pytest.raises(BlobsAway, match="cannot list blobs") as caught:
            bucket.BlobBucket(store, tmp_path / "incoming", 10).begin()
        assert "hunter2" not in str(caught.value)


@pytest.mark.slow
def test_what_was_fetched_when_a_kill_came_is_swept_at_the_next_start(tmp_path: Path) -> None:
    with s3() as running:
        store = bucket.connect(running.fresh(), running.endpoint, "us-east-1", running.credentials)
        scratch = tmp_path / "incoming"

        async def once() -> AsyncIterator[bytes]:
            yield b"a blob"

        blobs = bucket.BlobBucket(store, scratch, 10)
        blobs.begin()
        asyncio.run(blobs.receive(digest(b"a blob"), once()))
        fetched = blobs.at_hand([digest(b"a blob")])
        find = fetched.__enter__()  # and is never left
        assert find(digest(b"a blob")).read_bytes() == b"a blob"
        assert scratch in find(digest(b"a blob")).parents
        bucket.BlobBucket(store, scratch, 10).begin()
        assert list(scratch.iterdir()) == []
