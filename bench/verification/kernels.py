"""On what frames are rendered: a kernel of this processor, or a card; and whose part each of them plays."""

from dataclasses import dataclass

from tegula_market.adapters.statistic import Pair
from tegula_worker import sandbox
from tegula_worker.program import OTHER_KERNEL
from tegula_worker.renderer import Renderer
from tegula_worker.replies import Device
from tegula_worker.sandbox import Isolation, Sandbox


@dataclass(frozen=True, slots=True)
class Kernel:
    name: str
    """Of its frames."""
    device: Device = Device.CPU
    second: bool = False
    """The processor's for machines without AVX2, which stands for other hardware."""


HERE, NO_AVX2 = Kernel("here"), Kernel("other", second=True)


@dataclass(frozen=True, slots=True)
class Machines:
    worker: Kernel = HERE
    other: Kernel = NO_AVX2
    """A verifier of another kind; one of the worker's own renders as the worker does."""
    twin: Kernel | None = None
    """What every verifier has besides; None where it would be the worker or the other."""

    @property
    def pair(self) -> Pair:
        """Of the worker and the other."""
        cards = {self.worker.device, self.other.device} - {Device.CPU}
        return Pair.MIXED if cards else Pair.CPU

    @property
    def roles(self) -> dict[str, Kernel]:
        played = {"here": self.worker, "other": self.other}
        return played if self.twin is None else {**played, "twin": self.twin}


def machines(worker: Device, other: Device) -> Machines:
    """
    Raises:
        ValueError: two of one card's kind render the same, so there is nothing to compare.
    """
    if worker is other is Device.CPU:
        return Machines()
    if worker is other:
        raise ValueError(f"worker and verifier cannot both be {worker}: name two kinds of device")
    return Machines(_kernel(worker), _kernel(other), NO_AVX2)


def renderer(kernel: Kernel) -> Renderer:
    """The scenes are our own: they are rendered without a sandbox where there is none to be had."""
    walls = sandbox.chosen(Isolation.PREFERRED, Sandbox())
    environment = OTHER_KERNEL if kernel.second else {}
    return Renderer(device=kernel.device, environment=environment, sandbox=walls)


def _kernel(device: Device) -> Kernel:
    return HERE if device is Device.CPU else Kernel(device.lower(), device)
