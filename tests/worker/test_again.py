"""What a verdict stands on, rendered again by stand-ins; tests/end_to_end/test_evidence.py has real ones."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes import TOKEN, BlobServer, FakeRenderer, blob_server, image_of
from tegula_market import codec
from tegula_market.adapters.blobs import BlobClient, BlobError
from tegula_market.digests import digest
from tegula_market.evidence import Trial, where
from tegula_market.model import Rect, SceneFile, SceneManifest
from tegula_worker import again
from tegula_worker.scenes import LaidOut, SceneRefused
from trials import MANIFEST, ORDER, Court

FRAME = Rect(0, 0, 64, 64)
PLENTY = 1 << 30
DEEP = codec.dumps(
    SceneManifest(
        "shots/s.blend",
        (SceneFile("shots/s.blend", digest(b"blend"), 5), SceneFile("maps/a.png", digest(b"map"), 3)),
    )
)


@pytest.fixture
def court(tmp_path: Path) -> Court:
    (tmp_path / "court").mkdir()
    return Court(tmp_path / "court")


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """The scene of MANIFEST and of DEEP."""
    for name, data in (("s.blend", b"blend"), ("shots/s.blend", b"blend"), ("maps/a.png", b"map")):
        path = tmp_path / "scene" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path / "scene"


@pytest.fixture
def server() -> Iterator[BlobServer]:
    with blob_server() as served:
        yield served


def rendered(trial: Trial, scene: Path, out: Path) -> tuple[Trial, FakeRenderer, FakeRenderer]:
    out.mkdir()
    one, other = FakeRenderer(), FakeRenderer(b"twin: ")
    done = asyncio.run(again.render(trial, LaidOut(scene, "s.blend"), out, one, other))  # type: ignore[arg-type]
    return done, one, other


def manifest(folder: Path, data: bytes = MANIFEST) -> Path:
    (folder / "manifest.json").write_bytes(data)
    return folder / "manifest.json"


@pytest.mark.parametrize("whole", [False, True])
def test_the_same_rects_come_from_this_machine(
    court: Court, scene: Path, tmp_path: Path, whole: bool
) -> None:
    trial = court.trial(whole=whole)
    done, one, other = rendered(trial, scene, tmp_path / "out")
    rects, overscan = where(trial)
    assert (done.order, done.result, done.salt, done.whole) == (ORDER, trial.result, trial.salt, whole)
    assert done.verifier == "CPU of a test"
    assert [(tmp_path / "out" / f"{name.hex()}.exr").read_bytes() for name in done.images] == [
        image_of(b"blend", 1, rect.grown(overscan, FRAME)) for rect in rects
    ]
    twins = [image_of(b"twin: blend", 1, rect.grown(overscan, FRAME)) for rect in rects] if whole else []
    assert [(tmp_path / "out" / f"{name.hex()}.exr").read_bytes() for name in done.twins] == twins
    assert (one.closed, other.closed) == (True, whole)


@pytest.mark.parametrize(
    ("named", "blend", "listed"),
    [(".", "s.blend", MANIFEST), ("s.blend", "s.blend", MANIFEST), ("shots/s.blend", "shots/s.blend", DEEP)],
)
def test_a_scene_is_given_as_its_folder_or_its_blend(
    scene: Path, tmp_path: Path, named: str, blend: str, listed: bytes
) -> None:
    laid = again.given(scene / named, manifest(tmp_path, listed), PLENTY)
    assert (laid.folder.resolve(), laid.blend) == (scene.resolve(), blend)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda file: file.write_bytes(b"blenD"), "is not the file that was rendered"),
        (lambda file: file.write_bytes(b"blends"), "is not the file that was rendered"),
        (lambda file: file.unlink(), "cannot be read"),
    ],
)
def test_another_scene_is_refused(scene: Path, tmp_path: Path, change: object, sentence: str) -> None:
    change(scene / "shots" / "s.blend")  # type: ignore[operator]
    with pytest.raises(SceneRefused, match=sentence):
        again.given(scene, manifest(tmp_path, DEEP), PLENTY)


@pytest.mark.parametrize("path", ["../s.blend", "/etc/passwd"])
def test_a_manifest_does_not_lead_out_of_the_folder(scene: Path, tmp_path: Path, path: str) -> None:
    outside = codec.dumps(SceneManifest(path, (SceneFile(path, digest(b"blend"), 5),)))
    with pytest.raises(SceneRefused):
        again.given(scene, manifest(tmp_path, outside), PLENTY)
    with pytest.raises(SceneRefused, match="manifest cannot be read"):
        again.given(scene, manifest(tmp_path, b"{}"), PLENTY)


def test_a_scene_is_fetched_for_as_long_as_it_is_wanted(server: BlobServer) -> None:
    server.put(b"blend")
    name = server.put(MANIFEST)
    with again.fetched(BlobClient(server.url, TOKEN, patience=1), name, PLENTY) as laid:
        assert (laid.folder / laid.blend).read_bytes() == b"blend"
    assert not laid.folder.exists()
    with (
        pytest.raises(BlobError, match="no such blob"),
        again.fetched(BlobClient(server.url, TOKEN, patience=1), digest(b"other"), PLENTY),
    ):
        pass
