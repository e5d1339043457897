"""A coordinator is backed up in mid-job, asked to end, and started again: nobody's work is lost."""

import dataclasses
import signal
from contextlib import closing
from pathlib import Path

import pytest

from end_to_end.kills import a_job, meanwhile
from end_to_end.stage import READY_SECONDS, said, stage, word
from tegula_coordinator import backup, config, restoring
from tegula_coordinator.backup import Places
from tegula_coordinator.config import Config
from tegula_coordinator.store import EventLog, Recorded

pytestmark = pytest.mark.slow

DRAIN_SECONDS = 240


def test_what_is_rendered_is_waited_for_and_what_was_backed_up_is_there(tmp_path: Path) -> None:
    target = tmp_path / "backup.tar"
    with stage(drain_seconds=DRAIN_SECONDS) as it:
        coordinator = it.coordinator()
        it.verifier()
        it.worker("ann", 40)
        settings = config.load(it.config)

        def harm() -> None:
            said(coordinator, "result")
            backup.make(Places.of(settings), target)
            coordinator.process.send_signal(signal.SIGTERM)
            assert coordinator.process.wait(DRAIN_SECONDS + READY_SECONDS) == 0
            assert word(said(coordinator, "coordinator ends"), "under_way") == "0"
            it.coordinator()

        played = meanwhile(a_job(tmp_path), it, harm)
        assert {unit.attempt for unit in played.outcome.view.units} == {1}, "no lease was lost"

        there = dataclasses.replace(settings, data=tmp_path / "elsewhere", database="", blobs="")
        restoring.restore(there, target)
        kept, whole = _logged(there), _logged(settings)
        assert 0 < len(kept) < len(whole)
        assert kept == whole[: len(kept)]


def _logged(at: Config) -> list[Recorded]:
    with closing(EventLog(at.database_url)) as log:
        return list(log.replay())
