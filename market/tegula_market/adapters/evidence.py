"""Judges what a verdict stands on once more, for whoever doubts it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from tegula_market import evidence, probes, vouchers
from tegula_market.adapters import chain, signing
from tegula_market.adapters.bundles import Find
from tegula_market.adapters.trials import judge
from tegula_market.adapters.verify import Judgement
from tegula_market.evidence import Evidence
from tegula_market.model import lease_parts
from tegula_market.vouchers import Domain

SAME = 1e-9
"""Relative difference of two statistics that are one: libraries differ in the last bits of a logarithm."""


@dataclass(frozen=True, slots=True)
class Replayed:
    judgement: Judgement
    """What the images say when they are compared anew."""
    objections: tuple[str, ...]
    """What does not hold of what the bundle says, a sentence each."""


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
