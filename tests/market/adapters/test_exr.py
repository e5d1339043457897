from pathlib import Path

import numpy as np
import OpenEXR
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from tegula_market.adapters.exr import Image, Limits, Plane, UnreadableImage, read, write
from tegula_market.model import InvalidValue

NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["C"]), min_size=1, max_size=60
)


def same(ours: Image, theirs: Image) -> bool:
    """Bit by bit: NaN is not equal to itself, and -0.0 is equal to 0.0."""
    return ours.channels.keys() == theirs.channels.keys() and all(
        np.array_equal(plane.view(np.uint32), theirs.channels[name].view(np.uint32))
        for name, plane in ours.channels.items()
    )


@st.composite
def images(draw: st.DrawFn) -> Image:
    height, width = draw(array_shapes(min_dims=2, max_dims=2, max_side=40))
    bits = arrays(np.uint32, (height, width), elements=st.integers(0, 2**32 - 1))
    names = draw(st.sets(NAMES, min_size=1, max_size=6))
    text = draw(st.dictionaries(NAMES.map("x/{}".format), NAMES | st.just(""), max_size=3))
    return Image(width, height, {name: draw(bits).view(np.float32) for name in names}, text)


@given(images())
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, image: Image) -> None:
    path = tmp_path_factory.mktemp("exr") / "image.exr"
    write(path, image)
    found = read(path)
    assert (found.width, found.height, found.text) == (image.width, image.height, image.text)
    assert same(found, image)
    assert list(path.parent.iterdir()) == [path]


@pytest.fixture
def plane() -> Plane:
    bits = np.random.default_rng(1).integers(0, 2**32, (61, 37), dtype=np.uint32)
    return bits.view(np.float32)


def test_planes_that_are_not_contiguous(tmp_path: Path, plane: Plane) -> None:
    wide = np.concatenate([plane, plane], axis=1)
    image = Image(20, 61, {"cut": wide[:, 9:29], "turned": plane.T[:20].T})
    write(tmp_path / "a.exr", image)
    assert same(read(tmp_path / "a.exr"), image)
    assert isinstance(image.channels["cut"], np.ndarray)


def test_parts_become_one_image(tmp_path: Path, plane: Plane) -> None:
    """As Blender 5 writes them: a part for each pass, channels with their full names."""
    parts = [
        OpenEXR.Part({"type": OpenEXR.scanlineimage}, {f"{name}.R": plane.copy()}, name)
        for name in ("ViewLayer.Combined", "ViewLayer.Depth")
    ]
    OpenEXR.File(parts).write(str(tmp_path / "parts.exr"))
    found = read(tmp_path / "parts.exr")
    assert same(found, Image(37, 61, {"ViewLayer.Combined.R": plane, "ViewLayer.Depth.R": plane}))


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.99])
def test_pixels_that_are_cut_short(
    tmp_path: Path, plane: Plane, keep: float, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.exr"
    write(path, Image(37, 61, {"R": plane}))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    with pytest.raises(UnreadableImage, match="damaged or cut short"):
        read(path)
    capfd.readouterr()  # the library complains on stdout too


@given(at=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_a_damaged_file_is_refused_or_decoded_to_its_size(
    tmp_path_factory: pytest.TempPathFactory, at: float, flip: int
) -> None:
    path = tmp_path_factory.mktemp("exr") / "a.exr"
    write(path, Image(8, 40, {"R": np.ones((40, 8), np.float32)}, {"note": "n"}))
    data = bytearray(path.read_bytes())
    data[int(at * len(data))] ^= flip
    path.write_bytes(data)
    try:
        found = read(path, Limits(edge=100, channels=4, values=10_000))
    except UnreadableImage:
        return
    assert all(plane.shape == (found.height, found.width) for plane in found.channels.values())


def test_an_image_whose_planes_do_not_fit() -> None:
    for plane in (np.zeros((2, 3), np.float32), np.zeros((3, 2), np.float64)):
        with pytest.raises(InvalidValue, match="Depth"):
            Image(2, 3, {"Depth": plane})


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, plane: Plane) -> None:
    path = tmp_path / "a.exr"
    write(path, Image(37, 61, {"R": plane}))
    before = path.read_bytes()
    with pytest.raises((TypeError, ValueError, RuntimeError)):
        write(path, Image(37, 61, {"R": plane}, {"dataWindow": "not a window"}))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
