"""A Blender stands still while its worker keeps connection and lease: the frame does not wait for it."""

import signal
from pathlib import Path

import psutil
import pytest

from end_to_end.kills import JOB_SECONDS, a_job, meanwhile
from end_to_end.stage import said, stage, word
from tegula.programs import Program
from tegula_market.model import LeaseId, lease_parts

pytestmark = pytest.mark.slow
LEASE_SECONDS = 3600.0
"""The default; without a second lease the job would take as long."""


def test_a_frame_does_not_wait_for_a_blender_that_stands_still(tmp_path: Path) -> None:
    assert LEASE_SECONDS > 10 * JOB_SECONDS
    with stage(lease_seconds=LEASE_SECONDS) as it:
        it.coordinator()
        it.verifier()
        slow, address = it.worker("slow", 30)
        _, ann = it.worker("ann", 40)
        frozen: list[psutil.Process] = []

        def harm() -> None:
            said(slow, "tile rendered")
            frozen.extend(freeze_renderers(slow))

        played = meanwhile(a_job(tmp_path), it, harm)
        _, number, attempt = lease_parts(LeaseId(word(said(slow, "lease revoked"), "lease")))
        unit = played.outcome.view.units[number]
        assert (attempt, unit.attempt, unit.worker) == (1, 2, ann)
        assert set(played.earned) <= {address, ann}
        assert number not in [u.unit for u in played.outcome.view.units if u.worker == address]
        _, alive = psutil.wait_procs(frozen, timeout=30)
        assert alive == [], "what was overtaken is stopped"
        assert slow.process.poll() is None


def freeze_renderers(worker: Program) -> list[psutil.Process]:
    """All that the worker has started stands still; the worker itself goes on."""
    started = psutil.Process(worker.process.pid).children(recursive=True)
    assert started
    for process in started:
        process.send_signal(signal.SIGSTOP)
    return started
