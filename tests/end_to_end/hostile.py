"""Files that claim to be images: what a hostile worker, or a verifier that was taken over, would deliver."""

import struct
from pathlib import Path

import numpy as np

from tegula_market.adapters import exr

HUGE = (0, 0, 99_999, 9_999)
"""A data window of 10^9 pixels, inclusive corners."""
DEEP = 0x08
"""In the second byte of the version field."""


def make(kind: str, whole: Path, path: Path) -> None:
    """Writes it at `path`.

    Args:
        whole: an honest image of the same rect.
    """
    data = whole.read_bytes()
    match kind:
        case "huge":
            path.write_bytes(_windowed(data, HUGE))
        case "channels":
            image = exr.read(whole)
            plane = np.zeros((image.height, image.width), np.float32)
            names = (f"ViewLayer.Extra{n:05}.X" for n in range(10_000))
            exr.write(path, exr.Image(image.width, image.height, dict.fromkeys(names, plane)))
        case "truncated":
            path.write_bytes(data[: len(data) * 2 // 3])
        case "deep":
            path.write_bytes(data[:5] + bytes([data[5] | DEEP]) + data[6:])
        case "magic":
            path.write_bytes(b"\x89PNG" + data[4:])
        case "bomb":
            path.write_bytes(data + bytes(64 << 20))
        case _:
            raise ValueError(kind)


def _windowed(data: bytes, window: tuple[int, int, int, int]) -> bytes:
    for name in (b"dataWindow", b"displayWindow"):
        at = data.index(name + b"\0box2i\0") + len(name) + 1 + len(b"box2i\0") + 4
        data = data[:at] + struct.pack("<4i", *window) + data[at + 16 :]
    return data
