"""Judges what a verdict stands on: for the coordinator the first time, for whoever doubts it once more."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from tegula_market import evidence, probes, tiling, vouchers
from tegula_market.adapters import chain, signing, verify
from tegula_market.adapters.bundles import Find
from tegula_market.adapters.statistic import pair_of
from tegula_market.adapters.verify import Judgement, Rendered
from tegula_market.evidence import Evidence, Trial
from tegula_market.model import Digest, InvalidValue, Rect, lease_parts
from tegula_market.vouchers import Domain

SAME = 1e-9
"""Relative difference of two statistics that are one: libraries differ in the last bits of a logarithm."""


@dataclass(frozen=True, slots=True)
class Replayed:
    judgement: Judgement
    """What the images say when they are compared anew."""
    objections: tuple[str, ...]
    """What does not hold of what the bundle says, a sentence each."""


def judge(trial: Trial, find: Find) -> Judgement:
    """Compares the images of a trial. Blocks: reads all of them.

    Raises:
        InvalidValue: the trial's order, or its number of images, makes no sense.
    """
    rects, overscan = evidence.where(trial)
    wanted = len(rects), len(rects) if trial.whole else 0
    if (len(trial.images), len(trial.twins)) != wanted:
        raise InvalidValue(f"{len(trial.images)} images and {len(trial.twins)} twins of {len(rects)} probes")
    pair = pair_of(trial.result.device, trial.verifier)
    tile = Rendered(find(trial.result.image), tiling.tile(trial.order, trial.unit).rendered)
    images = list(_around(trial, trial.images, rects, overscan, find))
    if not trial.whole:
        return verify.screen(tile, rects, images, pair, trial.strayed)
    (twin,) = _around(trial, trial.twins, rects, overscan, find)
    return verify.confirm(tile, rects[0], images[0], twin, pair)


def replay(stated: Evidence, find: Find) -> Replayed:
    """Comes to the verdict again, and says what of the evidence does not hold.

    Raises:
        InvalidValue: its order makes no sense.
    """
    judgement = judge(stated.trial, find)
    return Replayed(judgement, (*_unfounded(stated), *_unlike(stated, judgement)))


def _unfounded(stated: Evidence) -> Iterator[str]:
    trial = stated.trial
    job, unit, attempt = lease_parts(trial.result.lease)
    payload = vouchers.result_payload(
        Domain(stated.chain_id, stated.escrow), job, unit, attempt, trial.result.image
    )
    if signing.recover(payload, trial.result.signature) != stated.worker:
        yield "the worker has not signed this image for this lease"
    if chain.job_id(trial.order.terms) != job:
        yield "the lease is of another job than the order"
    if probes.commitment(trial.salt) != stated.commitment:
        yield "the salt does not open the lease's commitment"
    if (stated.rects, stated.overscan) != evidence.where(trial):
        yield "the probes are not where salt and image place them"
    if (stated.verdict.lease, stated.verdict.salt) != (trial.result.lease, trial.salt):
        yield "the verdict is on another lease"


def _unlike(stated: Evidence, found: Judgement) -> Iterator[str]:
    said = stated.verdict
    if not math.isclose(said.statistic, found.statistic, rel_tol=SAME, abs_tol=SAME):
        yield f"the verdict's statistic was {said.statistic}; it is {found.statistic}"
    for name in ("outcome", "threshold", "probe_pixels"):
        if getattr(said, name) != getattr(found, name):
            yield f"the verdict's {name} was {getattr(said, name)}; it is {getattr(found, name)}"


def _around(
    trial: Trial, images: tuple[Digest, ...], rects: tuple[Rect, ...], overscan: int, find: Find
) -> Iterator[Rendered]:
    within = tiling.frames(trial.order)[0].rect  # every frame's is the same
    for image, rect in zip(images, rects, strict=True):
        yield Rendered(find(image), rect.grown(overscan, within))
