import pytest

from tegula_blender.session.stopwatch import Stopwatch


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now

    def fail_at(self, now: float) -> None:
        self.now = now
        raise OSError


def test_every_second_belongs_to_the_innermost_part() -> None:
    clock = Clock()
    watch = Stopwatch(clock)
    clock.now = 1
    with watch.part("market"):
        clock.now = 3
        with watch.part("transfer"):
            clock.now = 7
        clock.now = 8
        with watch.part("transfer"):
            clock.now = 9
    clock.now = 20
    assert watch.seconds == {"market": 3, "transfer": 5}
    assert watch.total == 20


def test_a_part_that_fails_is_counted() -> None:
    clock = Clock()
    watch = Stopwatch(clock)
    with pytest.raises(OSError), watch.part("upload"):
        clock.fail_at(2)
    assert watch.seconds == {"upload": 2}
