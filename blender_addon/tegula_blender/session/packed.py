"""From what `tegula_blender.packing` answers to what a job renders: settings, files, digests."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tegula_market import codec, digests, tiling
from tegula_market.model import Adaptive, Digest, InvalidValue, Scene, SceneManifest
from tegula_market.tiling import Border

from . import blender as blenders
from . import manifests
from .blender import SceneRefused


@dataclass(frozen=True, slots=True)
class PackedScene:
    original: Path
    """Finishes the frames: the artist's own file, or a copy of the open scene that opens where it lies."""
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
        """All that a coordinator has to have."""
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
class _Answer:
    """`tegula_blender.packing.inspect` and `pack_open`."""

    problems: tuple[str, ...]
    scene: _Settings
    blend: str
    here: str
    bytes: str
    files: tuple[str, ...]
    absolute: tuple[str, ...]


def pack(
    answer: dict[str, Any], *, scratch: Path, blender: Path | None, frames: tuple[int, ...] | None = None
) -> PackedScene:
    """Reads every file, and copies the .blend files whose paths have to be made relative. In any thread.

    Args:
        answer: of `tegula_blender.packing`.
        scratch: a folder that lasts as long as `PackedScene.sources` are wanted.
        blender: as `session.blender.ask` takes it.
    Raises:
        SceneRefused: it cannot be rendered in tiles; one sentence for each reason.
    """
    if answer["problems"]:
        raise SceneRefused(*answer["problems"])
    found = codec.decode(_Answer, answer)
    blend, said = Path(found.blend), found.scene
    places = {blend, *map(Path, found.files)}
    manifests.check_drives(blend, places)
    sources = {place: place for place in places} | {blend: Path(found.bytes)}
    manifest, blobs = manifests.manifest(blend, sources | _relative(found, scratch, blender))
    scene = _scene(said, digests.digest(codec.dumps(manifest)))
    chosen, here = frames or (said.current,), Path(found.here)
    return PackedScene(here, scene, manifest, blobs, chosen, said.denoised, said.range, said.fps)


def _relative(found: _Answer, scratch: Path, blender: Path | None) -> dict[Path, Path]:
    """Copies of .blend files, by the places that they take; for those that turn out to need one."""
    targets = {place: scratch / f"relative-{i}.blend" for i, place in enumerate(found.absolute)}
    copies = [
        {"source": found.here if place == found.blend else place, "home": place, "target": str(target)}
        for place, target in targets.items()
    ]
    copied = blenders.ask("rewrite", blender, copies=copies)["copied"] if copies else []
    return {Path(place): targets[place] for place in copied}


def _scene(said: _Settings, manifest: Digest) -> Scene:
    try:
        size = tiling.frame_size(said.resolution_x, said.resolution_y, said.percentage)
        region = tiling.pixels(said.border, *size) if said.border else None
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
