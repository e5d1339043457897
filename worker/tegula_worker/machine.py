"""What can be measured of this machine, for `pauses`: by psutil, logind, NVIDIA's library. Takes a moment.

The worker's own is told from others' by process: this one and all that it has started.
"""

import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pynvml

from tegula_worker.pauses import Machine, Owner

CPU_SENSORS = ("coretemp", "k10temp", "zenpower", "cpu_thermal")
"""As Linux names those of Intel, of AMD (two drivers), of ARM boards."""
LOGIND = "org.freedesktop.login1"
IDLE_HINT = ("get-property", LOGIND, "/org/freedesktop/login1", f"{LOGIND}.Manager", "IdleHint")
BUS_SECONDS = 5
"""Longest wait for logind."""
UTILISATION_MICROSECONDS = 0
"""NVML then looks as far back as it remembers, some seconds."""


@dataclass(frozen=True, slots=True)
class Used:
    """Processor time since some start, in seconds of one core."""

    all: float
    ours: float
    passed: float
    """Of all cores together, idle or not."""


class Meter:
    """Measures the processor's use since it last did.

    Args:
        folder: whose disk is looked at.
    """

    def __init__(self, owner: Owner, folder: Path) -> None:
        self._owner = owner
        self._folder = folder
        self._before = used()

    def read(self) -> Machine:
        before, self._before = self._before, used()
        load, cores = psutil.getloadavg()[0], psutil.cpu_count() or 1
        measured = Machine(
            session_idle=session_idle() if self._owner.idle_hint else None,
            others_cpu_percent=others_percent(before, self._before),
            cpu_celsius=cpu_celsius(),
            load_percent=round(100 * load / cores),
            free_bytes=free_bytes(self._folder),
        )
        return with_gpus(measured)


def others_percent(before: Used, now: Used) -> int | None:
    """Of all cores, used by others between two moments; None if no time has passed."""
    passed = now.passed - before.passed
    if passed <= 0:
        return None
    others = (now.all - before.all) - (now.ours - before.ours)
    return round(100 * min(max(others / passed, 0.0), 1.0))


def used() -> Used:
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # counted as user time, too
    passed = sum(times) - guests
    return Used(passed - idle, sum(map(_spent, _family())), passed)


def free_bytes(folder: Path) -> int | None:
    """For this user, on the disk that the folder is on; None where the system does not tell."""
    try:
        return int(psutil.disk_usage(str(folder)).free)
    except OSError:
        return None


def session_idle() -> bool | None:
    """Whether logind takes all sessions for idle; None without it."""
    busctl = shutil.which("busctl")
    if busctl is None:
        return None
    command = [busctl, *IDLE_HINT]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=BUS_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return {"b true": True, "b false": False}.get(said.stdout.strip())


def cpu_celsius() -> int | None:
    """Of the hottest sensor of a processor; None where the system shows none."""
    try:
        shown = psutil.sensors_temperatures() if hasattr(psutil, "sensors_temperatures") else {}
    except OSError:  # a sensor that went to sleep while it was read
        return None
    found = [sensor.current for name in CPU_SENSORS for sensor in shown.get(name, ())]
    return round(max(found)) if found else None


def with_gpus(measured: Machine) -> Machine:
    """The same with the hottest NVIDIA GPU, and with what others use of the busiest; unknown without NVML."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return measured
    try:
        handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
        heat = [_gpu_celsius(handle) for handle in handles]
        ours = {process.pid for process in _family()}
        others = [percent for handle in handles if (percent := _others_of_gpu(handle, ours)) is not None]
        return replace(
            measured, gpu_celsius=max(heat, default=None), others_gpu_percent=max(others, default=None)
        )
    except pynvml.NVMLError:  # a device that fell off the bus; whoever renders with it says more
        return measured
    finally:
        pynvml.nvmlShutdown()


def _gpu_celsius(handle: object) -> int:
    return int(pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU))


def _others_of_gpu(handle: object, ours: set[int]) -> int | None:
    try:
        samples = pynvml.nvmlDeviceGetProcessUtilization(handle, UTILISATION_MICROSECONDS)
    except pynvml.NVMLError_NotFound:  # no process has used it
        return 0
    except pynvml.NVMLError:  # not told by this GPU, or not to us
        return None
    return sum(int(sample.smUtil) for sample in samples if sample.pid not in ours)


def _family() -> list[psutil.Process]:
    me = psutil.Process()
    return [me, *me.children(recursive=True)]


def _spent(process: psutil.Process) -> float:
    """With the time of children that have ended and were waited for."""
    try:
        return float(sum(process.cpu_times()[:4]))
    except psutil.Error:  # it has just ended
        return 0.0
