"""Speeds: how they are measured and kept, and what they make of a wanted hour."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tegula_market.model import Rect, Scene, Wei
from tegula_worker import known, speeds
from tegula_worker.cards import Facts
from tegula_worker.renderer import Rendered
from tegula_worker.speeds import EDGE, LEAST_SECONDS, Speed, Speeds, measure, price_per_megasample
from worker.fake_cards import BLENDER, FIRST, SECOND, FakeCard, Machine

FACTS = Facts(24 << 30, "nvidia 580.12")
SPEED = Speed(FIRST.words, FIRST.id, BLENDER, FACTS.driver, 100.0, 2.0)


class Timed(FakeCard):
    """Renders so many megasamples a second, and half a second longer the first time."""

    def __init__(self, rate: float) -> None:
        super().__init__(Machine(), FIRST)
        self.rate = rate
        self.rects: list[Rect] = []

    async def render(
        self, folder: Path, blend: str, scene: Scene, _frame: int, rect: Rect, out: Path
    ) -> Rendered:
        assert (folder, blend, scene.resolution_x) == (known.FOLDER, known.BLEND, EDGE)
        self.rects.append(rect)
        seconds = rect.width * rect.height * scene.spp / 1e6 / self.rate
        first = len(self.rects) == 1
        return Rendered(out, seconds + first / 2, first * 1.5, FIRST.words, BLENDER)


@pytest.mark.parametrize("rate", [0.001, 0.7, 30.0, 5_000.0])
def test_a_device_is_measured_by_as_much_as_takes_a_while(rate: float) -> None:
    card = Timed(rate)
    speed = asyncio.run(measure(card, FIRST, FACTS))  # type: ignore[arg-type]
    assert speed.megasamples_per_second == pytest.approx(rate)
    assert speed.load_seconds == pytest.approx(2 + known.EDGE**2 * known.SPP / 1e6 / rate)
    assert (speed.device, speed.id, speed.driver) == (FIRST.words, FIRST.id, "nvidia 580.12")
    last = card.rects[-1]
    assert last.width**2 * known.SPP / 1e6 / rate >= LEAST_SECONDS or last == Rect(0, 0, EDGE, EDGE)
    assert all(rect.width < last.width for rect in card.rects[:-1])


@given(st.integers(1, 10**24), st.floats(1e-3, 1e5))
def test_a_busy_hour_earns_what_was_wanted_and_hardly_more(per_hour: int, rate: float) -> None:
    price = price_per_megasample(Wei(per_hour), rate)
    megasamples = rate * 3600
    assert price >= 1
    assert price * megasamples >= per_hour * (1 - 1e-9)
    assert (price - 1) * megasamples <= per_hour * (1 + 1e-9)


def test_a_price_of_round_numbers() -> None:
    assert price_per_megasample(Wei(360_000), 10.0) == 10
    assert price_per_megasample(Wei(360_001), 10.0) == 11
    assert price_per_megasample(Wei(0), 10.0) == 0


def test_speeds_outlive_the_program_and_know_what_they_are_of(tmp_path: Path) -> None:
    path = tmp_path / "data" / speeds.NAME
    assert speeds.load(path) == Speeds()
    speeds.save(path, Speeds().having(SPEED))
    kept = speeds.load(path)
    assert kept.of(FIRST, FACTS, BLENDER) == SPEED
    assert kept.of(SECOND, FACTS, BLENDER) is None
    assert kept.of(FIRST, Facts(driver="nvidia 999"), BLENDER) is None
    assert kept.of(FIRST, FACTS, "5.0.1") is None
    assert [each.name for each in path.parent.iterdir()] == [speeds.NAME]


def test_a_device_that_is_measured_again_has_one_speed() -> None:
    again = replace(SPEED, driver="nvidia 590", megasamples_per_second=120.0)
    other = replace(SPEED, id=SECOND.id)
    assert Speeds().having(SPEED).having(other).having(again).measured == (other, again)


@pytest.mark.parametrize("text", [b"", b"{}", b"\xff", b'{"measured":[{"device":1}]}'])
def test_what_cannot_be_read_is_measured_again(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / speeds.NAME
    path.write_bytes(text)
    assert speeds.load(path) == Speeds()
