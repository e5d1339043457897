"""What cannot be denoised; that what can equals F12's, tests/requester/test_finishing.py shows."""

from pathlib import Path

import numpy as np
import pytest

from pictures import build
from tegula_blender.session import blender
from tegula_blender.session.blender import SceneRefused
from tegula_market.adapters import exr
from tegula_market.adapters.exr import Image

pytestmark = pytest.mark.slow


def test_a_frame_without_guiding_passes(tmp_path: Path) -> None:
    build(tmp_path, "denoised")
    planes = {f"ViewLayer.Combined.{c}": np.zeros((4, 4), np.float32) for c in "RGB"}
    exr.write(tmp_path / "frame.exr", Image(4, 4, planes))
    image = {"input": str(tmp_path / "frame.exr"), "output": str(tmp_path / "clean.exr")}
    with pytest.raises(SceneRefused, match="denoising data"):
        blender.ask("denoise", None, blend=str(tmp_path / "denoised.blend"), images=[image])
    assert not (tmp_path / "clean.exr").exists()
