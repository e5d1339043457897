"""What Cycles does not tell of a device: its memory and its driver, as far as the system tells them.

NVIDIA's management library comes with the driver; amdgpu shows a card's memory in /sys. Of others only the
driver is known.
"""

import platform
from dataclasses import dataclass
from pathlib import Path

import psutil
import pynvml

from tegula_worker.devices import place
from tegula_worker.replies import Device, FoundDevice

PCI = Path("/sys/bus/pci/devices")


@dataclass(frozen=True, slots=True)
class Facts:
    memory: int | None = None
    """Bytes; None where nobody tells."""
    driver: str = ""
    """Name and version; empty where nobody tells."""


def facts(device: FoundDevice, pci: Path = PCI) -> Facts:
    match device.kind:
        case Device.CPU:
            return Facts(psutil.virtual_memory().total)
        case Device.CUDA | Device.OPTIX:
            return _nvidia(place(device))
        case Device.METAL:  # its memory is the machine's
            return Facts(psutil.virtual_memory().total, f"macOS {platform.mac_ver()[0]}")
        case _:
            return _listed(pci, place(device))


def _nvidia(where: str) -> Facts:
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return Facts()
    try:
        handle = pynvml.nvmlDeviceGetHandleByPciBusId(f"{where}.0")
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle).total
        return Facts(int(memory), f"nvidia {pynvml.nvmlSystemGetDriverVersion()}")
    except pynvml.NVMLError:
        return Facts()
    finally:
        pynvml.nvmlShutdown()


def _listed(pci: Path, where: str) -> Facts:
    folder = pci / f"{where}.0"
    if not where or not folder.is_dir():
        return Facts()
    memory = _text(folder / "mem_info_vram_total")
    driver = folder / "driver"
    if not driver.exists():
        return Facts(int(memory) if memory else None)
    # What comes with the kernel has the kernel's version.
    version = _text(driver / "module" / "version") or platform.release()
    return Facts(int(memory) if memory else None, f"{driver.resolve().name} {version}")


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
