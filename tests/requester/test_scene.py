from pathlib import Path

import pytest

from pictures import build
from scenes import SHARED
from tegula.scene import check, inspect_scene
from tegula_blender.session.blender import SceneRefused
from tegula_blender.session.packed import PackedScene
from tegula_market import codec, digests
from tegula_market.model import Adaptive, Rect


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (None, "cannot be read"),
        (b"", "is not a .blend"),
        (b"PNG and so on", "is not a .blend"),
        (b"BLEND", "is not a .blend"),
    ],
)
def test_what_is_no_blend_is_told_without_blender(tmp_path: Path, data: bytes | None, sentence: str) -> None:
    if data is not None:
        (tmp_path / "no.blend").write_bytes(data)
    with pytest.raises(SceneRefused, match=sentence):
        inspect_scene(tmp_path / "no.blend", scratch=tmp_path, blender=Path("/there is none"))


def test_a_folder_is_no_blend(tmp_path: Path) -> None:
    with pytest.raises(SceneRefused, match="Is a directory"):
        check(tmp_path)


@pytest.mark.parametrize("magic", [b"BLENDER-v405", b"\x28\xb5\x2f\xfd....", b"\x1f\x8b......"])
def test_what_could_be_a_blend_passes(tmp_path: Path, magic: bytes) -> None:
    (tmp_path / "maybe.blend").write_bytes(magic)
    check(tmp_path / "maybe.blend")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("scenes")
    build(made, "plain", "adaptive", "region", "cropped", "textured", "absolute", "linking", "nameless")
    return made


def laid_out(packed: PackedScene, folder: Path) -> Path:
    """The .blend among its files, as a worker has them."""
    for file in packed.manifest.files:
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        data = packed.sources[file.digest].read_bytes()
        assert digests.digest(data) == file.digest
        assert len(data) == file.size
        target.write_bytes(data)
    return folder / packed.manifest.blend


def paths(packed: PackedScene) -> list[str]:
    return [file.path for file in packed.manifest.files]


@pytest.mark.slow
def test_a_plain_scene(folder: Path, tmp_path: Path) -> None:
    packed = inspect_scene(folder / "plain.blend", scratch=tmp_path)
    scene = packed.scene
    assert (scene.resolution_x, scene.resolution_y, scene.percentage) == (64, 48, 100)
    assert (scene.spp, scene.seed, scene.view_layers) == (8, 0, 1)
    assert scene.region is None
    assert scene.adaptive is not None
    assert scene.adaptive.threshold == pytest.approx(0.01)
    assert scene.manifest == digests.digest(codec.dumps(packed.manifest))
    assert packed.frames == (1,)
    assert packed.range == (1, 250, 1)
    assert packed.fps == 24
    assert packed.denoised == ()
    # The artist's very bytes.
    assert paths(packed) == [packed.manifest.blend] == ["plain.blend"]
    assert list(packed.sources.values()) == [folder / "plain.blend"]


@pytest.mark.slow
def test_what_is_asked_for_goes_before_what_the_scene_says(folder: Path, tmp_path: Path) -> None:
    packed = inspect_scene(folder / "adaptive.blend", scratch=tmp_path, frames=(3, 1), samples=5, scale=50)
    assert (packed.scene.spp, packed.scene.percentage, packed.frames) == (5, 50, (3, 1))
    assert packed.scene.adaptive == Adaptive(0.05000000074505806, 0)
    assert packed.denoised == ("ViewLayer",)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "crop"), [("region", False), ("cropped", True)])
def test_a_render_region(folder: Path, tmp_path: Path, name: str, crop: bool) -> None:
    scene = inspect_scene(folder / f"{name}.blend", scratch=tmp_path).scene
    assert scene.region == Rect(19, 7, 67, 43)
    assert scene.crop == crop


@pytest.mark.slow
def test_only_what_renders_read_is_sent(folder: Path, tmp_path: Path) -> None:
    packed = inspect_scene(folder / "art" / "shots" / "textured.blend", scratch=tmp_path)
    assert packed.manifest.blend == "shots/textured.blend"
    shots = ("seq_001.png", "seq_002.png", "seq_010.png", "textured.blend", "udim.1001.png", "udim.1002.png")
    assert paths(packed) == ["maps/kept.png", *(f"shots/{name}" for name in shots)]


@pytest.mark.slow
def test_absolute_paths_become_relative_in_a_copy(folder: Path, tmp_path: Path) -> None:
    blend = folder / "absolute.blend"
    before = blend.read_bytes()
    packed = inspect_scene(blend, scratch=tmp_path)
    assert paths(packed) == ["absolute.blend", "elsewhere/far.png"]
    assert blend.read_bytes() == before
    moved = laid_out(packed, tmp_path / "laid")
    (folder / "elsewhere").rename(folder / "hidden")
    try:
        again = inspect_scene(moved, scratch=tmp_path)
    finally:
        (folder / "hidden").rename(folder / "elsewhere")
    # Nothing absolute is left: this time the bytes are taken as they are.
    assert again.manifest == packed.manifest
    assert moved in again.sources.values()


@pytest.mark.slow
def test_libraries_come_with_what_they_need(folder: Path, tmp_path: Path) -> None:
    packed = inspect_scene(folder / "linking.blend", scratch=tmp_path)
    assert paths(packed) == ["lib/deep/far.blend", "lib/deep/grain.png", "lib/near.blend", "linking.blend"]
    again = inspect_scene(laid_out(packed, tmp_path / "laid"), scratch=tmp_path)
    assert again.scene == packed.scene


@pytest.mark.slow
def test_a_name_that_some_disks_cannot_hold(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SceneRefused, match=r"maps/a:b\.png has characters .* rename it"):
        inspect_scene(folder / "nameless.blend", scratch=tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("part", [0.002, 0.5, 0.999])
def test_a_truncated_blend(folder: Path, tmp_path: Path, part: float) -> None:
    data = (folder / "plain.blend").read_bytes()
    (tmp_path / "cut.blend").write_bytes(data[: int(len(data) * part)])
    with pytest.raises(SceneRefused, match=r"cut\.blend cannot be opened .* save it again"):
        inspect_scene(tmp_path / "cut.blend", scratch=tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no shared scenes at {SHARED}")
def test_a_scene_of_the_world_outside(tmp_path: Path) -> None:
    packed = inspect_scene(SHARED / "column" / "the_column.blend", scratch=tmp_path, samples=4, scale=25)
    assert paths(packed) == [
        "assets/altocumulus.jpg",
        "assets/column.blend",
        "assets/jello.blend",
        "the_column.blend",
    ]
    assert set(packed.sources.values()) == {SHARED / "column" / path for path in paths(packed)}
    again = inspect_scene(laid_out(packed, tmp_path / "laid"), scratch=tmp_path, samples=4, scale=25)
    assert (again.scene, again.manifest) == (packed.scene, packed.manifest)
