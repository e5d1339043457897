"""Renders once more what a verdict stands on, with the renderer that verifiers have, on another machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tegula_market import codec, messages
from tegula_market.adapters.blobs import BlobClient
from tegula_market.codec import MalformedInput
from tegula_market.digests import digest_of
from tegula_market.evidence import Trial, where
from tegula_market.model import Digest, Rect, SceneFile, SceneManifest, lease_parts
from tegula_worker.renderer import Renderer
from tegula_worker.rendering import places
from tegula_worker.scenes import LaidOut, SceneCache, SceneRefused, check

PIECE = 1 << 20


async def render(trial: Trial, laid: LaidOut, out: Path, renderer: Renderer, twin: Renderer) -> Trial:
    """The trial as if this machine had been the verifier; its images lie in `out`, named by their digests.

    Raises:
        RenderFailed: this machine cannot render it; the message says why.
        InvalidValue: the trial's order makes no sense.
    """
    frame, rects = places(_probe(trial))

    async def drawn(by: Renderer) -> tuple[Digest, ...]:
        try:
            await by.start()
            return tuple([await _draw(trial, laid, out, by, frame, rect) for rect in rects])
        finally:
            await by.close()

    images = await drawn(renderer)
    twins = await drawn(twin) if trial.whole else ()
    return replace(trial, verifier=renderer.device_name, images=images, twins=twins)


def given(scene: Path, manifest_file: Path, max_bytes: int) -> LaidOut:
    """A scene that lies here already, if it is the one that was rendered, to the last bit.

    Args:
        scene: a folder with the files that the manifest lists, or the .blend in it.
    Raises:
        SceneRefused: it is another, or not all of it is there.
    """
    manifest = _manifest(manifest_file)
    check(manifest, max_bytes)
    top = scene.absolute().parents[manifest.blend.count("/")] if scene.is_file() else scene.absolute()
    for file in manifest.files:
        _check_file(top / file.path, file)
    return LaidOut(top, manifest.blend)


@contextmanager
def fetched(blobs: BlobClient, manifest: Digest, max_bytes: int) -> Iterator[LaidOut]:
    """The scene from a coordinator, for as long as the context lasts.

    Raises:
        SceneRefused, BlobError: it cannot be had.
    """
    with TemporaryDirectory(prefix="tegula-scene-") as folder:
        yield SceneCache(Path(folder), max_bytes).lay_out(manifest, blobs)


def _probe(trial: Trial) -> messages.Probe:
    """What the verifier was asked for."""
    job, unit, _ = lease_parts(trial.result.lease)
    rects, overscan = where(trial)
    return messages.Probe(trial.result.lease, job, trial.order, unit, rects, overscan, twin=trial.whole)


async def _draw(trial: Trial, laid: LaidOut, out: Path, renderer: Renderer, frame: int, rect: Rect) -> Digest:
    path = out / "rendering.exr"
    await renderer.render(laid.folder, laid.blend, trial.order.scene, frame, rect, path)
    name = _digest(path)
    path.replace(out / f"{name.hex()}.exr")
    return name


def _manifest(path: Path) -> SceneManifest:
    try:
        return codec.loads(SceneManifest, path.read_bytes())
    except MalformedInput as error:
        raise SceneRefused(f"the scene's manifest cannot be read: {error}") from error


def _check_file(path: Path, file: SceneFile) -> None:
    try:
        found = _digest(path) if path.stat().st_size == file.size else None
    except OSError as error:
        raise SceneRefused(f"{path} is part of the scene and cannot be read: {error.strerror}") from error
    if found != file.digest:
        raise SceneRefused(
            f"{path} is not the file that was rendered. Rendering packs a copy of a .blend; name a worker's"
            " scene folder instead, or fetch the scene: --coordinator URL --token-file FILE"
        )


def _digest(path: Path) -> Digest:
    with path.open("rb") as file:
        return digest_of(iter(lambda: file.read(PIECE), b""))
