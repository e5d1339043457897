"""What a render child answers, and the words for what can go wrong.

A child that a hostile scene has taken over can answer anything, so replies are decoded strictly.
"""

from dataclasses import dataclass
from enum import StrEnum

from tegula_market.model import TegulaError


class Device(StrEnum):
    """Cycles' names for what it renders on."""

    CPU = "CPU"
    CUDA = "CUDA"
    OPTIX = "OPTIX"
    HIP = "HIP"
    ONEAPI = "ONEAPI"
    METAL = "METAL"


class Failure(StrEnum):
    NOT_STARTED = "NOT_STARTED"
    """There is no such Blender here."""
    NO_DEVICE = "NO_DEVICE"
    """Blender never found it here."""
    LOST_DEVICE = "LOST_DEVICE"
    """Blender found it before and does not find it now."""
    DRIVER = "DRIVER"
    """The card's driver, its kernels or the card itself gave up; the sentence has its words."""
    BLACK_FRAME = "BLACK_FRAME"
    """The known scene came out black. Of a stranger's scene nobody can tell: it may be night there."""
    WRONG_PIXELS = "WRONG_PIXELS"
    """The known scene came out wrong."""
    CRASHED = "CRASHED"
    TIMED_OUT = "TIMED_OUT"
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    """Of the machine: Cycles says so, or the child was ended for what it took."""
    OUT_OF_GPU_MEMORY = "OUT_OF_GPU_MEMORY"
    """Of the card: one with more may do."""
    NOT_RENDERED = "NOT_RENDERED"
    """Cycles gave up for another reason, which the sentence says."""
    UNREADABLE_SCENE = "UNREADABLE_SCENE"
    WRONG_ENGINE = "WRONG_ENGINE"
    UNSAFE = "UNSAFE"
    """The scene wants to run code of its own: Freestyle, Open Shading Language, drivers, script cameras."""
    NOT_TILEABLE = "NOT_TILEABLE"
    """A pixel would depend on what else is rendered with it: path guiding."""
    MISMATCH = "MISMATCH"
    """The scene, or this Blender, is not what the order says."""
    NO_CAMERA = "NO_CAMERA"
    MISSING_ASSET = "MISSING_ASSET"
    """The scene uses what is not among its files."""


OF_THE_SCENE = frozenset(
    (
        Failure.UNREADABLE_SCENE,
        Failure.WRONG_ENGINE,
        Failure.UNSAFE,
        Failure.NOT_TILEABLE,
        Failure.MISMATCH,
        Failure.NO_CAMERA,
        Failure.MISSING_ASSET,
    )
)
"""Failures that every other worker would meet alike."""
OF_THE_DEVICE = frozenset(
    (
        Failure.NO_DEVICE,
        Failure.LOST_DEVICE,
        Failure.DRIVER,
        Failure.BLACK_FRAME,
        Failure.WRONG_PIXELS,
    )
)
"""Failures that another device, or another driver, would not have had."""


class RenderFailed(TegulaError):
    """No image came of it. The message says why, to the provider and to the requester."""

    def __init__(self, failure: Failure, sentence: str) -> None:
        super().__init__(sentence)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class FoundDevice:
    kind: Device
    name: str
    id: str
    """Cycles' own: tells two equal cards apart, most kinds by their place on the PCI bus."""

    @property
    def words(self) -> str:
        """Of a kind of device, e.g. "CPU AMD EPYC". Verification takes two of one name for equal."""
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Hello:
    blender: str
    devices: tuple[FoundDevice, ...]


@dataclass(frozen=True, slots=True)
class Loaded:
    seconds: float


@dataclass(frozen=True, slots=True)
class Drawn:
    seconds: float


@dataclass(frozen=True, slots=True)
class Refusal:
    failure: Failure
    sentence: str
