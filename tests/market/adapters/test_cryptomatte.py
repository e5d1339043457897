import numpy as np
import pytest

from tegula_market.adapters import cryptomatte
from tegula_market.adapters.exr import Image

CUBE, BALL, WALL = 0x0000A1B2, 0x7FD97E51, 0x4159B52A
MANIFEST, NAME = "cryptomatte/542cafa/manifest", "cryptomatte/542cafa/name"


def image(manifest: str, *shown: int, **attributes: str) -> Image:
    ids = np.array([shown or (0,)], np.uint32).view(np.float32)
    name = "View.CryptoObject"
    text = {"cryptomatte/542cafa/hash": "MurmurHash3_32", NAME: name, MANIFEST: manifest, **attributes}
    return Image(ids.shape[1], 1, {f"{name}00.r": ids, f"{name}00.g": np.ones_like(ids)}, text)


def manifest(**names: int) -> str:
    return "{" + ",".join(f'"{name}":"{each:08x}"' for name, each in names.items()) + "}"


@pytest.mark.parametrize(
    "mine",
    [
        manifest(Cube=CUBE, Ball=BALL, Wall=WALL),
        manifest(Wall=WALL, Cube=CUBE, Ball=BALL),
        manifest(Cube=CUBE, Ball=BALL),  # the true image's process has seen a wall somewhere else
        manifest(Cube=CUBE, Ball=BALL, Wall=WALL, Lamp=7),
    ],
)
def test_what_else_a_process_had_in_memory_is_no_lie(mine: str) -> None:
    true = image(manifest(Cube=CUBE, Ball=BALL, Wall=WALL), CUBE, BALL)
    assert not cryptomatte.disagreement(image(mine, CUBE, BALL), true)


@pytest.mark.parametrize(
    "mine",
    [
        "",
        "{}",
        "[",
        manifest(Cube=CUBE),
        manifest(Cube=BALL, Ball=CUBE),
        manifest(Cube=CUBE, Ball=BALL, Wall=CUBE),
        manifest(Cube=CUBE, Ball=BALL, Fence=WALL),
    ],
)
def test_a_lie_about_what_is_there_is_found(mine: str) -> None:
    true = image(manifest(Cube=CUBE, Ball=BALL, Wall=WALL), CUBE, BALL)
    assert "manifests" in cryptomatte.disagreement(image(mine, CUBE, BALL), true)


def test_another_hash_or_another_pass_is_found() -> None:
    true = image(manifest(Cube=CUBE))
    for key, value in (
        ("cryptomatte/542cafa/hash", "sha1"),
        (NAME, "View.Other"),
        ("cryptomatte/1/name", ""),
    ):
        assert "cryptomattes" in cryptomatte.disagreement(image(manifest(Cube=CUBE), **{key: value}), true)
    assert "cryptomattes" in cryptomatte.disagreement(Image(1, 1, true.channels), true)


def test_images_without_agree() -> None:
    plain = Image(1, 1, {"View.Combined.R": np.zeros((1, 1), np.float32)}, {"RenderTime": "1"})
    assert not cryptomatte.disagreement(plain, plain)
    assert cryptomatte.merged(plain.text, plain.text) == {}


def test_names_are_read_as_blender_writes_them() -> None:
    """It escapes nothing."""
    odd = '{"a"b":"0000a1b2","c\\":"7fd97e51","d,\n":"4159b52a"}'
    true = image(odd, CUBE, BALL, WALL)
    assert not cryptomatte.disagreement(true, true)
    assert cryptomatte.disagreement(image('{"a"b":"0000a1b2"}'), true)


def test_a_frame_names_what_its_tiles_name() -> None:
    one, other = image(manifest(Cube=CUBE, Ball=BALL)), image(manifest(Wall=WALL, Cube=CUBE))
    assert cryptomatte.merged(one.text, one.text) == {MANIFEST: one.text[MANIFEST]}
    assert cryptomatte.merged(one.text, other.text) == cryptomatte.merged(other.text, one.text)
    assert cryptomatte.merged(one.text, other.text) == {MANIFEST: manifest(Ball=BALL, Cube=CUBE, Wall=WALL)}
