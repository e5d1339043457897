from itertools import islice
from pathlib import Path

import pytest

from fake_coordinator import TOKEN, FakeCoordinator, Serving
from requester_samples import JOB
from tegula_blender.session.uploading import upload
from tegula_market.adapters.blobs import BlobClient
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
