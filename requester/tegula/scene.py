"""From a .blend on the artist's disk to what a job renders: settings, files, digests."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tegula_blender.session import blender as blenders
from tegula_blender.session.blender import SceneRefused
from tegula_market import codec, digests, tiling
from tegula_market.model import Adaptive, Digest, InvalidValue, Rect, Scene, SceneFile, SceneManifest
from tegula_market.tiling import Border

MAGIC = (b"BLENDER", b"\x28\xb5\x2f\xfd", b"\x1f\x8b")
"""Of a plain .blend, and of one compressed with zstd (Blender 3 and later) or gzip."""
ODD = frozenset('\\:*?"<>|')
"""Characters that workers do not take in a path: Windows forbids them."""
CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class PackedScene:
    original: Path
    """The artist's own file, which finishes the frames."""
    scene: Scene
    manifest: SceneManifest
    sources: dict[Digest, Path]
    """Where the blobs of the manifest lie. The manifest itself is `codec.dumps(manifest)`."""
    frames: tuple[int, ...]
    """What was asked for, or else the frame that the file was saved at."""
    denoised: tuple[str, ...]
    """View layers that are denoised once the frame is whole."""
    range: tuple[int, int, int]
    """First frame, last frame and step of the scene's animation."""
    fps: float


@dataclass(frozen=True, slots=True)
class _Settings:
    """`tegula_blender.packing.describe`."""

    blender: str
    engine: str
    resolution_x: int
    resolution_y: int
    percentage: int
    border: Border | None
    crop: bool
    spp: int
    seed: int
    adaptive: Adaptive | None
    view_layers: int
    denoised: tuple[str, ...]
    current: int
    range: tuple[int, int, int]
    fps: float


@dataclass(frozen=True, slots=True)
class _Inspected:
    """`tegula_blender.packing.inspect`."""

    problems: tuple[str, ...]
    scene: _Settings | None
    blend: str
    files: tuple[str, ...]


def inspect_scene(
    blend: Path,
    *,
    scratch: Path,
    blender: Path | None = None,
    frames: tuple[int, ...] | None = None,
    samples: int | None = None,
    scale: int | None = None,
) -> PackedScene:
    """Open a .blend in a Blender of its own and find out what is to be rendered.

    Args:
        scratch: a folder that lasts as long as `PackedScene.sources` are wanted.
        samples, scale: instead of the scene's samples and resolution percentage.
    Raises:
        SceneRefused: it cannot be rendered in tiles; one sentence for each reason.
    """
    blend = blend.absolute()
    check(blend)
    asked = {"samples": samples, "percentage": scale, "copy": str(scratch / "scene.blend")}
    answer = blenders.ask("inspect", blender, blend=str(blend), **asked)
    found = codec.decode(_Inspected, answer)
    if found.problems or found.scene is None:
        raise SceneRefused(*found.problems)
    said = found.scene
    manifest, sources = _manifest(blend, Path(found.blend), [Path(path) for path in found.files])
    scene = _scene(said, digests.digest(codec.dumps(manifest)))
    chosen = frames or (said.current,)
    return PackedScene(blend, scene, manifest, sources, chosen, said.denoised, said.range, said.fps)


def check(blend: Path) -> None:
    """What can be told of a file in no time, before a Blender is started.

    Raises:
        SceneRefused: it is not there, or is not a .blend.
    """
    try:
        with blend.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise SceneRefused(f"{blend} cannot be read ({error.strerror}); name a .blend file.") from error
    if not start.startswith(MAGIC):
        raise SceneRefused(f"{blend} is not a .blend file; save the scene from Blender and name that file.")


def _scene(said: _Settings, manifest: Digest) -> Scene:
    try:
        size = tiling.frame_size(said.resolution_x, said.resolution_y, said.percentage)
        region = _region(said.border, *size)
    except InvalidValue as error:
        raise SceneRefused(f"{error}.") from error
    return Scene(
        manifest=manifest,
        blender=said.blender,
        resolution_x=said.resolution_x,
        resolution_y=said.resolution_y,
        percentage=said.percentage,
        region=region,
        crop=said.crop,
        spp=said.spp,
        seed=said.seed,
        adaptive=said.adaptive,
        view_layers=said.view_layers,
    )


def _region(border: Border | None, width: int, height: int) -> Rect | None:
    return tiling.pixels(border, width, height) if border else None


def _manifest(original: Path, blend: Path, files: list[Path]) -> tuple[SceneManifest, dict[Digest, Path]]:
    """Files laid out below the folder that holds them all, so that relative paths go on holding.

    Args:
        blend: holds the bytes that stand in `original`'s place.
    """
    top = Path(os.path.commonpath([path.parent for path in (original, *files)]))
    listed, sources = [], {}
    for place in sorted({original, *files}):
        source = blend if place == original else place
        file = _file(place.relative_to(top).as_posix(), source)
        listed.append(file)
        sources[file.digest] = source
    return SceneManifest(original.relative_to(top).as_posix(), tuple(listed)), sources


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
