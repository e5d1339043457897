"""From a verifier's images to a verdict, and to the evidence that it leaves behind."""

import time
from collections.abc import Iterator
from dataclasses import replace

import structlog

from tegula_coordinator import events, tiles
from tegula_coordinator.blobs import Blobs
from tegula_coordinator.commands import SendProbe
from tegula_coordinator.derive import Derive
from tegula_coordinator.evidence import EvidenceFolder
from tegula_market import evidence, messages, probes
from tegula_market.adapters.evidence import judge
from tegula_market.adapters.verify import Judgement
from tegula_market.evidence import Evidence, Trial
from tegula_market.model import Address, Digest, LeaseId, Outcome, Rect, Verdict, lease_parts
from tegula_market.vouchers import Domain

log = structlog.get_logger(__name__)


class Jury:
    def __init__(self, blobs: Blobs, kept: EvidenceFolder, derive: Derive, domain: Domain) -> None:
        self._blobs = blobs
        self._kept = kept
        self._derive = derive
        self._domain = domain

    def where(self, probe: SendProbe) -> tuple[tuple[Rect, ...], int]:
        """The rects to render again, and the overscan around each."""
        return evidence.where(self._trial(probe, "", (), ()))

    def judge(
        self, probe: SendProbe, probed: messages.Probed, worker: Address, verifier: str
    ) -> events.Judged | events.Suspected:
        """Blocks: reads images, keeps the evidence.

        Args:
            worker: its payout address.
            verifier: the device that it says it has rendered on.
        """
        trial = self._trial(probe, verifier, probed.images, probed.twins)
        rects, _ = evidence.where(trial)
        wanted = len(rects), len(rects) if probe.whole else 0
        try:
            if (len(trial.images), len(trial.twins)) != wanted or self._blobs.missing(
                (*trial.images, *trial.twins)
            ):
                return self.no_verdict(probe, "the verifier's images are not all here", probed.seconds)
            with self._blobs.at_hand(trial.all_images) as find:
                found = judge(trial, find)
            unfit = self._unfit(probe) if found.outcome is Outcome.ACCEPTED else ""
            if found.suspected:
                return events.Suspected(
                    time.time(), probe.lease, probe.number, found.statistic, found.threshold, found.reason
                )
            verdict = self._verdict(probe.lease, found, probed.seconds)
            if not unfit:  # what is wrong then is in another tile, whose image the requester has as well
                self._keep(trial, worker, verdict)
        except (OSError, MemoryError) as error:  # our disk or memory, and no fault of the worker's
            log.exception("cannot judge", lease=probe.lease)
            reason = f"the coordinator could not compare the images: {type(error).__name__}"
            return self.no_verdict(probe, reason, probed.seconds)
        if unfit:
            verdict = replace(verdict, outcome=Outcome.REJECTED, reason=unfit)
        others = self._rest(probe, verdict) if verdict.outcome is Outcome.ACCEPTED else ()
        return events.Judged(time.time(), verdict, tuple(others), probe.number, found.strayed)

    def no_verdict(self, probe: SendProbe, reason: str, seconds: float = 0.0) -> events.Judged:
        """What befell a verifier or the coordinator, and is nobody's fault."""
        found = Judgement(Outcome.INCONCLUSIVE, 0.0, 0.0, 0, reason)
        return events.Judged(time.time(), self._verdict(probe.lease, found, seconds), (), probe.number, ())

    def _trial(
        self, probe: SendProbe, verifier: str, images: tuple[Digest, ...], twins: tuple[Digest, ...]
    ) -> Trial:
        salt = self._derive.salt(probe.lease)
        return Trial(probe.order, probe.result, salt, probe.whole, verifier, images, twins, probe.strayed)

    def _keep(self, trial: Trial, worker: Address, verdict: Verdict) -> None:
        stated = Evidence(
            self._domain.chain_id,
            self._domain.escrow,
            worker,
            probes.commitment(trial.salt),
            trial,
            *evidence.where(trial),
            verdict,
        )
        self._kept.keep(stated)

    def _unfit(self, probe: SendProbe) -> str:
        """What is wrong with a file of the batch that nobody probes: an artist could not open it."""
        if len(probe.batch) == 1:
            return ""
        with self._blobs.at_hand(each.image for each in probe.batch) as find:
            batch = {lease_parts(each.lease)[1]: find(each.image) for each in probe.batch}
            return tiles.unfit(probe.order, batch)

    def _rest(self, probe: SendProbe, verdict: Verdict) -> Iterator[Verdict]:
        """The others of the batch; their salts show that the lot was drawn as it should be."""
        reason = f"stands or falls with {probe.lease}, which was drawn from its batch: {verdict.reason}"
        for lease in (result.lease for result in probe.batch):
            if lease != probe.lease:
                salt = self._derive.salt(lease)
                yield replace(
                    verdict, lease=lease, salt=salt, probe_pixels=0, probe_seconds=0.0, reason=reason
                )

    def _verdict(self, lease: LeaseId, found: Judgement, seconds: float) -> Verdict:
        return Verdict(
            lease,
            found.outcome,
            found.statistic,
            found.threshold,
            found.probe_pixels,
            seconds,
            found.reason,
            self._derive.salt(lease),
        )
