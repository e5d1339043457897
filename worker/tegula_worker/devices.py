"""Which of the devices that Cycles finds are rendered on, and in which words they are told. Pure."""

import re
from collections.abc import Iterator, Sequence

from tegula_worker.replies import Device, Failure, FoundDevice, RenderFailed

AUTO = "AUTO"
"""The best kind that is here."""
BEST_FIRST = (Device.OPTIX, Device.CUDA, Device.HIP, Device.ONEAPI, Device.METAL, Device.CPU)
PLACE = re.compile(r"_([0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2})(?:_OptiX)?$")
"""How Cycles ends the ids of what sits on a PCI bus: domain, bus, device (device/cuda/device.cpp)."""


def chosen(found: Sequence[FoundDevice], wanted: Sequence[str]) -> tuple[FoundDevice, ...]:
    """Each card once, though CUDA and OptiX list the same ones, in the order in which they are wanted.

    Args:
        wanted: AUTO, kinds (all devices of that kind) and ids.
    Raises:
        RenderFailed: something that is wanted is not here.
    """
    devices: dict[str, FoundDevice] = {}
    for wish in wanted:
        for device in _of(found, wish):
            devices.setdefault(place(device) or device.id, device)
    return tuple(devices.values())


def alike(devices: Sequence[FoundDevice]) -> tuple[FoundDevice, ...]:
    """Those that have the first one's name. A coordinator takes all that a verifier says for one device's."""
    return tuple(device for device in devices if device.words == devices[0].words)


def place(device: FoundDevice) -> str:
    """Where on the PCI bus it sits, e.g. "0000:21:00"; empty if Cycles does not tell."""
    found = PLACE.search(device.id)
    return found[1] if found else ""


def in_words(devices: Sequence[FoundDevice]) -> str:
    """Equal ones are told once: how many there are is seen from the slots."""
    return " + ".join(dict.fromkeys(device.words for device in devices))


def _of(found: Sequence[FoundDevice], wish: str) -> Iterator[FoundDevice]:
    here = [device for device in found if wish in {device.kind, device.id}]
    if wish == AUTO:
        best = next(kind for kind in BEST_FIRST if any(device.kind is kind for device in found))
        here = [device for device in found if device.kind is best]
    if not here:
        listed = "; ".join(f"{device.words} ({device.id})" for device in found)
        raise RenderFailed(
            Failure.NO_DEVICE, f"Blender finds no {wish} device here; set device to what it finds: {listed}"
        )
    yield from here
