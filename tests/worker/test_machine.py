"""What is measured, as far as a test can know it: this machine is whichever runs it."""

import os
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pynvml
import pytest

from tegula_worker import machine
from tegula_worker.machine import Meter, Used, others_percent
from tegula_worker.pauses import Machine, Owner

KNOWN = Machine(cpu_celsius=50)


@pytest.mark.parametrize(
    ("now", "percent"),
    [
        (Used(110.0, 50.0, 240.0), 25),  # 10 of 40 core-seconds
        (Used(110.0, 56.0, 240.0), 10),
        (Used(110.0, 61.0, 240.0), 0),  # read a moment later than the whole
        (Used(200.0, 50.0, 240.0), 100),
        (Used(110.0, 50.0, 200.0), None),
    ],
)
def test_what_others_use_is_all_less_ours(now: Used, percent: int | None) -> None:
    assert others_percent(Used(100.0, 50.0, 200.0), now) == percent


def test_this_machine_can_be_read(tmp_path: Path) -> None:
    read = Meter(Owner(), tmp_path).read()
    assert read.load_percent is not None
    assert read.free_bytes == pytest.approx(psutil.disk_usage(str(tmp_path)).free, rel=0.2)
    assert read.session_idle is None, "it was not asked for"
    before, after = machine.used(), machine.used()
    assert 0 < before.ours <= after.ours
    assert before.passed <= after.passed


def test_a_folder_that_is_gone_has_no_known_room(tmp_path: Path) -> None:
    assert machine.free_bytes(tmp_path / "gone") is None


def test_our_own_work_is_not_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a child that has ended, too."""
    before = machine.used()
    burn = "import time\nend = time.process_time() + 0.05\nwhile time.process_time() < end: pass"
    subprocess.run(["python3", "-c", burn], check=True)
    assert machine.used().ours - before.ours >= 0.05


@pytest.mark.parametrize(
    ("script", "idle"), [("echo b true", True), ("echo b false", False), ("exit 1", None), ("echo", None)]
)
def test_what_logind_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, idle: bool | None
) -> None:
    program = tmp_path / "busctl"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert machine.session_idle() is idle


def test_without_logind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert machine.session_idle() is None


def test_the_hottest_sensor_of_a_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    def sensors() -> dict[str, Any]:
        hot, cold, disk = (SimpleNamespace(current=c) for c in (71.6, 40.0, 99.0))
        return {"coretemp": [cold, hot], "nvme": [disk]}

    monkeypatch.setattr(psutil, "sensors_temperatures", sensors)
    assert machine.cpu_celsius() == 72
    monkeypatch.setattr(psutil, "sensors_temperatures", dict)
    assert machine.cpu_celsius() is None

    def asleep() -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(psutil, "sensors_temperatures", asleep)
    assert machine.cpu_celsius() is None


class FakeNvml:
    """NVIDIA's library, with two GPUs."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.utilisation: dict[int, list[tuple[int, int]] | pynvml.NVMLError] = {0: [], 1: []}
        for name, call in {
            "nvmlInit": lambda: None,
            "nvmlShutdown": lambda: None,
            "nvmlDeviceGetCount": lambda: 2,
            "nvmlDeviceGetHandleByIndex": lambda index: index,
            "nvmlDeviceGetTemperature": lambda index, _: (60, 71)[index],
            "nvmlDeviceGetProcessUtilization": self._used,
        }.items():
            patch.setattr(pynvml, name, call)

    def _used(self, index: int, _since: int) -> list[SimpleNamespace]:
        found = self.utilisation[index]
        if isinstance(found, pynvml.NVMLError):
            raise found
        return [SimpleNamespace(pid=pid, smUtil=percent) for pid, percent in found]


def test_gpus_that_others_use(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = FakeNvml(monkeypatch)
    nvml.utilisation = {0: [(os.getpid(), 90), (1, 7)], 1: [(1, 2), (2, 3)]}
    assert machine.with_gpus(KNOWN) == Machine(cpu_celsius=50, gpu_celsius=71, others_gpu_percent=7)
    nvml.utilisation = {
        0: pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND),
        1: pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED),
    }
    assert machine.with_gpus(KNOWN).others_gpu_percent == 0
    nvml.utilisation[0] = nvml.utilisation[1]
    assert machine.with_gpus(KNOWN).others_gpu_percent is None


@pytest.mark.parametrize("name", ["nvmlInit", "nvmlDeviceGetTemperature"])
def test_without_gpus_or_with_one_that_is_lost(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    FakeNvml(monkeypatch)

    def lost(*_: object) -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)

    monkeypatch.setattr(pynvml, name, lost)
    assert machine.with_gpus(KNOWN) == KNOWN
