"""From a verifier's images to a verdict: finds the files, places the probes anew, and has them compared."""

import time
from collections.abc import Iterator
from dataclasses import replace

import structlog

from tegula_coordinator import events, tiles
from tegula_coordinator.blobs import BlobFolder
from tegula_coordinator.commands import SendProbe
from tegula_coordinator.derive import Derive
from tegula_market import messages
from tegula_market.adapters.statistic import pair_of
from tegula_market.adapters.verify import Judgement
from tegula_market.model import LeaseId, Outcome, Rect, Verdict, lease_parts

log = structlog.get_logger(__name__)


class Jury:
    def __init__(self, blobs: BlobFolder, derive: Derive) -> None:
        self._blobs = blobs
        self._derive = derive

    def where(self, probe: SendProbe) -> tuple[tuple[Rect, ...], int]:
        """The rects to render again, and the overscan around each."""
        if probe.whole:
            return tiles.whole(probe.order, probe.unit)
        return tiles.place(probe.order, probe.unit, self._derive.salt(probe.lease), probe.result.image)

    def judge(
        self, probe: SendProbe, probed: messages.Probed, worker: str, verifier: str
    ) -> events.Judged | events.Suspected:
        """Blocks: reads images.

        Args:
            worker, verifier: what devices they say that they have rendered on.
        """
        rects, _ = self.where(probe)
        wanted = len(rects), len(rects) if probe.whole else 0
        if (len(probed.images), len(probed.twins)) != wanted or self._blobs.missing(
            (*probed.images, *probed.twins)
        ):
            return self.no_verdict(probe, "the verifier's images are not all here", probed.seconds)
        try:
            found = self._compare(probe, probed, worker, verifier)
        except (OSError, MemoryError) as error:  # our disk or memory, and no fault of the worker's
            log.exception("cannot judge", lease=probe.lease)
            reason = f"the coordinator could not compare the images: {type(error).__name__}"
            return self.no_verdict(probe, reason, probed.seconds)
        if found.suspected:
            return events.Suspected(time.time(), probe.lease, found.statistic, found.threshold, found.reason)
        return events.Judged(
            time.time(),
            self._verdict(probe.lease, found, probed.seconds),
            tuple(self._rest(probe, found)) if found.outcome is not Outcome.INCONCLUSIVE else (),
        )

    def no_verdict(self, probe: SendProbe, reason: str, seconds: float = 0.0) -> events.Judged:
        """What befell a verifier or the coordinator, and is nobody's fault."""
        found = Judgement(Outcome.INCONCLUSIVE, 0.0, 0.0, 0, reason)
        return events.Judged(time.time(), self._verdict(probe.lease, found, seconds), ())

    def _compare(self, probe: SendProbe, probed: messages.Probed, worker: str, verifier: str) -> Judgement:
        order, unit, pair = probe.order, probe.unit, pair_of(worker, verifier)
        image = self._blobs.path(probe.result.image)
        references = [self._blobs.path(each) for each in probed.images]
        if probe.whole:
            twin = self._blobs.path(probed.twins[0])
            found = tiles.confirm(order, unit, image, references[0], twin, pair)
        else:
            found = tiles.screen(order, unit, self.where(probe)[0], image, references, pair)
        unfit = self._unfit(probe) if found.outcome is Outcome.ACCEPTED else ""
        return replace(found, outcome=Outcome.REJECTED, reason=unfit) if unfit else found

    def _unfit(self, probe: SendProbe) -> str:
        """What is wrong with a file of the batch that nobody probes: an artist could not open it."""
        batch = {lease_parts(each.lease)[1]: self._blobs.path(each.image) for each in probe.batch}
        return tiles.unfit(probe.order, batch) if len(batch) > 1 else ""

    def _rest(self, probe: SendProbe, found: Judgement) -> Iterator[Verdict]:
        """The others of the batch; their salts show that the lot was drawn as it should be."""
        for lease in (result.lease for result in probe.batch):
            if lease != probe.lease:
                reason = f"stands or falls with {probe.lease}, which was drawn from its batch: {found.reason}"
                without = Judgement(found.outcome, found.statistic, found.threshold, 0, reason)
                yield self._verdict(lease, without, 0.0)

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
