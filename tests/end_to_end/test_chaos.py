"""Two minutes in which anything can happen to anybody: each tile is accepted once, each payment is right."""

import json
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from pathlib import Path

import pytest

import scenes
from end_to_end.jobs import Job, Played, assert_identical, assert_settled, begin
from end_to_end.processes import still_running
from end_to_end.stage import Stage, kill, said, stage
from tegula.programs import Program
from tegula_blender.job_view import UnitPhase
from tegula_market.model import Outcome

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

HARM_SECONDS = 120.0
JOB_SECONDS = 600.0
PAUSES = 1.0, 5.0
"""Seconds between two blows, at least and at most."""
FROZEN = 2.0, 8.0
"""Seconds that a worker is stopped."""
HEARTBEAT_SECONDS = 1.0
"""After five of these its coordinator takes it for dead."""
LEAST_BLOWS = 5
FRAMES = 1, 2, 3
WORKERS = {"ann": 40, "bob": 50, "cem": 60}


class Chaos:
    """
    Args:
        seed: of what happens, and when.
    """

    def __init__(self, it: Stage, coordinator: Program, seed: int) -> None:
        self._it, self._coordinator, self._random = it, coordinator, random.Random(seed)
        self._workers = {name: it.worker(name, price)[0] for name, price in WORKERS.items()}
        self.blows: Counter[str] = Counter()

    def reign(self, over: "Future[Played]") -> None:
        blows: list[Callable[[], None]] = [
            self.kill_a_worker,
            self.freeze_a_worker,
            self.cut,
            self.restart_the_coordinator,
        ]
        said(self._coordinator, "job opened")
        end = time.monotonic() + HARM_SECONDS
        while (time.monotonic() < end or self.blows.total() < LEAST_BLOWS) and not self._passes(
            over, *PAUSES
        ):
            blow = self._random.choice(blows)
            blow()
            self.blows[blow.__name__] += 1

    def kill_a_worker(self) -> None:
        name = self._random.choice(list(WORKERS))
        kill(self._workers[name])
        self._workers[name] = self._it.worker(name, WORKERS[name])[0]

    def freeze_a_worker(self) -> None:
        worker = self._workers[self._random.choice(list(WORKERS))]
        with frozen(worker):
            self._passes(Future(), *FROZEN)

    def cut(self) -> None:
        for wire in self._it.wires:
            wire.cut()

    def restart_the_coordinator(self) -> None:
        kill(self._coordinator)
        self._coordinator = self._it.coordinator()

    def _passes(self, over: "Future[Played]", least: float, most: float) -> bool:
        """Lets time pass; whether the job is over."""
        return bool(wait([over], timeout=self._random.uniform(least, most)).done)

    def end(self) -> None:
        for program in (*self._workers.values(), self._coordinator):
            program.process.send_signal(signal.SIGTERM)
        for program in (*self._workers.values(), self._coordinator):
            program.process.wait()


@contextmanager
def frozen(program: Program) -> Iterator[None]:
    program.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        program.process.send_signal(signal.SIGCONT)


def test_whatever_happens_every_tile_is_accepted_once_and_paid(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}", file=sys.stderr)  # pytest shows it if this fails
    blend = scenes.build("spheres", tmp_path)
    job = Job(blend, tmp_path / "out", samples=16, tile=24, scale=20, frames=FRAMES)
    with stage(cuttable=True, heartbeat_seconds=HEARTBEAT_SECONDS) as it:
        coordinator, verifiers = it.coordinator(), (it.verifier(), it.second_verifier())
        chaos = Chaos(it, coordinator, seed)
        running = begin(job, it.market)
        chaos.reign(running)
        played = running.result(JOB_SECONDS)
        print(json.dumps({"tiles": len(played.outcome.view.units), **chaos.blows}), file=sys.stderr)
        assert len(played.outcome.view.units) >= 200
        assert chaos.blows.total() >= LEAST_BLOWS
        assert_accepted_once(played)
        assert_settled(played, it.market)
        assert_identical(job, played)
        assert it.replayed()["jobs"] == {played.outcome.view.job.hex(): "CLOSED"}
        chaos.end()
        for verifier in verifiers:
            verifier.process.send_signal(signal.SIGTERM)
            verifier.process.wait()
        assert still_running(it.scratch) == []
        assert [path for path in it.scratch.rglob("*") if path.is_file()] == []


def assert_accepted_once(played: Played) -> None:
    """Nobody is blamed: a verifier can have been cut off, and then another looked."""
    for unit in played.outcome.view.units:
        outcomes = Counter(verdict.outcome for verdict in unit.verdicts)
        assert unit.phase is UnitPhase.ACCEPTED
        assert outcomes[Outcome.ACCEPTED] == 1
        assert outcomes[Outcome.REJECTED] == 0
