"""What the injector leaves behind; that its pictures are F12's, tests/requester/test_finishing.py shows."""

import subprocess
import sys
from pathlib import Path

import pytest

from pictures import build, pixels, tiles
from tegula.scene import inspect_scene
from tegula_blender.session import blender
from tegula_blender.session.blender import SceneRefused
from tegula_market.model import Rect, Tile

pytestmark = pytest.mark.slow

WHOLE = Rect(0, 0, 64, 48)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("injector")
    build(made, "plain")
    scene = inspect_scene(made / "plain.blend", scratch=made).scene
    (frame,) = tiles(made / "plain.blend", scene, (Tile(0, 1, WHOLE, WHOLE),), made)
    frame.rename(made / "frame.exr")
    return made


def test_a_process_that_has_developed_ends_by_itself(folder: Path, tmp_path: Path) -> None:
    """With an engine of its own still registered, it would hang."""
    made = {"frame": 1, "exr": str(folder / "frame.exr"), "png": str(tmp_path / "frame.png")}
    script = f"""
import bpy
from tegula_blender import injector
from tegula_blender.engine import TegulaRender
bpy.ops.wm.open_mainfile(filepath={str(folder / "plain.blend")!r}, load_ui=False, use_scripts=False)
injector.develop([{made!r}], percentage=100)
assert bpy.context.scene.render.engine == "CYCLES"
assert not TegulaRender.is_registered
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60, stdout=subprocess.DEVNULL)
    assert pixels(tmp_path / "frame.png")[1]


@pytest.mark.parametrize("name", ["with {braces}.png", "##.png", "no suffix"])
def test_a_picture_is_called_what_it_is_called(folder: Path, tmp_path: Path, name: str) -> None:
    made = {"frame": 1, "exr": str(folder / "frame.exr"), "png": str(tmp_path / name)}
    blender.ask("develop", None, blend=str(folder / "plain.blend"), percentage=100, pictures=[made])
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_layers_that_are_not_there(folder: Path, tmp_path: Path) -> None:
    made = {"frame": 1, "exr": str(tmp_path / "none.exr"), "png": str(tmp_path / "frame.png")}
    with pytest.raises(SceneRefused, match=r"none\.exr|Reading render result"):
        blender.ask("develop", None, blend=str(folder / "plain.blend"), percentage=100, pictures=[made])
