"""In a process of its own: the library comes with bpy."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tegula_market.adapters import exr
from tegula_market.adapters.exr import Image

pytestmark = pytest.mark.slow

BLENDERS = """
import sys
sys.modules["OpenEXR"] = None  # as inside Blender
import bpy
sys.path.append(bpy.utils.resource_path("LOCAL") + "/python/lib/python3.11/site-packages")
from pathlib import Path
from tegula_market.adapters import exr
assert exr.codec.__name__.endswith("exr_oiio")
"""


def in_blender(script: str, *arguments: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", BLENDERS + script, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def image() -> Image:
    """Any bits at all, and channels that the library would like to put in another order."""
    names = ("V.Combined.A", "V.Combined.R", "V.CryptoObject00.r", "Z", "a.b.c.Depth.Z", "B")
    bits = np.random.default_rng(1).integers(0, 2**32, (len(names), 31, 57), np.uint32)
    planes = dict(zip(names, bits.view(np.float32), strict=True))
    return Image(57, 31, planes, {"BlenderMultiChannel": "yes", "cryptomatte/1/manifest": '{"a"b":"0"}'})


def assert_same(one: Image, other: Image) -> None:
    assert one.channels.keys() == other.channels.keys()
    for name, plane in one.channels.items():
        assert np.array_equal(plane.view(np.uint32), other.channels[name].view(np.uint32)), name


def test_it_reads_and_writes_what_openexr_does(tmp_path: Path, image: Image) -> None:
    exr.write(tmp_path / "ours.exr", image)
    script = "exr.write(Path(sys.argv[2]), exr.read(Path(sys.argv[1])))"
    in_blender(script, tmp_path / "ours.exr", tmp_path / "theirs.exr")
    found = exr.read(tmp_path / "theirs.exr")
    assert_same(found, image)
    assert found.text.items() >= image.text.items()


def test_damaged_pixels_are_refused(tmp_path: Path, image: Image) -> None:
    exr.write(tmp_path / "whole.exr", image)
    data = (tmp_path / "whole.exr").read_bytes()
    (tmp_path / "cut.exr").write_bytes(data[: len(data) // 2])
    script = """
try:
    exr.read(Path(sys.argv[1]))
except exr.UnreadableImage as error:
    print("refused:", error)
"""
    assert "refused: the pixels of cut.exr are damaged" in in_blender(script, tmp_path / "cut.exr")


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    script = """
from tegula_market.adapters import exr_oiio
import numpy as np
try:
    exr_oiio.encode(Path(sys.argv[1]), {"Z": np.zeros((1, 1), np.float32)}, {})
except RuntimeError as error:
    print("refused:", error)
"""
    assert "refused: " in in_blender(script, tmp_path / "none" / "a.exr")
