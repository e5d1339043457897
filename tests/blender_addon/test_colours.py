import importlib.util
import shutil
from pathlib import Path

import pytest

import gauntlet
from tegula.scene import inspect_scene
from tegula_blender.session.blender import SceneRefused

pytestmark = pytest.mark.slow


def test_a_configuration_of_ones_own_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blend = gauntlet.build("font", tmp_path)
    inspect_scene(blend, scratch=tmp_path)
    monkeypatch.setenv("OCIO", "/studio/aces.ocio")
    with pytest.raises(SceneRefused) as caught:
        inspect_scene(blend, scratch=tmp_path)
    (said,) = caught.value.sentences
    assert said.startswith(
        "This Blender manages colours by /studio/aces.ocio, which workers do not have; start"
    )


def test_blenders_own_configuration_is_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCIO", str(_shipped() / "config.ocio"))
    inspect_scene(gauntlet.build("font", tmp_path), scratch=tmp_path)


def test_a_view_transform_that_is_none_of_blenders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCIO", str(_configuration(tmp_path / "colours")))
    blend = gauntlet.build("own_view", tmp_path)
    monkeypatch.delenv("OCIO")
    with pytest.raises(SceneRefused) as caught:
        inspect_scene(blend, scratch=tmp_path)
    assert caught.value.sentences == (
        "The view transform 'Mine' is none of Blender's own, and workers know no others; choose another.",
    )


def _shipped() -> Path:
    module = importlib.util.find_spec("bpy")
    assert module is not None
    assert module.origin is not None
    (folder,) = Path(module.origin).parent.glob("*/datafiles/colormanagement")
    return folder


def _configuration(folder: Path) -> Path:
    """Blender's own, with one view more."""
    shutil.copytree(_shipped(), folder)
    config = folder / "config.ocio"
    text = config.read_text()
    view = "    - !<View> {name: Mine, colorspace: AgX Base sRGB}\n"
    first = text.index("    - !<View> {name: Standard")
    config.write_text(
        (text[:first] + view + text[first:]).replace("active_views: [", "active_views: [Mine, ")
    )
    return config
