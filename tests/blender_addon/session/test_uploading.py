from itertools import islice
from pathlib import Path

import pytest

from fake_coordinator import TOKEN, FakeCoordinator, Serving
from requester_samples import JOB
from tegula_blender.session import manifests
from tegula_blender.session.uploading import upload
from tegula_market import codec
from tegula_market.adapters.blobs import PIECE, BlobClient
from tegula_market.digests import digest
from tegula_market.model import Digest, Signature

TEXTURE, MANIFEST, SCENE = bytes(range(256)) * 40, b"{manifest}", b"BLENDER" * 100


@pytest.fixture
def fake() -> FakeCoordinator:
    return FakeCoordinator(lambda _: JOB, lambda *_: Signature(bytes(65)))


def blobs(folder: Path, texture: bytes = TEXTURE) -> dict[Digest, Path | bytes]:
    files = {"scene.blend": SCENE, "texture.png": texture}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return {**{digest(data): folder / name for name, data in files.items()}, digest(MANIFEST): MANIFEST}


def test_what_is_missing_is_sent_and_counted(fake: FakeCoordinator, tmp_path: Path) -> None:
    with Serving(fake) as serving:
        here = BlobClient(serving.url, TOKEN, patience=0)
        told = list(upload(here, blobs(tmp_path)))
        total = len(TEXTURE) + len(MANIFEST) + len(SCENE)
        assert told[0] == (0, total)
        assert told[-1] == (total, total)
        assert len(told) == 4
        assert set(fake.blobs) == set(blobs(tmp_path))
        assert list(upload(here, blobs(tmp_path))) == [(0, 0)]


def test_only_what_has_changed_is_sent_again(fake: FakeCoordinator, tmp_path: Path) -> None:
    with Serving(fake) as serving:
        here = BlobClient(serving.url, TOKEN, patience=0)
        list(upload(here, blobs(tmp_path)))
        other = TEXTURE[:-1] + b"!"
        assert list(upload(here, blobs(tmp_path, other))) == [(0, len(other)), (len(other), len(other))]


def test_whoever_asks_no_more_stops_it(fake: FakeCoordinator, tmp_path: Path) -> None:
    with Serving(fake) as serving:
        here = BlobClient(serving.url, TOKEN, patience=0)
        list(islice(upload(here, blobs(tmp_path)), 2))
        assert len(fake.blobs) == 1


def test_after_one_texture_has_changed_it_and_the_manifest_are_sent(
    fake: FakeCoordinator, tmp_path: Path
) -> None:
    """Of a scene of a megabyte, counted where the bytes arrive."""
    names = [f"{index}.png" for index in range(20)]
    for name in ("scene.blend", *names):
        (tmp_path / name).write_bytes(name.encode() * 10_000)
    with Serving(fake) as serving:
        here = BlobClient(serving.url, TOKEN, patience=0)
        list(upload(here, scene_of(tmp_path)))
        before = set(fake.blobs)
        changed = b"other" * 10_000
        (tmp_path / "7.png").write_bytes(changed)
        now = scene_of(tmp_path)
        list(upload(here, now))
    puts = [request for request in fake.requests if request.startswith("PUT")]
    sent = sum(len(fake.blobs[digest]) for digest in set(fake.blobs) - before)
    assert len(puts) == len(names) + 2 + 2
    (manifest,) = (blob for blob in now.values() if isinstance(blob, bytes))
    assert sent <= 1.01 * (len(changed) + len(manifest))


def scene_of(folder: Path) -> dict[Digest, Path | bytes]:
    """What a job of the files there would need."""
    listed, sources = manifests.manifest(folder / "scene.blend", {path: path for path in folder.iterdir()})
    data = codec.dumps(listed)
    return {**sources, digest(data): data}


def test_progress_is_told_within_a_blob(fake: FakeCoordinator, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    size = 5 * PIECE // 2
    (tmp_path / "cache.vdb").write_bytes(bytes(size))
    blob = {digest(bytes(size)): tmp_path / "cache.vdb"}
    with Serving(fake) as serving:
        here = BlobClient(serving.url, TOKEN, patience=0)
        assert list(upload(here, blob, lambda *counts: told.append(counts))) == [(0, size), (size, size)]
    assert told == [(PIECE, size), (2 * PIECE, size)]
