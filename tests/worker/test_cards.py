"""What the system tells of cards: in a made-up /sys, and by a made-up management library."""

import platform
from pathlib import Path
from types import SimpleNamespace

import psutil
import pynvml
import pytest

from tegula_worker.cards import Facts, facts
from tegula_worker.replies import Device, FoundDevice
from worker.fake_cards import CPU, FIRST, RADEON

GIB = 1 << 30


def test_a_processor_has_the_machines_memory() -> None:
    assert facts(CPU) == Facts(psutil.virtual_memory().total)


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """A card in /sys/bus/pci/devices, without its driver."""
    (tmp_path / "devices" / "0000:03:00.0").mkdir(parents=True)
    return tmp_path / "devices"


def _drive(listed: Path, name: str) -> Path:
    driver = listed.parent / "drivers" / name
    (driver / "module").mkdir(parents=True)
    (listed / "0000:03:00.0" / "driver").symlink_to(driver)
    return driver


def test_amdgpu_tells_memory_and_driver(listed: Path) -> None:
    (listed / "0000:03:00.0" / "mem_info_vram_total").write_text(f"{16 * GIB}\n")
    (_drive(listed, "amdgpu") / "module" / "version").write_text("6.12.12\n")
    assert facts(RADEON, listed) == Facts(16 * GIB, "amdgpu 6.12.12")


def test_a_driver_of_the_kernel_has_its_version_and_what_is_not_told_is_unknown(listed: Path) -> None:
    _drive(listed, "xe")
    arc = FoundDevice(Device.ONEAPI, "Intel Arc A770", "ONEAPI_Intel Arc A770_0000:03:00")
    assert facts(arc, listed) == Facts(None, f"xe {platform.release()}")
    nowhere = FoundDevice(Device.ONEAPI, "Intel Arc A770", "ONEAPI_Intel Arc A770")
    assert facts(nowhere, listed) == facts(RADEON, listed.parent) == Facts()


def test_nvidias_library_tells_by_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    shut = []
    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlShutdown", lambda: shut.append(True))
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByPciBusId", lambda place: place)
    memory = {"0000:21:00.0": SimpleNamespace(total=24 * GIB)}
    monkeypatch.setattr(pynvml, "nvmlDeviceGetMemoryInfo", memory.__getitem__)
    monkeypatch.setattr(pynvml, "nvmlSystemGetDriverVersion", lambda: "580.12")
    assert facts(FIRST) == Facts(24 * GIB, "nvidia 580.12")
    assert shut == [True]


@pytest.mark.parametrize("fails", ["nvmlInit", "nvmlDeviceGetHandleByPciBusId"])
def test_without_nvidias_library_nothing_is_known(monkeypatch: pytest.MonkeyPatch, fails: str) -> None:
    def fail(*_: object) -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    for name in ("nvmlInit", "nvmlShutdown"):
        monkeypatch.setattr(pynvml, name, lambda: None)
    monkeypatch.setattr(pynvml, fails, fail)
    assert facts(FIRST) == Facts()
