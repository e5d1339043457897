"""The scene of the demo: it builds, packs, and finishes as F12 would."""

import subprocess
import sys
from pathlib import Path

import pytest

from tegula.scene import inspect_scene

pytestmark = pytest.mark.slow

BUILD = Path(__file__).parents[2] / "examples" / "build_roof.py"


def test_the_roof_is_one_file_that_can_be_ordered(tmp_path: Path) -> None:
    blend = tmp_path / "roof.blend"
    subprocess.run([sys.executable, str(BUILD), str(blend)], check=True, timeout=120, capture_output=True)
    packed = inspect_scene(blend, scratch=tmp_path)
    scene = packed.scene
    assert [file.path for file in packed.manifest.files] == ["roof.blend"]
    assert (scene.resolution_x, scene.resolution_y, scene.percentage, scene.spp) == (640, 360, 100, 64)
    assert scene.adaptive is not None
    assert packed.denoised == ("ViewLayer",)
    assert packed.frames == (1,)
