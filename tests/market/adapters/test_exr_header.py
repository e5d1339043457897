"""Hostile headers, written by hand: none of them may reach a decoder."""

import struct
from pathlib import Path

import pytest

from tegula_market.adapters.exr_header import GENEROUS, Limits, UnreadableImage, header


def attribute(name: str, kind: str, data: bytes) -> bytes:
    return name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<i", len(data)) + data


def channels(*names: str, kind: int = 2, sampling: int = 1) -> bytes:
    entry = struct.pack("<iIii", kind, 0, sampling, sampling)
    return b"".join(name.encode() + b"\0" + entry for name in names) + b"\0"


def window(width: int, height: int, x: int = 0, y: int = 0) -> bytes:
    return struct.pack("<4i", x, y, x + width - 1, y + height - 1)


def part(**changed: bytes) -> bytes:
    """A small sound part; a value of b"" leaves the attribute out."""
    kinds = {"channels": "chlist", "compression": "compression", "dataWindow": "box2i", "type": "string"}
    values = {
        "channels": channels("ViewLayer.Combined.R", "ViewLayer.Depth.Z"),
        "compression": b"\x03",
        "dataWindow": window(16, 9),
        "type": b"scanlineimage",
    } | changed
    return b"".join(attribute(n, kinds.get(n, "string"), v) for n, v in values.items() if v) + b"\0"


def exr(*parts: bytes, version: int = 2) -> bytes:
    end = b"\0" if version & 0x1000 else b""
    return struct.pack("<ii", 20_000_630, version) + b"".join(parts) + end


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "image.exr"


def test_one_part(file: Path) -> None:
    file.write_bytes(exr(part(name=b"ignored", note=b"kept")))
    found = header(file)
    assert (found.width, found.height) == (16, 9)
    assert found.parts == (("ViewLayer.Combined.R", "ViewLayer.Depth.Z"),)
    assert found.text == {"note": "kept"}


def test_many_parts(file: Path) -> None:
    file.write_bytes(exr(part(channels=channels("A.R")), part(channels=channels("B.R")), version=0x1402))
    assert header(file).channels == ("A.R", "B.R")


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "not an OpenEXR"),
        (b"BLENDER-v405" * 9, "not an OpenEXR"),
        (b"\x76\x2f\x31\x01", "not an OpenEXR"),
        (exr(part(), version=3), "version"),
        (exr(part(), version=0x202), "tiled"),
        (exr(part(), version=0x802), "deep"),
        (exr(part(type=b"deepscanline"), version=0x1002), "deepscanline"),
        (exr(part(type=b"tiledimage"), version=0x1002), "tiledimage"),
        (exr(part(channels=b"")), "no channels"),
        (exr(part(dataWindow=b"")), "no dataWindow"),
        (exr(part(compression=b"")), "no compression"),
        (exr(part(compression=b"\x08")), "compression 08"),
        (exr(part(dataWindow=b"short")), "broken"),
        (exr(part(dataWindow=window(0, 9))), "0 x 9"),
        (exr(part(dataWindow=struct.pack("<4i", 2**31 - 1, 0, -(2**31), 8))), "pixels"),
        (exr(part(dataWindow=window(1_000_000, 1_000))), "1000000 x 1000"),
        (exr(part(dataWindow=window(65_536, 65_536))), "values"),
        (exr(part(channels=channels())), "0 channels"),
        (exr(part(channels=channels(*map(str, range(5_000))))), "5000 channels"),
        (exr(part(channels=channels("R", "R"))), "twice"),
        (exr(part(channels=channels("R", kind=1))), "32-bit"),
        (exr(part(channels=channels("R", sampling=2))), "one for each pixel"),
        (exr(part(channels=channels("R")[:-5])), "broken"),
        (exr(part(), part(), version=0x1002), "twice"),
        (exr(part(), part(dataWindow=window(9, 16)), version=0x1002), "differ in size"),
        (exr(part()[:-1] + attribute("type", "string", b"scanlineimage") + b"\0"), "twice"),
        (exr(b"name" * 100), "broken"),
        (exr(b"name\0string\0" + struct.pack("<i", -5) + b"\0"), "broken"),
        (exr(b"name\0string\0" + struct.pack("<i", 2**31 - 1) + b"\0"), "broken"),
        (exr(part(note=b"\xff\xfe")), "broken"),
    ],
)
def test_hostile_headers(file: Path, data: bytes, word: str) -> None:
    file.write_bytes(data)
    with pytest.raises(UnreadableImage, match=word):
        header(file)


def test_every_cut_of_a_header_is_refused(file: Path) -> None:
    whole = exr(part(), part(channels=channels("B.R")), version=0x1002)
    for end in range(len(whole) - 1):
        file.write_bytes(whole[:end])
        with pytest.raises(UnreadableImage):
            header(file)


@pytest.mark.parametrize(
    "limits",
    [
        Limits(file_bytes=100),
        Limits(header_bytes=100),
        Limits(edge=15),
        Limits(channels=1),
        Limits(values=16 * 9 * 2 - 1),
    ],
)
def test_the_caller_can_be_stricter(file: Path, limits: Limits) -> None:
    file.write_bytes(exr(part()))
    header(file, GENEROUS)
    with pytest.raises(UnreadableImage):
        header(file, limits)
