"""What `doctor` looks at here: data folder, keys, sandbox, Blender, the GPU's driver. Changes none."""

import asyncio
import os
import tempfile
from pathlib import Path

import psutil
import pynvml
from rich import filesize

from tegula_market.adapters import keystore
from tegula_worker import devices, passphrases
from tegula_worker.config import Config
from tegula_worker.findings import Finding, fine, wrong
from tegula_worker.keys import CURVE, ENCRYPTED, PLAIN, PLAIN_SENTENCE
from tegula_worker.program import confinement
from tegula_worker.renderer import Renderer, RenderFailed
from tegula_worker.replies import Device, FoundDevice

NODES = {Device.HIP: "kfd", Device.ONEAPI: "dri/renderD*"}
"""By which programs reach GPUs that are not NVIDIA's, below /dev."""


def data_folder(config: Config) -> Finding:
    place = _nearest(config.data)
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        said = f"cannot write in {place}: {error.strerror}"
        return wrong("data folder", said, "give it to the worker's user (chown), or choose another --data")
    free = psutil.disk_usage(str(place)).free
    if free < config.limits.free_bytes:
        said = f"{config.data} has {filesize.decimal(free)} free, and the worker pauses below"
        remedy = f"make room, or lower limits.free_bytes ({filesize.decimal(config.limits.free_bytes)})"
        return wrong("data folder", f"{said} {filesize.decimal(config.limits.free_bytes)}", remedy)
    return fine("data folder", f"{config.data}, {filesize.decimal(free)} free")


def keys(config: Config) -> Finding:
    """Raises: UnusableKey: the passphrase file cannot be used, or opens nothing."""
    held = [path for name in (CURVE, PLAIN, ENCRYPTED) if (path := config.data / name).exists()]
    for path in held:
        if path.stat().st_mode & 0o077:
            return wrong("keys", f"{path} can be read by others", f"chmod 600 {path}")
    if (config.data / PLAIN).exists():
        return fine("keys", PLAIN_SENTENCE.format(data=config.data))
    if not (config.data / ENCRYPTED).exists():
        return fine("keys", f"none in {config.data} yet; they are made at the first start")
    said = passphrases.of_file(config.passphrase_file)(False)
    if said is None:
        return fine("keys", "the passphrase is asked at a terminal; a service needs passphrase_file")
    keystore.load(config.data / ENCRYPTED, said)
    return fine("keys", "the passphrase file opens the payout key")


def sandbox(config: Config) -> Finding:
    """Raises: NoSandbox: there is none to be had here, and one is wanted."""
    walls = confinement(config)
    if walls is None:
        return fine("sandbox", f"{config.sandbox}: a scene that breaks Blender can do what this user can")
    return fine("sandbox", f"bubblewrap; renders may hold {filesize.decimal(walls.memory_bytes)}")


def blender(config: Config) -> Finding:
    """Raises: NoSandbox, RenderFailed: there is no such Blender here, or no such device."""
    version, found = asyncio.run(_ask_blender(config))
    named = ", ".join(device.words for device in found)
    try:
        used = devices.in_words(devices.chosen(found, config.device))
    except RenderFailed as error:
        remedy = "look at the GPU's driver, or set device to what is found"
        return wrong("Blender", f"{error}; Blender {version} finds {named}", remedy)
    return fine("Blender", f"Blender {version} finds {named}; it renders on {used}")


async def _ask_blender(config: Config) -> tuple[str, tuple[FoundDevice, ...]]:
    """By the processor, which is always there, so that one that is missing can be told from what is."""
    async with Renderer(config.blender, device=Device.CPU, sandbox=confinement(config)) as renderer:
        return renderer.blender_version, renderer.devices


def gpu_driver(config: Config) -> Finding | None:
    """None where no GPU is configured by name."""
    findings = [found for kind in config.kinds if (found := _driver(kind)) is not None]
    return next((each for each in findings if not each.ok), findings[0] if findings else None)


def _driver(kind: Device) -> Finding | None:
    match kind:
        case Device.CUDA | Device.OPTIX:
            return _nvidia()
        case Device.HIP | Device.ONEAPI:
            return _nodes(NODES[kind], Path("/dev"))
        case Device.CPU | Device.METAL:
            return None


def _nvidia() -> Finding:
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        remedy = "install NVIDIA's driver (nvidia-smi shows it); a container needs NVIDIA's container toolkit"
        return wrong("GPU driver", f"NVIDIA's library says: {error}", remedy)
    try:
        version = pynvml.nvmlSystemGetDriverVersion()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
        named = ", ".join(map(_card, handles))
    except pynvml.NVMLError as error:
        return wrong("GPU driver", f"NVIDIA's library says: {error}", "start the machine again")
    finally:
        pynvml.nvmlShutdown()
    return fine("GPU driver", f"NVIDIA {version}: {named}")


def _card(handle: object) -> str:
    memory = filesize.decimal(int(pynvml.nvmlDeviceGetMemoryInfo(handle).total))
    celsius = pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU)
    return f"{pynvml.nvmlDeviceGetName(handle)} with {memory} at {celsius} °C"


def _nodes(pattern: str, dev: Path) -> Finding:
    found = sorted(dev.glob(pattern))
    if not found:
        return wrong("GPU driver", f"there is no {dev}/{pattern}", "install the GPU's driver")
    closed = [node for node in found if not os.access(node, os.R_OK | os.W_OK)]
    if len(closed) == len(found):
        remedy = "add the worker's user to the group that owns it, often render or video"
        return wrong("GPU driver", f"{closed[0]} is not open to this user", remedy)
    return fine("GPU driver", f"{', '.join(map(str, found))} can be opened")


def _nearest(folder: Path) -> Path:
    """The folder, or the first above it that is there."""
    return next(each for each in (folder.absolute(), *folder.absolute().parents) if each.is_dir())
