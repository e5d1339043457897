"""From what packing says of a scene to what a job renders: settings, files, digests."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tegula_blender.session.blender import SceneRefused
from tegula_market import codec, digests, tiling
from tegula_market.model import Adaptive, Digest, InvalidValue, Rect, Scene, SceneFile, SceneManifest
from tegula_market.tiling import Border

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

    @property
    def blobs(self) -> dict[Digest, Path | bytes]:
        """All that workers need of it."""
        return {**self.sources, self.scene.manifest: codec.dumps(self.manifest)}


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
class Inspected:
    """`tegula_blender.packing.inspect`."""

    problems: tuple[str, ...]
    scene: _Settings | None
    blend: str
    files: tuple[str, ...]


def packed(found: Inspected, original: Path, frames: tuple[int, ...] | None) -> PackedScene:
    """Reads every file.

    Args:
        original: where the .blend lies, or would lie if it were saved; its files lie around it.
    Raises:
        SceneRefused: it cannot be rendered in tiles; one sentence for each reason.
    """
    if found.problems or found.scene is None:
        raise SceneRefused(*found.problems)
    said = found.scene
    manifest, sources = _manifest(original, Path(found.blend), [Path(path) for path in found.files])
    scene = _scene(said, digests.digest(codec.dumps(manifest)))
    chosen = frames or (said.current,)
    return PackedScene(original, scene, manifest, sources, chosen, said.denoised, said.range, said.fps)


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
