"""Has cases judged by programs beside this one: see `jury`. One that dies is replaced."""

import asyncio
import os
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Iterator
from dataclasses import replace

import structlog

from tegula_coordinator import events
from tegula_coordinator.commands import SendProbe
from tegula_coordinator.derive import Derive
from tegula_coordinator.jury import END, SETTLED, Case, Ruling, Setting, no_ruling
from tegula_market import codec, evidence, messages
from tegula_market.adapters.children import dies_with_parent
from tegula_market.codec import MalformedInput
from tegula_market.evidence import Trial
from tegula_market.model import Address, Digest, LeaseId, Outcome, Rect, Verdict

log = structlog.get_logger(__name__)

PROGRAM = sys.executable, "-m", "tegula_coordinator.jury"
MOST_JURORS = 8
AGAIN_SECONDS = 1.0
BATCH = 16
"""Cases that a juror is handed at once, so that it need not wait for us between two."""
PATIENCE_SECONDS = 120.0
"""For one case. Reading a tile of many passes takes seconds; an image that has the reader go round in circles
would hold up all others."""

LOST = "the program that compares the images did not survive them"

Found = events.Judged | events.Suspected
Waiting = tuple[SendProbe, Case]


class Court:
    def __init__(self, setting: Setting, derive: Derive) -> None:
        self._setting = setting
        self._derive = derive
        self._waiting: asyncio.Queue[Waiting] = asyncio.Queue()

    def where(self, probe: SendProbe) -> tuple[tuple[Rect, ...], int]:
        """The rects to render again, and the overscan around each."""
        return evidence.where(self._trial(probe, "", (), ()))

    def hear(self, probe: SendProbe, probed: messages.Probed, worker: Address, verifier: str) -> None:
        """
        Args:
            worker: its payout address.
            verifier: the device that it says it has rendered on.
        """
        trial = self._trial(probe, verifier, probed.images, probed.twins)
        self._waiting.put_nowait((probe, Case(trial, probe.batch, worker, probed.seconds)))

    async def sit(self, decide: Callable[[Found], None]) -> None:
        """Until cancelled."""
        jurors = min(MOST_JURORS, max(1, len(os.sched_getaffinity(0)) - 1))
        async with asyncio.TaskGroup() as tasks:
            for _ in range(jurors):
                tasks.create_task(self._juror(decide))

    def no_verdict(self, probe: SendProbe, reason: str) -> events.Judged:
        """What befell a verifier, and is nobody's fault."""
        case = Case(self._trial(probe, "", (), ()), probe.batch, Address(bytes(20)), 0.0)
        return self._judged(probe, no_ruling(case, reason))

    async def _juror(self, decide: Callable[[Found], None]) -> None:
        while True:
            cases = await self._next()
            try:
                juror = await asyncio.create_subprocess_exec(
                    *PROGRAM, stdin=PIPE, stdout=PIPE, preexec_fn=dies_with_parent
                )
            except OSError as error:  # too many processes or files, too little memory
                log.error("no juror can be started", reason=str(error))  # noqa: TRY400 a sentence says it all
                self._put_back(cases)
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            try:
                await self._serve(juror, cases, decide)
            finally:
                if juror.returncode is None:
                    juror.kill()
                await juror.wait()
                self._put_back(cases)

    async def _serve(self, juror: Process, cases: list[Waiting], decide: Callable[[Found], None]) -> None:
        """For as long as the juror lives; `cases` is then what another has to judge."""
        assert juror.stdin is not None
        assert juror.stdout is not None
        juror.stdin.write(codec.dumps(self._setting) + b"\n")
        while juror.returncode is None:  # it may have been killed while it had nothing to do
            juror.stdin.writelines([*(codec.dumps(case) + b"\n" for _, case in cases), END])
            rulings: list[Ruling] = []
            while cases:
                try:
                    async with asyncio.timeout(PATIENCE_SECONDS):
                        line = await juror.stdout.readline()
                    if line == SETTLED and rulings:
                        for ruling in rulings:
                            decide(self._found(cases.pop(0)[0], ruling))
                        rulings = []
                    else:
                        rulings.append(_ruling(line, cases[len(rulings) :]))
                except (TimeoutError, MalformedInput, ValueError) as error:  # a line too long is a ValueError
                    # What was ruled on has left no evidence that would last: judged again.
                    if len(rulings) == len(cases):
                        log.error("evidence not settled", reason=str(error) or "too slow")  # noqa: TRY400
                        await asyncio.sleep(AGAIN_SECONDS)  # no image's fault: the disk is full, or slow
                        return
                    probe, case = cases.pop(len(rulings))
                    log.error("juror lost", lease=probe.lease, reason=str(error) or "too slow")  # noqa: TRY400
                    decide(self._judged(probe, no_ruling(case, LOST)))
                    return
            cases += await self._next()

    def _put_back(self, cases: list[Waiting]) -> None:
        for case in cases:
            self._waiting.put_nowait(case)

    async def _next(self) -> list[Waiting]:
        cases = [await self._waiting.get()]
        while len(cases) < BATCH and not self._waiting.empty():
            cases.append(self._waiting.get_nowait())
        return cases

    def _found(self, probe: SendProbe, ruling: Ruling) -> Found:
        if not ruling.suspected:
            return self._judged(probe, ruling)
        said = ruling.verdict
        return events.Suspected(
            time.time(), probe.lease, probe.number, said.statistic, said.threshold, said.reason
        )

    def _judged(self, probe: SendProbe, ruling: Ruling) -> events.Judged:
        accepted = ruling.verdict.outcome is Outcome.ACCEPTED
        others = tuple(self._rest(probe, ruling.verdict)) if accepted else ()
        return events.Judged(time.time(), ruling.verdict, others, probe.number, ruling.strayed)

    def _trial(
        self, probe: SendProbe, verifier: str, images: tuple[Digest, ...], twins: tuple[Digest, ...]
    ) -> Trial:
        salt = self._derive.salt(probe.lease)
        return Trial(probe.order, probe.result, salt, probe.whole, verifier, images, twins, probe.strayed)

    def _rest(self, probe: SendProbe, verdict: Verdict) -> Iterator[Verdict]:
        """The others of the batch; their salts show that the lot was drawn as it should be."""
        reason = f"stands or falls with {probe.lease}, which was drawn from its batch: {verdict.reason}"
        for lease in (result.lease for result in probe.batch):
            if lease != probe.lease:
                yield self._other(verdict, lease, reason)

    def _other(self, verdict: Verdict, lease: LeaseId, reason: str) -> Verdict:
        salt = self._derive.salt(lease)
        return replace(verdict, lease=lease, salt=salt, probe_pixels=0, probe_seconds=0.0, reason=reason)


def _ruling(line: bytes, waiting: list[Waiting]) -> Ruling:
    """On the first of those that wait.

    Raises:
        MalformedInput: the juror ended, or says what is no ruling, or one on another case.
    """
    ruling = codec.loads(Ruling, line)
    case = waiting[0][1].trial if waiting else None
    if case is None or (ruling.verdict.lease, ruling.verdict.salt) != (case.result.lease, case.salt):
        raise MalformedInput("it rules on another case")
    return ruling
