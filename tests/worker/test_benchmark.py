"""`tegula-worker bench`, on this machine's processor and on cards that are not here."""

import asyncio
import json
from pathlib import Path
from typing import Any, Self

import pytest
import structlog
from typer.testing import CliRunner

from tegula_worker import benchmark, program, speeds
from tegula_worker.cli import app
from tegula_worker.config import Config
from tegula_worker.replies import Device, Failure, FoundDevice
from worker.fake_cards import CPU, FIRST, SECOND, FakeCard, Machine


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine((CPU, FIRST, SECOND))

    class Standing(FakeCard):
        """Takes the arguments of a `Renderer`, and works as the device that they name."""

        def __init__(
            self, _: Path | None, device: Device = Device.CPU, card: str = "", **_how: object
        ) -> None:
            super().__init__(made, FoundDevice(device, "", card))

        async def __aenter__(self) -> Self:
            await self.start()
            return self

        async def __aexit__(self, *_: object) -> None:
            await self.close()

    monkeypatch.setattr(program, "Renderer", Standing)
    monkeypatch.setattr(speeds, "LEAST_SECONDS", 0.1)
    return made


def _told(folder: Path) -> tuple[int, list[dict[str, Any]]]:
    said: list[str] = []
    failed = asyncio.run(benchmark.run(Config(data=folder), said.append))
    return failed, [json.loads(line) for line in said]


def test_every_device_is_told_and_kept(machine: Machine, tmp_path: Path) -> None:
    failed, told = _told(tmp_path)
    assert (failed, [each["id"] for each in told]) == (0, [d.id for d in (CPU, FIRST, SECOND)])
    assert all(each["megasamples_per_second"] > 0 for each in told)
    kept = speeds.load(tmp_path / speeds.NAME).measured
    assert [each.id for each in kept] == [each["id"] for each in told]
    assert machine.alive == []


def test_a_broken_card_is_told_and_the_others_go_on(machine: Machine, tmp_path: Path) -> None:
    machine.known[FIRST] = 0.0
    failed, told = _told(tmp_path)
    assert (failed, told[1]["failure"]) == (1, Failure.BLACK_FRAME)
    assert "look at its driver" in told[1]["reason"]
    kept = speeds.load(tmp_path / speeds.NAME).measured
    assert [each.id for each in kept] == [CPU.id, SECOND.id]


@pytest.mark.slow
def test_the_command_measures_this_machine(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["bench", "--data", str(tmp_path)])
    structlog.reset_defaults()
    assert done.exit_code == 0, done.output
    told = [json.loads(line) for line in done.stdout.splitlines()]
    processor = told[0]
    assert (processor["device"][:4], processor["id"]) == ("CPU ", "CPU")
    assert processor["megasamples_per_second"] > 0
    assert processor["memory"] > 1 << 30
    (kept, *_) = speeds.load(tmp_path / speeds.NAME).measured
    assert kept.megasamples_per_second == processor["megasamples_per_second"]
