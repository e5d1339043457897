"""Two coordinators on one PostgreSQL: the second takes over when the first is killed or cut off."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import scenes
from buckets import S3, s3
from databases import PostgreSQL, postgresql
from end_to_end.jobs import Job, assert_nobody_blamed, assert_settled, begin
from end_to_end.kills import JOB_SECONDS
from end_to_end.stage import READY_SECONDS, kill, said, stage
from tegula.programs import Program

pytestmark = pytest.mark.slow

STANDS_BY = "another coordinator leads; standing by"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    with postgresql() as running:
        yield running


def takes_over(heir: Program) -> None:
    """Its addresses are the first that it prints, once it serves. `pytest -s` shows how long it took."""
    since = time.monotonic()
    heir.wait_for(lambda line: line.startswith("{"), READY_SECONDS)
    print(f"taken over in {time.monotonic() - since:.1f} s", file=sys.stderr)


@pytest.fixture(scope="module")
def store() -> Iterator[S3]:
    with s3() as running:
        yield running


def test_a_standby_takes_over_in_mid_job(server: PostgreSQL, store: S3, tmp_path: Path) -> None:
    job = Job(scenes.build("spheres", tmp_path), tmp_path / "out", samples=32, tile=60, scale=12)
    elsewhere = {
        "database": server.fresh(),
        "blobs": store.fresh(),
        "s3_endpoint": store.endpoint,
        "s3_credentials_file": str(store.credentials),
    }
    with stage(**elsewhere) as it:
        leader = it.coordinator()
        heir = it.standby()
        said(heir, STANDS_BY)
        it.verifier()
        ann, _ = it.worker("ann", 40)
        running = begin(job, it.market)
        said(ann, "verdict")
        kill(leader)
        takes_over(heir)
        played = running.result(JOB_SECONDS)
        assert_nobody_blamed(played)
        assert_settled(played, it.market)
        assert all(len(unit.verdicts) == 1 for unit in played.outcome.view.units), "nothing is judged twice"
        assert it.replayed()["jobs"] == {played.outcome.view.job.hex(): "CLOSED"}


def test_a_leader_that_is_cut_off_from_the_database_ends_and_says_why(server: PostgreSQL) -> None:
    url = server.fresh()
    with stage(database=url) as it:
        leader = it.coordinator()
        heir = it.standby()
        said(heir, STANDS_BY)
        assert server.cut(url) == 1
        assert leader.process.wait(READY_SECONDS) == 2
        leader.wait_for(lambda line: line.startswith("tegula-coordinator: cannot append"), READY_SECONDS)
        takes_over(heir)


def test_a_second_coordinator_on_an_sqlite_file_is_refused() -> None:
    with stage() as it:
        leader = it.coordinator()
        second = it.standby()
        second.wait_for(lambda line: "another coordinator serves from" in line, READY_SECONDS)
        assert second.process.wait(READY_SECONDS) == 2
        assert leader.process.poll() is None
