"""What `doctor` says of this machine when all is well and when it is not."""

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

from tegula_market.adapters import keystore
from tegula_market.adapters.signing import UnusableKey
from tegula_worker import keys, machine_checks, sandbox
from tegula_worker.config import Config
from tegula_worker.pauses import Limits
from tegula_worker.renderer import RenderFailed
from tegula_worker.replies import Device, Failure, FoundDevice
from tegula_worker.sandbox import Isolation


def test_a_folder_that_is_not_there_yet_is_not_made(tmp_path: Path) -> None:
    found = machine_checks.data_folder(Config(data=tmp_path / "a" / "b"))
    assert (found.ok, "free" in found.said) == (True, True)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_room(tmp_path: Path) -> None:
    found = machine_checks.data_folder(Config(data=tmp_path, limits=Limits(free_bytes=1 << 60)))
    assert (found.ok, "make room" in found.remedy) == (False, True)


def test_a_folder_that_cannot_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root can write everywhere, so the system is played."""

    def refuse(**_: object) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(machine_checks.tempfile, "TemporaryFile", refuse)
    found = machine_checks.data_folder(Config(data=tmp_path))
    assert (found.ok, found.said) == (False, f"cannot write in {tmp_path}: Permission denied")
    assert "chown" in found.remedy


def test_keys_in_every_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keystore, "WORK", 2)
    config = Config(data=tmp_path / "data")
    assert machine_checks.keys(config).said.startswith("none in")
    assert not config.data.exists()
    keys.create(config.data, lambda _: None)
    assert "has no passphrase" in machine_checks.keys(config).said
    keys.encrypt(config.data, lambda _: "word")
    assert "a service needs passphrase_file" in machine_checks.keys(config).said
    word = tmp_path / "word"
    word.write_text("word\n")
    word.chmod(0o600)
    config = replace(config, passphrase_file=word)
    assert machine_checks.keys(config).said == "the passphrase file opens the payout key"
    word.write_text("another\n")
    with pytest.raises(UnusableKey):
        machine_checks.keys(config)
    (config.data / "curve.key").chmod(0o640)
    found = machine_checks.keys(config)
    assert (found.ok, found.remedy) == (False, f"chmod 600 {config.data / 'curve.key'}")


def test_a_sandbox_and_none(monkeypatch: pytest.MonkeyPatch) -> None:
    without = machine_checks.sandbox(Config(sandbox=Isolation.NONE))
    assert (without.ok, "this machine may be harmed" in without.said) == (True, True)
    monkeypatch.setattr(sandbox, "BUBBLEWRAP", "no-such-bubblewrap")
    with pytest.raises(sandbox.NoSandbox, match="apt-get install bubblewrap"):
        machine_checks.sandbox(Config())


@pytest.mark.parametrize(("device", "ok"), [(Device.CPU, True), (Device.OPTIX, False)])
def test_a_device_that_blender_does_not_find(
    monkeypatch: pytest.MonkeyPatch, device: Device, ok: bool
) -> None:
    async def ask(_: Config) -> Any:
        return "4.5.15", (FoundDevice(Device.CPU, "of a test", "CPU"), FoundDevice(Device.CUDA, "GPU", "0"))

    monkeypatch.setattr(machine_checks, "_ask_blender", ask)
    found = machine_checks.blender(Config(device=(device.value,)))
    assert (found.ok, "CPU of a test, CUDA GPU" in found.said) == (ok, True)
    assert bool(found.remedy) is not ok


@pytest.mark.slow
def test_the_real_blender_is_started() -> None:
    found = machine_checks.blender(Config())
    assert (found.ok, "Blender 4.5" in found.said, "finds CPU" in found.said) == (True, True, True)
    with pytest.raises(RenderFailed) as caught:
        machine_checks.blender(Config(blender=Path("/nowhere/blender")))
    assert caught.value.failure is Failure.NOT_STARTED


def test_no_gpu_no_driver() -> None:
    assert machine_checks.gpu_driver(Config()) is None


def test_nvidia_with_a_driver_and_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    config = Config(device=("CPU", "OPTIX"))
    monkeypatch.setattr(pynvml, "nvmlInit", absent)
    found = machine_checks.gpu_driver(config)
    assert found is not None
    assert (found.ok, "install NVIDIA's driver" in found.remedy) == (False, True)
    for name, value in {
        "nvmlInit": None,
        "nvmlShutdown": None,
        "nvmlSystemGetDriverVersion": "580.1",
        "nvmlDeviceGetCount": 1,
        "nvmlDeviceGetHandleByIndex": 0,
        "nvmlDeviceGetMemoryInfo": SimpleNamespace(total=8 * 10**9),
        "nvmlDeviceGetTemperature": 51,
        "nvmlDeviceGetName": "Some GPU",
    }.items():
        monkeypatch.setattr(pynvml, name, lambda *_, value=value: value)
    found = machine_checks.gpu_driver(config)
    assert found is not None
    assert (found.ok, found.said) == (True, "NVIDIA 580.1: Some GPU with 8.0 GB at 51 °C")


def test_other_gpus_by_their_nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not machine_checks._nodes("kfd", tmp_path).ok
    (tmp_path / "kfd").touch()
    assert machine_checks._nodes("kfd", tmp_path).ok
    monkeypatch.setattr(os, "access", lambda *_: False)
    found = machine_checks._nodes("kfd", tmp_path)
    assert (found.ok, "group" in found.remedy) == (False, True)
