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
