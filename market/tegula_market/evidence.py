"""What a verdict stands on, complete enough that anybody can come to it again.

A bundle holds this as JSON beside the images that it names and the scene's manifest. The scene's files are
not in it: whoever rendered or ordered it has them.
"""

from dataclasses import dataclass

from tegula_market import probes, tiling
from tegula_market.model import Address, Digest, Order, Rect, Result, Verdict, lease_parts


@dataclass(frozen=True, slots=True)
class Trial:
    """What is judged, and by what."""

    order: Order
    result: Result
    """The worker's, with the digest of its image, its device and its signature."""
    salt: bytes
    """Opens the lease's commitment, and places the probes together with the image."""
    whole: bool
    """The tile was suspected: all of it was rendered again, twice."""
    verifier: str
    """The device that rendered the probes."""
    images: tuple[Digest, ...]
    """Of the probes, in their order."""
    twins: tuple[Digest, ...]
    """The same by the verifier's other kernel, if all of the tile was rendered again."""
    strayed: tuple[float, ...]
    """How far verifiers' other kernels had strayed in this job: `adapters.verify.screen`."""

    @property
    def unit(self) -> int:
        return lease_parts(self.result.lease)[1]

    @property
    def all_images(self) -> tuple[Digest, ...]:
        """The worker's, the probes' and their twins'."""
        return self.result.image, *self.images, *self.twins


@dataclass(frozen=True, slots=True)
class Evidence:
    chain_id: int
    escrow: Address
    """With the chain: what signatures of this market are made for."""
    worker: Address
    """Its payout address, which signed the result."""
    commitment: Digest
    """To the salt; the worker had it with the lease."""
    trial: Trial
    rects: tuple[Rect, ...]
    """Rendered again, in pixels of the frame."""
    overscan: int
    """Around each."""
    verdict: Verdict


def where(trial: Trial) -> tuple[tuple[Rect, ...], int]:
    """The rects of a tile to render again, in pixels of the frame, and the overscan around each."""
    order, rect = trial.order, tiling.tile(trial.order, trial.unit).rect
    if trial.whole:
        return (rect,), order.overscan
    overscan = probes.overscan(order.overscan)
    plan = probes.plan(rect, overscan, order.scene.spp)
    return probes.place(trial.salt, trial.result.image, rect, plan), overscan
