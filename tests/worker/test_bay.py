"""One device with its scenes, rendered by nobody."""

import asyncio
import os
from pathlib import Path

import pytest

import scenes
from tegula_market.model import Rect
from tegula_worker import bay
from tegula_worker.bay import Bay, Opened
from tegula_worker.replies import Failure, FoundDevice, RenderFailed
from worker.fake_cards import CPU, FIRST, Machine

RECT = Rect(0, 0, 8, 8)


def opened(blend: str) -> Opened:
    return Opened(Path("/scenes"), blend, scenes.SMALL)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine((CPU, FIRST), sizes={"a": 5, "b": 7})
    monkeypatch.setattr(bay, "resident", made.resident)
    return made


async def _rendered(bay: Bay, *blends: str) -> None:
    for number, blend in enumerate(blends):
        await bay.render(opened(blend), 1, RECT, Path(os.devnull), number)


@pytest.mark.parametrize(("device", "held"), [(CPU, ["a", "b"]), (FIRST, ["b"])])
def test_a_processor_holds_scenes_and_a_card_the_last_one(
    machine: Machine, device: FoundDevice, held: list[str]
) -> None:
    bay = Bay(device, machine.make)
    asyncio.run(_rendered(bay, "a", "b", "b"))
    assert machine.warm() == [(device, blend) for blend in held]
    assert [(each.scene.blend, each.used) for each in bay.shelf.held][-1] == ("b", 2)
    assert sum(each.size for each in bay.shelf.held) == sum({"a": 5, "b": 7}[blend] for blend in held)
    asyncio.run(bay.close())
    assert machine.alive == []
    assert bay.shelf.held == ()


def test_a_scene_that_failed_is_held_no_longer(machine: Machine) -> None:
    machine.failures[CPU, "b"] = [Failure.CRASHED]
    bay = Bay(CPU, machine.make)
    with pytest.raises(RenderFailed):
        asyncio.run(_rendered(bay, "a", "b"))
    assert machine.warm() == [(CPU, "a")]
    assert [each.scene.blend for each in bay.shelf.held] == ["a"]


def test_strikes_end_with_a_scene_that_is_rendered(machine: Machine) -> None:
    bay = Bay(CPU, machine.make)
    bay.strikes = frozenset((opened("b"),))
    asyncio.run(_rendered(bay, "a"))
    assert bay.strikes == frozenset()


@pytest.mark.parametrize(
    ("comes", "failure"),
    [
        (1.0, None),
        (0.0, Failure.BLACK_FRAME),
        (1.2, Failure.WRONG_PIXELS),
        (float("nan"), Failure.WRONG_PIXELS),
        (Failure.DRIVER, Failure.DRIVER),
    ],
)
def test_the_known_scene_tells_what_is_wrong(
    machine: Machine, comes: Failure | float, failure: Failure | None
) -> None:
    machine.known[FIRST] = comes
    fault = asyncio.run(Bay(FIRST, machine.make).examine())
    assert (fault and fault.failure) == failure
    assert machine.alive == []
