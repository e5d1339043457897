"""Cryptomatte in an image's header: manifests say which object or material an id in the pixels stands for.

A manifest lists whatever the renderer held in memory, in its order: one process lists an object first that
another lists last, and knows materials of view layers that it has rendered before. So the manifests of two
images can differ in their text, and in names that occur in no pixel, and both be right.

Keys, and what ids are: Cryptomatte Specification 1.2.0, Psyop (2018).
"""

import re
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from tegula_market.adapters.exr import Image

ENTRY = re.compile(r'"(.*?)":"([0-9a-f]{8})"(?=[,}])', re.DOTALL)
"""A name and its id. Not read as JSON: Blender escapes nothing in a name."""


def disagreement(image: Image, true: Image) -> str:
    """What an image's header says otherwise than that of a true image, which can show a part of the same.

    That is another pass or another hash, an id by another name, a name with another id, or no name for an id
    that the true image names and has in its pixels.

    Returns:
        A sentence, or nothing.
    """
    mine, truth = _attributes(image.text), _attributes(true.text)
    if mine.keys() != truth.keys() or any(
        text != truth[key] for key, text in mine.items() if not _is_manifest(key)
    ):
        return "the image's cryptomattes are not the scene's"
    for key in filter(_is_manifest, truth):
        said, names = _names(mine[key]), _names(truth[key])
        shown = _shown(true, truth.get(key.replace("/manifest", "/name"), ""))
        strange = said.items() - names.items()
        lied = any(name in names or each in names.values() for name, each in strange)
        if lied or any(each in shown and name not in said for name, each in names.items()):
            return "the image's cryptomatte manifests are not the scene's"
    return ""


def merged(one: Mapping[str, str], other: Mapping[str, str]) -> dict[str, str]:
    """By attribute, two manifests of a frame as one: the frame names what any of its tiles does."""
    both = {key: (text, other[key]) for key, text in one.items() if _is_manifest(key) and key in other}
    return {key: text if text == more else _manifest(text, more) for key, (text, more) in both.items()}


def _manifest(one: str, other: str) -> str:
    names = sorted({**_names(other), **_names(one)}.items())
    return "{" + ",".join(f'"{name}":"{each}"' for name, each in names) + "}"


def _attributes(text: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in text.items() if key.startswith("cryptomatte/")}


def _is_manifest(key: str) -> bool:
    return key.startswith("cryptomatte/") and key.endswith("/manifest")


def _names(manifest: str) -> dict[str, str]:
    """Ids by name."""
    return dict(ENTRY.findall(manifest))


def _shown(image: Image, cryptomatte: str) -> set[str]:
    """Ids in the pixels of a cryptomatte, e.g. "ViewLayer.CryptoObject"."""
    return {f"{each:08x}" for plane in _ids(image, cryptomatte) for each in np.unique(plane).tolist()}


def _ids(image: Image, cryptomatte: str) -> Iterator[NDArray[np.uint32]]:
    """uint32[height, width] by rank, in channels such as "ViewLayer.CryptoObject00.r"."""
    for name, plane in image.channels.items():
        if re.fullmatch(re.escape(cryptomatte) + r"\d\d\.[rbRB]", name):
            yield plane.view(np.uint32)
