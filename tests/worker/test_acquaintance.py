"""The first word with a coordinator; what does not fit is in test_program.py, by starting a worker."""

import asyncio
from pathlib import Path

import pytest
import structlog

from fakes import blob_server
from tegula_market.adapters.blobs import BlobError
from tegula_worker import acquaintance, clock
from tegula_worker.config import Config
from worker.stage import Stage


@pytest.mark.parametrize(("fault", "warned"), [("", 0), ("this machine's clock is 600 seconds off", 1)])
def test_a_wrong_clock_is_told_and_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, warned: int
) -> None:
    monkeypatch.setattr(clock, "compare", lambda _: fault)

    async def play() -> None:
        with blob_server() as server:
            stage = Stage(server, tmp_path)
            async with stage.opened():
                with structlog.testing.capture_logs() as said:
                    about = await asyncio.to_thread(acquaintance.make, stage.config())
        assert about.router == stage.endpoint
        assert [line["reason"] for line in said if line["event"] == "clocks differ"] == [fault] * warned
        assert all("ntp" in line["remedy"] for line in said)

    asyncio.run(play())


def test_nobody_there() -> None:
    with pytest.raises(BlobError, match="no answer"):
        acquaintance.make(Config("http://127.0.0.1:1"), patience=0)
