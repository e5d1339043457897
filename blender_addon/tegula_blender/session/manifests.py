"""The files of a scene as the job's manifest lists them, and where their blobs lie."""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePath

from tegula_market import digests
from tegula_market.model import Digest, SceneFile, SceneManifest

from .blender import SceneRefused

ODD = frozenset('\\:*?"<>|')
"""Characters that workers do not take in a path: Windows forbids them."""
CHUNK = 1 << 20


def manifest(blend: Path, sources: Mapping[Path, Path]) -> tuple[SceneManifest, dict[Digest, Path]]:
    """Files laid out below the folder that holds them all, so that relative paths go on holding.

    Args:
        blend: one of the places.
        sources: for each place, the file whose bytes stand there.
    Raises:
        SceneRefused: a file that cannot be read, or cannot be named so everywhere.
    """
    top = Path(os.path.commonpath([place.parent for place in sources]))
    listed, blobs = [], {}
    for place, source in sorted(sources.items()):
        file = _file(place.relative_to(top).as_posix(), source)
        listed.append(file)
        blobs[file.digest] = source
    return SceneManifest(blend.relative_to(top).as_posix(), tuple(listed)), blobs


def check_drives(blend: PurePath, places: Iterable[PurePath]) -> None:
    """No relative path leads from one drive of Windows to another.

    Raises:
        SceneRefused: one sentence for each file.
    """
    far = sorted(str(place) for place in places if place.drive.casefold() != blend.drive.casefold())
    if far:
        raise SceneRefused(*(f"{path} lies on another drive than {blend}; keep both on one." for path in far))


def _file(path: str, source: Path) -> SceneFile:
    if ODD & set(path) or not path.isprintable():
        raise SceneRefused(f"{path} has characters that not every worker's disk can hold; rename it.")
    try:
        return SceneFile(path, digests.digest_of(_chunks(source)), source.stat().st_size)
    except OSError as error:
        raise SceneRefused(f"{source} cannot be read ({error.strerror}); see to its permissions.") from error


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
