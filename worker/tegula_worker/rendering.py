"""From a lease to a signed result, and from a probe to its images: the worker's Blender kind of work."""

import asyncio
import shutil
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import structlog

from tegula_market import codec, messages, tiling, vouchers
from tegula_market.adapters import signing
from tegula_market.adapters.blobs import BlobClient, BlobError
from tegula_market.adapters.signing import Key
from tegula_market.model import Digest, InvalidValue, Lease, Order, Rect, Result
from tegula_market.vouchers import Domain
from tegula_worker import room
from tegula_worker.policy import tiles_of
from tegula_worker.pool import Pool
from tegula_worker.renderer import Rendered, Renderer, RenderFailed
from tegula_worker.room import NoRoom
from tegula_worker.scenes import LaidOut, SceneCache, SceneRefused

REMEDY = "make room on the disk of the data folder; the worker goes on by itself"

FAULTS = (RenderFailed, SceneRefused, BlobError, InvalidValue, NoRoom)
"""What can come of a stranger's order or a network. Anything else is our own fault."""

log = structlog.get_logger(__name__)


class Workshop:
    def __init__(
        self,
        renderer: Renderer | Pool,
        twin: Renderer,
        scenes: SceneCache,
        folder: Path,
        domain: Domain,
        payout: Key,
    ) -> None:
        """
        Args:
            twin: renders with another kernel; started and closed as it is needed.
        """
        self._renderer = renderer
        self._twin = twin
        self._twins_turn = asyncio.Lock()  # or one probe would close what another renders with
        self._scenes = scenes
        self._fetching: defaultdict[Digest, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._folder = folder
        self._domain = domain
        self._payout = payout
        self._blobs: BlobClient | None = None
        self._carriers = ThreadPoolExecutor(thread_name_prefix="blobs")
        """Wait for the coordinator while it is away, for minutes: they are not to be missed elsewhere."""
        shutil.rmtree(folder, ignore_errors=True)  # images of a worker that was killed
        folder.mkdir(parents=True)

    def use(self, blobs: BlobClient) -> None:
        """The coordinator has said its token. What is under way goes on with the one before."""
        self._blobs = blobs

    def close(self) -> None:
        if self._blobs is not None:
            self._blobs.close()
        self._carriers.shutdown(wait=False)

    async def work(self, lease: Lease, order: Order) -> messages.Deliver | messages.Return:
        tile = tiles_of(order)[lease.unit]
        try:
            image, rendered = await self._render(order, tile.frame, tile.rendered)
        except FAULTS as error:
            if isinstance(error, NoRoom):
                log.warning("lease returned", lease=lease.id, reason=str(error), remedy=REMEDY)
            return messages.Return(lease.id, _failure(error), codec.line(str(error)))
        payload = vouchers.result_payload(self._domain, lease.job, lease.unit, lease.attempt, image)
        signature = signing.sign(payload, self._payout)
        return messages.Deliver(
            Result(lease.id, image, rendered.seconds, rendered.load_seconds, rendered.device, signature)
        )

    async def probe(self, probe: messages.Probe) -> messages.Probed | messages.ProbeFailed:
        """Renders as a tile is rendered, so that pixels can be equal."""
        try:
            frame, rects = places(probe)
            done = [await self._render(probe.order, frame, rect) for rect in rects]
            twins = await self._twins(probe.order, frame, rects) if probe.twin else []
        except FAULTS as error:
            return messages.ProbeFailed(probe.lease, codec.line(str(error)))
        seconds = sum(rendered.seconds for _, rendered in (*done, *twins))
        images, others = (tuple(image for image, _ in each) for each in (done, twins))
        return messages.Probed(probe.lease, images, others, seconds)

    async def _twins(self, order: Order, frame: int, rects: list[Rect]) -> list[tuple[Digest, Rendered]]:
        """The second renderer is there for this only: it needs the scene in memory once more."""
        async with self._twins_turn:
            try:
                return [await self._render(order, frame, rect, self._twin) for rect in rects]
            finally:
                await self._twin.close()

    async def _render(
        self, order: Order, frame: int, rect: Rect, renderer: Renderer | Pool | None = None
    ) -> tuple[Digest, Rendered]:
        assert self._blobs is not None  # no lease comes before the token
        renderer = renderer or self._renderer
        scene, blobs = order.scene, self._blobs
        with room.told("cannot store the scene or its image"):
            laid = await self._laid_out(scene.manifest, blobs)
            with tempfile.TemporaryDirectory(dir=self._folder) as folder:
                out = Path(folder) / "image.exr"
                rendered = await renderer.render(laid.folder, laid.blend, scene, frame, rect, out)
                carried = asyncio.get_running_loop().run_in_executor(
                    self._carriers, blobs.upload, rendered.path
                )
                return await carried, rendered

    async def _laid_out(self, manifest: Digest, blobs: BlobClient) -> LaidOut:
        """One thread for a scene however many of its tiles wait, so that some are left for other scenes."""
        async with self._fetching[manifest]:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._carriers, self._scenes.lay_out, manifest, blobs)


def places(probe: messages.Probe) -> tuple[int, list[Rect]]:
    """The frame, and the rects of it that a probe wants rendered.

    Raises:
        InvalidValue: a probe of nothing.
    """
    tiles = tiles_of(probe.order)
    if not 0 <= probe.unit < len(tiles) or not probe.rects:
        raise InvalidValue(f"tile {probe.unit} with {len(probe.rects)} probes is none of the order's")
    frame = next(f for f in tiling.frames(probe.order) if f.number == tiles[probe.unit].frame)
    return frame.number, [rect.grown(probe.overscan, within=frame.rect) for rect in probe.rects]


def _failure(error: Exception) -> str:
    """The class of a failure, in one word for all kinds."""
    match error:
        case RenderFailed():
            return error.failure.value
        case SceneRefused():
            return "SCENE_REFUSED"
        case BlobError():
            return "NO_BLOB"
        case NoRoom():
            return "DISK_FULL"
        case _:
            return "INVALID_ORDER"
