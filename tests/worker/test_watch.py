"""Why the worker rests, and what cannot be told on this machine."""

from datetime import datetime

import pytest
import structlog

from tegula_worker.config import Config
from tegula_worker.objections import Code
from tegula_worker.pauses import Hours, Limits, Machine
from tegula_worker.spans import Span
from tegula_worker.watch import Watch

NOON = datetime(2026, 11, 23, 12)  # noqa: DTZ001 local time


class Readings:
    """A machine with the given temperatures of its CPU, one a look."""

    def __init__(self, *celsius: int | None) -> None:
        self._celsius = iter(celsius)

    def read(self) -> Machine:
        return Machine(cpu_celsius=next(self._celsius))


def test_it_rests_until_the_machine_is_clearly_cooler() -> None:
    watch = Watch(Config(limits=Limits(cpu_celsius=80)), Readings(80, 81, 76, 75), lambda: NOON)
    assert watch.look() is None
    hot = watch.look()
    assert hot is not None
    assert (hot.code, hot.sentence) == (Code.CPU_HOT, "the CPU is at 81 °C; the limit is 80")
    assert watch.look() is watch.why is not None
    assert watch.look() is None


def test_it_knows_the_time() -> None:
    hours = Hours((Span.parse("22:00-06:00"),))
    assert Watch(Config(hours=hours), Readings(None), lambda: NOON.replace(hour=23)).look() is None
    closed = Watch(Config(hours=hours), Readings(None), lambda: NOON).look()
    assert closed is not None
    assert closed.code is Code.CLOSED


@pytest.mark.parametrize(("celsius", "warned"), [(50, 0), (None, 1)])
def test_a_limit_without_a_sensor_is_told(celsius: int | None, warned: int) -> None:
    watch = Watch(Config(limits=Limits(cpu_celsius=80)), Readings(celsius), lambda: NOON)
    watch.look()
    with structlog.testing.capture_logs() as said:
        watch.warn()
    assert [line["setting"] for line in said] == ["limits.cpu_celsius"] * warned
