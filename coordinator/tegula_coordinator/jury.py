"""From a verifier's images to a ruling, and to the evidence that it leaves behind. A program of its own.

The images are strangers', and what reads them is a C++ library: an image that it does not survive must not
take the coordinator with it. So this program is told no key, and no secret but one lease's salt. It is also
apart because arithmetic in a thread keeps the interpreter from whoever listens to workers.

The first line on stdin is a `Setting`, each further one a `Case`, as `codec` spells them; each case is
answered by a `Ruling` on stdout, in the same order. An empty line on stdin says that no more cases wait, one
on stdout that the evidence on all rulings since the last one is on the disk: they count from then on.
"""

import os
import signal
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from tegula_coordinator import depot, tiles
from tegula_coordinator.blobs import Blobs
from tegula_coordinator.evidence import EvidenceFolder
from tegula_market import codec, evidence, probes
from tegula_market.adapters import logs
from tegula_market.adapters.trials import judge
from tegula_market.adapters.verify import Judgement
from tegula_market.evidence import Evidence, Trial
from tegula_market.model import Address, Outcome, Result, Verdict, lease_parts
from tegula_market.vouchers import Domain

log = structlog.get_logger(__name__)

END = b"\n"
SETTLED = b"\n"
UNSETTLED_SECONDS = 0.1
"""For which a ruling waits for others at most, with which the disk is asked to keep its evidence."""


@dataclass(frozen=True, slots=True)
class Setting:
    blobs: depot.Where
    evidence: str
    """Folder."""
    domain: Domain


@dataclass(frozen=True, slots=True)
class Case:
    trial: Trial
    batch: tuple[Result, ...]
    """What stands or falls with the trial's result, itself included."""
    worker: Address
    """Its payout address."""
    seconds: float
    """That the verifier took."""


@dataclass(frozen=True, slots=True)
class Ruling:
    verdict: Verdict
    suspected: bool
    """All of the tile has to be rendered again; the verdict's outcome is INCONCLUSIVE until then."""
    strayed: tuple[float, ...]
    """How far the verifier's other kernel strayed, if it rendered all of the tile."""


class Jury:
    def __init__(self, blobs: Blobs, kept: EvidenceFolder, domain: Domain) -> None:
        self._blobs = blobs
        self._kept = kept
        self._domain = domain

    def judge(self, case: Case) -> Ruling:
        """Reads images, keeps the evidence. What is the coordinator's own fault is nobody's."""
        try:
            return self._judge(case)
        except (OSError, MemoryError) as error:
            log.exception("cannot judge", lease=case.trial.result.lease)
            return no_ruling(case, f"the coordinator could not compare the images: {type(error).__name__}")

    def _judge(self, case: Case) -> Ruling:
        trial = case.trial
        rects, _ = evidence.where(trial)
        wanted = len(rects), len(rects) if trial.whole else 0
        if (len(trial.images), len(trial.twins)) != wanted or self._blobs.missing(
            (*trial.images, *trial.twins)
        ):
            return no_ruling(case, "the verifier's images are not all here")
        with self._blobs.at_hand(trial.all_images) as find:
            found = judge(trial, find)
        unfit = self._unfit(case) if found.outcome is Outcome.ACCEPTED else ""
        verdict = _verdict(case, found)
        if unfit:  # in another tile, whose image the requester has as well
            verdict = replace(verdict, outcome=Outcome.REJECTED, reason=unfit)
        elif not found.suspected:
            self._keep(case, verdict)
        return Ruling(verdict, found.suspected, found.strayed)

    def _keep(self, case: Case, verdict: Verdict) -> None:
        trial = case.trial
        market = self._domain.chain_id, self._domain.escrow
        commitment = probes.commitment(trial.salt)
        stated = Evidence(*market, case.worker, commitment, trial, *evidence.where(trial), verdict)
        self._kept.keep(stated)

    def _unfit(self, case: Case) -> str:
        """What is wrong with a file of the batch that nobody probes: an artist could not open it."""
        if len(case.batch) == 1:
            return ""
        with self._blobs.at_hand(each.image for each in case.batch) as find:
            batch = {lease_parts(each.lease)[1]: find(each.image) for each in case.batch}
            return tiles.unfit(case.trial.order, batch)


def no_ruling(case: Case, reason: str) -> Ruling:
    """What befell a verifier or the coordinator, and is nobody's fault."""
    return Ruling(_verdict(case, Judgement(Outcome.INCONCLUSIVE, 0.0, 0.0, 0, reason)), False, ())


def _verdict(case: Case, found: Judgement) -> Verdict:
    return Verdict(
        case.trial.result.lease,
        found.outcome,
        found.statistic,
        found.threshold,
        found.probe_pixels,
        case.seconds,
        codec.line(found.reason),  # libraries tell what is in a stranger's file in words of several lines
        case.trial.salt,
    )


def main() -> None:
    """Until stdin ends."""
    for number in (signal.SIGINT, signal.SIGTERM):  # sent to all programs of a terminal or a unit
        signal.signal(number, signal.SIG_IGN)
    answers = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # OpenEXR prints what it thinks of a file
    logs.configure(0)
    setting = codec.loads(Setting, sys.stdin.buffer.readline())
    blobs = depot.opened(setting.blobs)
    kept = EvidenceFolder(Path(setting.evidence), blobs)
    jury = Jury(blobs, kept, setting.domain)
    first: float | None = None
    """When the first ruling was made whose evidence is not settled."""
    for line in sys.stdin.buffer:
        if line != END:
            os.write(answers, codec.dumps(jury.judge(codec.loads(Case, line))) + b"\n")
            first = time.monotonic() if first is None else first
        if first is not None and (line == END or time.monotonic() - first > UNSETTLED_SECONDS):
            try:
                kept.settle()
            except OSError as error:  # who reads this program's answers sees that it has ended
                log.error("evidence not kept", reason=str(error))  # noqa: TRY400
                sys.exit(1)
            os.write(answers, SETTLED)
            first = None


if __name__ == "__main__":
    main()
