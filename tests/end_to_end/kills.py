"""SIGKILL at any program, at the worst moment: nothing accepted is lost, nothing is paid twice."""

from collections.abc import Callable
from pathlib import Path

import scenes
from end_to_end.jobs import Job, Played, assert_identical, assert_nobody_blamed, assert_settled, begin
from end_to_end.stage import Stage

JOB_SECONDS = 300.0


def a_job(folder: Path) -> Job:
    return Job(scenes.build("spheres", folder), folder / "out", samples=32, tile=60, scale=12)


def meanwhile(job: Job, it: Stage, harm: Callable[[], None]) -> Played:
    """Runs the job while harm is done; whatever was done, the frame is right and so is the money."""
    running = begin(job, it.market)
    harm()
    played = running.result(JOB_SECONDS)
    assert_nobody_blamed(played)
    assert_settled(played, it.market)
    assert_identical(job, played)
    assert it.replayed()["jobs"] == {played.outcome.view.job.hex(): "CLOSED"}
    return played
