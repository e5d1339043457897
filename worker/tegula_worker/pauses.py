"""When the machine is not to be rented out: its hours, owner, disk, heat, load. Pure: measurements come in.

What cannot be measured is None and pauses nothing: no worker stands still for a sensor that is not there.
Once paused, a limit has to be undercut clearly before work goes on: heat and work would chase each other.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from tegula_worker import spans
from tegula_worker.objections import Code, Objection
from tegula_worker.spans import Span

RELIEF_CELSIUS = 5
RELIEF_PERCENT = 20
"""Of a limit."""


@dataclass(frozen=True, slots=True)
class Hours:
    open: tuple[Span, ...] = ()
    """None is always."""


@dataclass(frozen=True, slots=True)
class Owner:
    """What shows that somebody uses the machine; what is None is not looked at."""

    idle_hint: bool = False
    """Pause while logind says that a session is not idle."""
    cpu_percent: int | None = None
    """Of all cores, used by programs that are not the worker's."""
    gpu_percent: int | None = None
    """Of a GPU, used by programs that are not the worker's."""


@dataclass(frozen=True, slots=True)
class Limits:
    cpu_celsius: int | None = None
    gpu_celsius: int | None = None
    load_percent: int | None = None
    """Load average of a minute, the worker's own included, in percent of the cores."""
    free_bytes: int = 1 << 30
    """Least room on the disk of the data folder: scenes, images and vouchers have to fit."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What was measured; None is unknown."""

    session_idle: bool | None = None
    others_cpu_percent: int | None = None
    others_gpu_percent: int | None = None
    cpu_celsius: int | None = None
    gpu_celsius: int | None = None
    load_percent: int | None = None
    free_bytes: int | None = None


def why(
    hours: Hours, owner: Owner, limits: Limits, machine: Machine, when: datetime, *, paused: bool
) -> Objection | None:
    """The first reason to take no new work; None to take it.

    Args:
        when: local time.
        paused: whether the worker rests already.
    """
    if hours.open and not spans.within(hours.open, when):
        times = ", ".join(span.text for span in hours.open)
        return Objection(Code.CLOSED, f"it is {when:%a %H:%M}; the opening hours are {times}")
    if owner.idle_hint and machine.session_idle is False:
        return Objection(Code.OWNER_ACTIVE, "somebody uses the machine, the system says")
    measured = next(_measured(owner, limits, machine, paused=paused), None)
    return measured or _full(limits, machine, paused=paused)


def _full(limits: Limits, machine: Machine, *, paused: bool) -> Objection | None:
    wanted = limits.free_bytes * (100 + RELIEF_PERCENT * paused) // 100
    if machine.free_bytes is None or machine.free_bytes >= wanted:
        return None
    sentence = f"the disk has {machine.free_bytes >> 20} MiB left; wants {wanted >> 20}: make room"
    return Objection(Code.DISK_FULL, sentence)


def _measured(owner: Owner, limits: Limits, machine: Machine, *, paused: bool) -> Iterator[Objection]:
    for code, what, unit, limit, value in (
        (
            Code.CPU_BUSY,
            "other programs use",
            " % of the cores",
            owner.cpu_percent,
            machine.others_cpu_percent,
        ),
        (Code.GPU_BUSY, "other programs use", " % of a GPU", owner.gpu_percent, machine.others_gpu_percent),
        (Code.CPU_HOT, "the CPU is at", " °C", limits.cpu_celsius, machine.cpu_celsius),
        (Code.GPU_HOT, "a GPU is at", " °C", limits.gpu_celsius, machine.gpu_celsius),
        (Code.LOAD_HIGH, "the load is", " % of the cores", limits.load_percent, machine.load_percent),
    ):
        if limit is None or value is None:
            continue
        allowed = limit - _relief(code, limit) if paused else limit
        if value > allowed:
            yield Objection(code, f"{what} {value}{unit}; the limit is {allowed}")


def _relief(code: Code, limit: int) -> int:
    return RELIEF_CELSIUS if code in (Code.CPU_HOT, Code.GPU_HOT) else limit * RELIEF_PERCENT // 100


def unknown(owner: Owner, limits: Limits, machine: Machine) -> list[str]:
    """Settings that do nothing on this machine, since what they need cannot be measured."""
    wanted = {
        "owner.idle_hint": (owner.idle_hint or None, machine.session_idle),
        "owner.cpu_percent": (owner.cpu_percent, machine.others_cpu_percent),
        "owner.gpu_percent": (owner.gpu_percent, machine.others_gpu_percent),
        "limits.cpu_celsius": (limits.cpu_celsius, machine.cpu_celsius),
        "limits.gpu_celsius": (limits.gpu_celsius, machine.gpu_celsius),
        "limits.load_percent": (limits.load_percent, machine.load_percent),
    }
    return [name for name, (limit, value) in wanted.items() if limit is not None and value is None]
