"""What inspecting leaves behind, and what it refuses to read; its answers are in tests/requester."""

from pathlib import Path

import pytest

from pictures import build
from tegula_blender.session import blender

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("packing")
    build(made, "denoised", "absolute", "later")
    return made


def inspect(blend: Path, copy: Path) -> dict[str, object]:
    asked = {"samples": None, "percentage": None, "copy": str(copy)}
    return blender.ask("inspect", None, blend=str(blend), **asked)


def test_a_scene_that_lies_well_is_not_copied(folder: Path, tmp_path: Path) -> None:
    found = inspect(folder / "denoised.blend", tmp_path / "copy.blend")
    assert found["blend"] == str(folder / "denoised.blend")
    assert found["problems"] == found["files"] == []
    assert not (tmp_path / "copy.blend").exists()


def test_only_view_layers_that_want_it_are_denoised(folder: Path, tmp_path: Path) -> None:
    scene = inspect(folder / "denoised.blend", tmp_path / "copy.blend")["scene"]
    assert isinstance(scene, dict)
    assert (scene["view_layers"], scene["denoised"]) == (2, ["ViewLayer"])


def test_the_artists_folder_is_only_read(folder: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    found = inspect(folder / "absolute.blend", tmp_path / "copy.blend")
    assert found["blend"] == str(tmp_path / "copy.blend")
    assert before == {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_a_scene_of_a_later_blender(folder: Path, tmp_path: Path) -> None:
    (said,) = inspect(folder / "later.blend", tmp_path / "copy.blend")["problems"]  # type: ignore[misc]
    assert said.startswith("The scene was saved by Blender 4.9, of which Blender 4.5 would lose a part")


def test_a_file_that_blender_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "bad.blend").write_bytes(b"BLENDER-v405" + bytes(100))
    found = inspect(tmp_path / "bad.blend", tmp_path / "copy.blend")
    assert found["scene"] is None
    (said,) = found["problems"]  # type: ignore[misc]
    assert said.startswith("bad.blend cannot be opened (")
