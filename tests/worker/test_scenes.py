"""Scenes from a stranger's manifest: what is laid out, and what is refused."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import TOKEN, BlobServer, blob_server
from tegula_market import codec
from tegula_market.adapters.blobs import BlobClient, BlobError
from tegula_market.digests import digest
from tegula_market.model import Digest, SceneFile, SceneManifest
from tegula_worker import scenes
from tegula_worker.scenes import SceneCache, SceneRefused, check

PLENTY = 1 << 30


@pytest.fixture
def server() -> Iterator[BlobServer]:
    with blob_server() as served:
        yield served


@pytest.fixture
def client(server: BlobServer) -> BlobClient:
    return BlobClient(server.url, TOKEN, patience=1)


def _manifest(*paths: str, blend: str = "") -> SceneManifest:
    files = tuple(SceneFile(path, digest(path.encode()), len(path.encode())) for path in paths)
    return SceneManifest(blend or paths[0], files)


def _publish(server: BlobServer, manifest: SceneManifest) -> Digest:
    for file in manifest.files:
        server.put(file.path.encode())
    return server.put(codec.dumps(manifest))


def test_a_scene_is_laid_out_as_listed_and_read_only(
    server: BlobServer, client: BlobClient, tmp_path: Path
) -> None:
    name = _publish(server, _manifest("a b/scene.blend", "textures/ä.png", "textures/deep/c.exr"))
    cache = SceneCache(tmp_path, PLENTY)
    assert not cache.holds(name)
    laid = cache.lay_out(name, client)
    assert cache.holds(name)
    assert (laid.folder / laid.blend).read_text() == "a b/scene.blend"
    assert (laid.folder / "textures/deep/c.exr").read_text() == "textures/deep/c.exr"
    for where, folders, files in os.walk(laid.folder):
        for each in (".", *folders, *files):
            assert not (Path(where) / each).stat().st_mode & 0o222


def test_nothing_is_fetched_twice(server: BlobServer, client: BlobClient, tmp_path: Path) -> None:
    first, second = _manifest("scene.blend", "same.png"), _manifest("other.blend", "same.png")
    cache = SceneCache(tmp_path, PLENTY)
    laid = cache.lay_out(_publish(server, first), client)
    assert cache.lay_out(_publish(server, first), client) == laid
    SceneCache(tmp_path, PLENTY).lay_out(_publish(server, second), client)
    assert len(server.requests) == len(set(server.requests)) == 5  # two manifests, three files


def test_a_scene_that_is_here_does_not_wait_for_one_that_comes(
    server: BlobServer, client: BlobClient, tmp_path: Path
) -> None:
    here, coming = (_publish(server, _manifest(name)) for name in ("here.blend", "coming.blend"))
    cache = SceneCache(tmp_path, PLENTY)
    cache.lay_out(here, client)
    held = server.hold(f"GET /v1/blobs/0x{coming.hex()}")
    with ThreadPoolExecutor() as threads:
        fetched = threads.submit(cache.lay_out, coming, client)
        assert held.came.wait(60)
        assert cache.lay_out(here, client).blend == "here.blend"
        assert not fetched.done()
        held.go.set()
        assert fetched.result(60).blend == "coming.blend"


def test_a_worker_that_was_killed_leaves_no_half_scene(
    server: BlobServer, client: BlobClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = _publish(server, _manifest("a.blend", "b/c.png"))

    def killed(_: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(scenes, "_close", killed)
        patched.setattr(scenes, "_remove", lambda _: None)
        with pytest.raises(KeyboardInterrupt):
            SceneCache(tmp_path, PLENTY).lay_out(name, client)
    (tmp_path / "blobs" / ".half-a-blob").touch()
    cache = SceneCache(tmp_path, PLENTY)
    assert not list(tmp_path.rglob(".*"))
    assert not cache.holds(name)
    assert (cache.lay_out(name, client).folder / "b/c.png").exists()


def test_without_links_files_are_copied(
    server: BlobServer, client: BlobClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr(Path, "hardlink_to", no_links)
    laid = SceneCache(tmp_path, PLENTY).lay_out(_publish(server, _manifest("a.blend")), client)
    assert (laid.folder / "a.blend").read_text() == "a.blend"
    assert not (laid.folder / "a.blend").stat().st_mode & 0o222


def test_a_file_of_another_size_is_refused(server: BlobServer, client: BlobClient, tmp_path: Path) -> None:
    data = server.put(b"four")
    cache = SceneCache(tmp_path, PLENTY)
    for size, sentence in ((5, "4 bytes, not 5"), (3, "4 bytes, not 3")):
        name = server.put(codec.dumps(SceneManifest("a", (SceneFile("a", data, size),))))
        with pytest.raises(SceneRefused, match=sentence):
            cache.lay_out(name, client)


def test_a_large_file_behind_a_small_size_is_not_read(
    server: BlobServer, client: BlobClient, tmp_path: Path
) -> None:
    manifest = SceneManifest("a", (SceneFile("a", server.put(bytes(1000)), 10),))
    with pytest.raises(BlobError, match="larger"):
        SceneCache(tmp_path, PLENTY).lay_out(server.put(codec.dumps(manifest)), client)


def test_a_manifest_that_is_not_one(server: BlobServer, client: BlobClient, tmp_path: Path) -> None:
    with pytest.raises(SceneRefused, match="cannot be read"):
        SceneCache(tmp_path, PLENTY).lay_out(server.put(b"BLENDER-v405"), client)


@pytest.mark.parametrize(
    "way_out", ["../../stolen", "/{root}/stolen", "a.blend/../../../stolen", "x/./stolen"]
)
def test_no_manifest_writes_outside_its_folder(
    server: BlobServer, client: BlobClient, tmp_path: Path, way_out: str
) -> None:
    path = way_out.format(root=tmp_path)
    name = _publish(server, _manifest("a.blend", path))
    with pytest.raises(SceneRefused):
        SceneCache(tmp_path / "data", PLENTY).lay_out(name, client)
    assert not list(tmp_path.rglob("stolen")), "not inside the cache either"


PLAIN = ("scene.blend", "textures/wood 01.png", "ä/ö.exr", "a.b/c..d", "..." + "x", "日本/木.png", "CON.png")
HOSTILE = (
    "",
    "/etc/passwd",
    "../up",
    "a/../../up",
    "a/./b",
    "a//b",
    "a/",
    ".",
    "..",
    "a\\..\\up",
    "C:evil",
    "C:\\evil",
    "a\x00b",
    "a\nb",
    "a\u202eb",
    "a\ud800b",
    "a*",
    "a?",
    "a|b",
    "a.",
    "a ",
    " a",
    "dir./a",
    "x" * 256,
    "/".join(["x" * 200] * 6),
)


@pytest.mark.parametrize("path", PLAIN)
def test_plain_paths(path: str) -> None:
    check(_manifest("scene0.blend", path), PLENTY)


@pytest.mark.parametrize("path", HOSTILE)
def test_hostile_paths(path: str) -> None:
    with pytest.raises(SceneRefused):
        check(SceneManifest("a", (SceneFile("a", digest(b""), 0), SceneFile(path, digest(b""), 0))), PLENTY)


@pytest.mark.parametrize(
    "paths",
    [
        ("a", "a"),
        ("A.png", "a.PNG"),
        ("stra\u00dfe", "STRASSE"),
        ("\u00e9", "e\u0301"),
        ("a", "a/b"),
        ("A/b/c", "a/B"),
    ],
)
def test_paths_that_some_systems_take_for_one(paths: tuple[str, ...]) -> None:
    with pytest.raises(SceneRefused, match=r"differ in case|both a file and a folder"):
        check(_manifest("scene.blend", *paths), PLENTY)


def test_too_much() -> None:
    with pytest.raises(SceneRefused, match="11 bytes; this worker takes 10"):
        check(_manifest("scene.blend"), 10)
    with pytest.raises(SceneRefused, match="less than no bytes"):
        check(SceneManifest("a", (SceneFile("a", digest(b""), -1),)), PLENTY)
    with pytest.raises(SceneRefused, match="100001 files"):
        check(SceneManifest("a", (SceneFile("a", digest(b""), 0),) * 100_001), PLENTY)


def test_the_blend_is_in_the_list() -> None:
    with pytest.raises(SceneRefused, match="does not list"):
        check(_manifest("scene.blend", blend="other.blend"), PLENTY)


@given(st.text(alphabet=st.sampled_from("ab./\\ .:\x00"), min_size=1, max_size=12))
def test_no_path_that_passes_leaves_the_folder(path: str) -> None:
    try:
        check(SceneManifest(path, (SceneFile(path, digest(b""), 0),)), PLENTY)
    except SceneRefused:
        return
    root = Path("/scenes/one")
    assert os.path.normpath(root / path) == str(root / path)
    assert (root / path).is_relative_to(root)
