"""The header of an OpenEXR file, read under limits before any decoder sees the file.

A returned image is hostile input. What Blender never writes for a tile (deep or tiled parts, lossy
or rare compressions, half floats, subsampling) is refused here, and so is every size that the
caller did not expect, while no more than the header has been read.

Source: the OpenEXR file layout, openexr.com, "File Layout" and "Standard Attributes".
"""

import struct
from dataclasses import dataclass
from pathlib import Path

from tegula_market.model import TegulaError

MAGIC, VERSION = 20_000_630, 2
LONG_NAMES, MULTIPART = 0x400, 0x1000
UNWANTED = {0x200: "tiled", 0x800: "deep"}
FLOAT = 2
LOSSLESS = {b"\x00", b"\x01", b"\x02", b"\x03"}  # none, RLE, ZIPS, ZIP
OF_A_PART = {"name", "type", "view", "colorInteropID"}
"""String attributes that describe one part of a file, not the picture."""


class UnreadableImage(TegulaError):
    """A file that is not an image to be decoded here; the message says why."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that a file may hold. A caller who knows what it expects sets them lower."""

    file_bytes: int = 1 << 32
    header_bytes: int = 1 << 24
    """Cryptomatte manifests stand in the header and name every object of the scene."""
    edge: int = 65_536
    channels: int = 1_024
    values: int = 1 << 31
    """Width x height x channels: what is decoded, in units of four bytes."""


GENEROUS = Limits()


@dataclass(frozen=True, slots=True)
class Header:
    width: int
    height: int
    parts: tuple[tuple[str, ...], ...]
    """Channel names by part. Blender spells them in full ("ViewLayer.Combined.R") in either kind of file:
    4.x writes one part, 5.x a part for each pass."""
    text: dict[str, str]
    """String attributes, cryptomatte manifests among them."""

    @property
    def channels(self) -> tuple[str, ...]:
        return tuple(name for part in self.parts for name in part)


def header(path: Path, limits: Limits = GENEROUS) -> Header:
    """What a file claims to hold.

    Raises:
        UnreadableImage: no OpenEXR file, more than the limits allow, or a kind that is not read.
    """
    size = path.stat().st_size
    if size > limits.file_bytes:
        raise UnreadableImage(f"the file has {size} bytes, over the limit of {limits.file_bytes}")
    with path.open("rb") as file:
        data = file.read(min(size, limits.header_bytes))
    try:
        found = _merge(_parts(_Bytes(data)))
    except (struct.error, EOFError, UnicodeDecodeError) as error:
        raise UnreadableImage(f"the OpenEXR header is broken or over {limits.header_bytes} bytes") from error
    _within(found, limits)
    return found


@dataclass(slots=True)
class _Bytes:
    """A cursor over the first bytes of a file."""

    data: bytes
    at: int = 0

    def take(self, count: int) -> bytes:
        if not 0 <= count <= len(self.data) - self.at:
            raise EOFError
        self.at += count
        return self.data[self.at - count : self.at]

    def int32(self) -> int:
        return int.from_bytes(self.take(4), "little", signed=True)

    def name(self) -> str:
        end = self.data.find(b"\0", self.at, self.at + 256)
        if end < 0:
            raise EOFError
        return self.take(end + 1 - self.at)[:-1].decode()


def _parts(source: _Bytes) -> list[Header]:
    if len(source.data) < 8 or source.int32() != MAGIC:
        raise UnreadableImage("not an OpenEXR file")
    version = source.int32()
    for flag, kind in UNWANTED.items():
        if version & flag:
            raise UnreadableImage(f"a {kind} OpenEXR file; only flat scanline images are read")
    if version & ~(LONG_NAMES | MULTIPART) != VERSION:
        raise UnreadableImage(f"OpenEXR version {version:#x} is not read")
    parts = [_part(source)]
    while version & MULTIPART and source.data[source.at : source.at + 1] != b"\0":
        parts.append(_part(source))
    return parts


def _part(source: _Bytes) -> Header:
    attributes = _attributes(source)
    kind = attributes.get(("type", "string"), b"scanlineimage")
    if kind != b"scanlineimage":
        raise UnreadableImage(f"a part of type {kind!r}; only flat scanline images are read")
    try:
        window = struct.unpack("<4i", attributes["dataWindow", "box2i"])
        channels = attributes["channels", "chlist"]
        compression = attributes["compression", "compression"]
    except KeyError as error:
        raise UnreadableImage(f"the OpenEXR header has no {error.args[0][0]}") from error
    if compression not in LOSSLESS:
        raise UnreadableImage(f"compression {compression.hex()} is not read; only none, RLE and ZIP are")
    text = {key: raw.decode() for (key, kind), raw in attributes.items() if kind == "string"}
    return Header(
        width=window[2] - window[0] + 1,
        height=window[3] - window[1] + 1,
        parts=(tuple(_channels(_Bytes(channels))),),
        text={key: value for key, value in text.items() if key not in OF_A_PART},
    )


def _attributes(source: _Bytes) -> dict[tuple[str, str], bytes]:
    """Values by name and type. A name that comes twice is refused: readers differ on which counts."""
    attributes: dict[tuple[str, str], bytes] = {}
    names = set()
    while name := source.name():
        if name in names:
            raise UnreadableImage(f"the OpenEXR header has {name!r} twice")
        names.add(name)
        kind = source.name()
        attributes[name, kind] = source.take(source.int32())
    return attributes


def _channels(source: _Bytes) -> list[str]:
    names = []
    while name := source.name():
        kind, _, *sampling = struct.unpack("<iIii", source.take(16))
        if kind != FLOAT or sampling != [1, 1]:
            raise UnreadableImage(f"channel {name!r} is not made of 32-bit floats, one for each pixel")
        names.append(name)
    return names


def _merge(parts: list[Header]) -> Header:
    first = parts[0]
    if any((part.width, part.height) != (first.width, first.height) for part in parts):
        raise UnreadableImage("the parts of the OpenEXR file differ in size")
    text = {key: value for part in parts for key, value in part.text.items()}
    return Header(first.width, first.height, tuple(part.parts[0] for part in parts), text)


def _within(found: Header, limits: Limits) -> None:
    if not (0 < found.width <= limits.edge and 0 < found.height <= limits.edge):
        raise UnreadableImage(f"{found.width} x {found.height} pixels; 1 to {limits.edge} a side are read")
    count = len(found.channels)
    if not 0 < count <= limits.channels:
        raise UnreadableImage(f"the image has {count} channels; 1 to {limits.channels} are read")
    if len(set(found.channels)) != count:
        raise UnreadableImage("the image has a channel twice")
    if found.width * found.height * count > limits.values:
        raise UnreadableImage(
            f"{found.width} x {found.height} pixels of {count} channels are over {limits.values} values"
        )
