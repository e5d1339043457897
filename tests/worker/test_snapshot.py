"""What a running worker leaves for others."""

import os
from pathlib import Path

import pytest

from tegula_market.model import JobId, Wei
from tegula_worker import snapshot
from tegula_worker.snapshot import DeviceState, Idle, Snapshot, Standing, Working

MOMENT = Snapshot(
    7,
    1000,
    1060,
    "http://c",
    True,
    "4.5.15",
    False,
    (DeviceState("CPU of a test", 50), DeviceState("CUDA of a test", None, "it renders black")),
    (Working("ab" * 32 + "/0/1", 1050),),
    ("ab" * 32 + "/1/1",),
    (Standing(JobId(b"\xab" * 32), Wei(40)),),
    Idle("OUTBID", "the job cleared at 30"),
)


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert snapshot.read(tmp_path) is None
    snapshot.write(tmp_path, MOMENT)
    snapshot.write(tmp_path, MOMENT)
    assert snapshot.read(tmp_path) == MOMENT
    (only,) = tmp_path.iterdir()
    assert only.stat().st_mode & 0o777 == 0o600


def test_one_of_another_version_is_none(tmp_path: Path) -> None:
    (tmp_path / snapshot.FILE).write_text('{"pid": 7}')
    assert snapshot.read(tmp_path) is None


def test_nothing_is_left_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "no room")

    monkeypatch.setattr(os, "fdopen", full)
    with pytest.raises(OSError, match="no room"):
        snapshot.write(tmp_path, MOMENT)
    assert list(tmp_path.iterdir()) == []
