"""When the machine is its owner's."""

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tegula_worker import pauses
from tegula_worker.objections import Code
from tegula_worker.pauses import Hours, Limits, Machine, Owner
from tegula_worker.spans import Span

NOON = datetime(2026, 11, 23, 12)  # noqa: DTZ001 local time, a Monday
ALL = Owner(idle_hint=True, cpu_percent=25, gpu_percent=10), Limits(90, 80, 150, 1000)
QUIET = Machine(True, 25, 10, 90, 80, 150, 1000)


def why(machine: Machine, hours: Hours = Hours(), *, paused: bool = False) -> Code | None:  # noqa: B008
    found = pauses.why(hours, *ALL, machine, NOON, paused=paused)
    return found and found.code


def test_at_its_limits_it_works() -> None:
    assert why(QUIET) is None


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"session_idle": False}, Code.OWNER_ACTIVE),
        ({"others_cpu_percent": 26}, Code.CPU_BUSY),
        ({"others_gpu_percent": 11}, Code.GPU_BUSY),
        ({"cpu_celsius": 91}, Code.CPU_HOT),
        ({"gpu_celsius": 81}, Code.GPU_HOT),
        ({"load_percent": 151}, Code.LOAD_HIGH),
        ({"free_bytes": 999}, Code.DISK_FULL),
    ],
)
def test_each_limit_has_its_code(change: dict[str, int | bool], code: Code) -> None:
    assert why(replace(QUIET, **change)) is code  # type: ignore[arg-type]


def test_what_is_not_known_pauses_nothing_and_is_told() -> None:
    assert why(Machine()) is None
    assert pauses.unknown(*ALL, Machine()) == [
        "owner.idle_hint",
        "owner.cpu_percent",
        "owner.gpu_percent",
        "limits.cpu_celsius",
        "limits.gpu_celsius",
        "limits.load_percent",
    ]
    assert pauses.unknown(*ALL, QUIET) == pauses.unknown(Owner(), Limits(), Machine()) == []


def test_what_is_not_asked_for_pauses_nothing() -> None:
    busy = Machine(False, 100, 100, 200, 200, 10_000)
    assert pauses.why(Hours(), Owner(), Limits(), busy, NOON, paused=True) is None


def test_outside_the_opening_hours() -> None:
    night, monday = Span.parse("22:00-06:00"), Span.parse("mon 08:00-18:00")
    assert why(QUIET, Hours((night,))) is Code.CLOSED
    assert why(QUIET, Hours((night, monday))) is None
    found = pauses.why(Hours((night,)), *ALL, QUIET, NOON, paused=False)
    assert found is not None
    assert found.sentence == "it is Mon 12:00; the opening hours are 22:00-06:00"


def test_a_limit_has_to_be_undercut_clearly_once_it_was_passed() -> None:
    assert why(QUIET, paused=True) is Code.CPU_BUSY
    cool = Machine(True, 20, 8, 85, 75, 120)
    assert why(cool, paused=True) is None
    assert why(replace(cool, gpu_celsius=76), paused=True) is Code.GPU_HOT


percents = st.none() | st.integers(0, 1000)
machines = st.builds(
    Machine, st.none() | st.booleans(), percents, percents, percents, percents, percents, percents
)


@given(machines)
def test_whoever_rests_has_no_less_reason_to(machine: Machine) -> None:
    if why(machine) is not None:
        assert why(machine, paused=True) is not None


def test_room_on_the_disk() -> None:
    limits = Limits(free_bytes=1 << 30)

    def found(free: int, *, paused: bool) -> str:
        no = pauses.why(Hours(), Owner(), limits, Machine(free_bytes=free), NOON, paused=paused)
        return no.sentence if no else ""

    assert found(1 << 30, paused=False) == ""
    assert found((1 << 30) - 1, paused=False) == "the disk has 1023 MiB left; wants 1024: make room"
    assert found(1 << 30, paused=True) == "the disk has 1024 MiB left; wants 1228: make room"
    assert found(6 << 28, paused=True) == ""
    assert (
        pauses.why(Hours(), Owner(), Limits(free_bytes=0), Machine(free_bytes=0), NOON, paused=True) is None
    )
