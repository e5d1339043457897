"""Many devices as one renderer; who fails, who is asked instead, who is set aside and why."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

import scenes
from tegula_market.model import Rect
from tegula_worker import bay
from tegula_worker.events import Equipped
from tegula_worker.pool import STRIKES, Pool
from tegula_worker.replies import OF_THE_DEVICE, Failure, RenderFailed
from worker.fake_cards import CPU, FIRST, RADEON, RTX, SECOND, Machine

ALL = ("OPTIX", "CPU")
RECT = Rect(0, 0, 8, 8)
PLENTY = 1 << 40


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine((CPU, FIRST, SECOND, RADEON))
    monkeypatch.setattr(bay, "resident", made.resident)
    return made


def with_pool(
    machine: Machine,
    work: Callable[[Pool], Awaitable[None]],
    wanted: Sequence[str] = ALL,
    budget: int = PLENTY,
    *,
    alike: bool = False,
) -> None:
    async def run() -> None:
        async with asyncio.timeout(60), Pool(machine.make, wanted, budget, slots=2, alike=alike) as pool:
            await work(pool)

    asyncio.run(run())
    assert machine.alive == []


async def tile(pool: Pool, blend: str) -> str:
    """The device that rendered it."""
    rendered = await pool.render(Path("/scenes"), blend, scenes.SMALL, 1, RECT, Path(os.devnull))
    return rendered.device


def reasons(pool: Pool) -> list[str]:
    return [pool.changes.get_nowait().reason for _ in range(pool.changes.qsize())]


def test_every_device_is_examined_and_gives_slots(machine: Machine) -> None:
    async def work(pool: Pool) -> None:
        assert pool.devices == (FIRST, SECOND, CPU)
        assert (pool.device_name, pool.slots) == (f"OPTIX {RTX} + CPU AMD EPYC", 6)
        assert sorted(machine.examined, key=machine.devices.index) == [CPU, FIRST, SECOND]

    with_pool(machine, work)


def test_a_verifier_has_one_name(machine: Machine) -> None:
    async def work(pool: Pool) -> None:
        assert (pool.devices, pool.device_name) == ((FIRST, SECOND), FIRST.words)

    with_pool(machine, work, alike=True)


@pytest.mark.parametrize("fault", [0.0, 1.5, Failure.DRIVER, Failure.TIMED_OUT])
def test_a_broken_card_is_set_aside_at_the_start(machine: Machine, fault: float | Failure) -> None:
    machine.known[FIRST] = fault

    async def work(pool: Pool) -> None:
        assert pool.devices == (SECOND, CPU)
        assert [await tile(pool, "a") for _ in range(2)] == [SECOND.words] * 2
        assert FIRST not in {device for device, _ in machine.rendered}

    with_pool(machine, work)


def test_without_a_device_that_is_right_there_is_no_worker(machine: Machine) -> None:
    machine.known |= {CPU: 0.0}
    with pytest.raises(RenderFailed, match="black"):
        with_pool(machine, lambda _: tile(_, "a"), wanted=("CPU",))


def test_all_devices_render_at_once_and_a_warm_one_is_asked_first(machine: Machine) -> None:
    async def work(pool: Pool) -> None:
        machine.going.clear()
        async with asyncio.TaskGroup() as tasks:
            going = [tasks.create_task(tile(pool, "a")) for _ in range(4)]
            assert {await machine.begun.get() for _ in range(3)} == {FIRST, SECOND, CPU}
            machine.going.set()
        assert len([each.result() for each in going]) == 4
        machine.rendered.clear()
        await tile(pool, "b")
        (taken, _), *_ = machine.rendered
        await tile(pool, "b")
        assert machine.rendered == [(taken, "b")] * 2

    with_pool(machine, work)


def test_scenes_stay_warm_within_the_budget(machine: Machine) -> None:
    machine.sizes = {"a": 40, "b": 40, "c": 40}

    async def work(pool: Pool) -> None:
        for blend in "abab":
            await tile(pool, blend)
        assert machine.warm() == [(CPU, "a"), (CPU, "b")]
        await tile(pool, "c")
        assert machine.warm() == [(CPU, "b"), (CPU, "c")]

    with_pool(machine, work, wanted=("CPU",), budget=100)


def test_a_scene_that_finds_no_memory_gets_that_of_the_idle_ones(machine: Machine) -> None:
    machine.failures[CPU, "b"] = [Failure.OUT_OF_MEMORY]

    async def work(pool: Pool) -> None:
        await tile(pool, "a")
        await tile(pool, "b")
        assert machine.warm() == [(CPU, "b")]
        machine.failures[CPU, "c"] = [Failure.OUT_OF_MEMORY] * 2
        with pytest.raises(RenderFailed) as caught:
            await tile(pool, "c")
        assert caught.value.failure is Failure.OUT_OF_MEMORY
        assert pool.devices == (CPU,)

    with_pool(machine, work, wanted=("CPU",))


@pytest.mark.parametrize("failure", sorted(OF_THE_DEVICE | {Failure.CRASHED}))
def test_a_card_that_went_bad_is_set_aside_and_its_tile_is_rendered_all_the_same(
    machine: Machine, failure: Failure
) -> None:
    async def work(pool: Pool) -> None:
        await tile(pool, "a")
        assert machine.warm() == [(FIRST, "a")]
        machine.failures[FIRST, "a"] = [failure]
        machine.known[FIRST] = Failure.LOST_DEVICE
        assert await tile(pool, "a") == SECOND.words
        assert pool.devices == (SECOND, CPU)
        change = pool.changes.get_nowait()
        assert (change.device, change.slots) == (f"OPTIX {RTX} + CPU AMD EPYC", 4)
        assert "the card says" in change.reason
        assert machine.warm() == [(SECOND, "a")]

    with_pool(machine, work)


def test_a_scene_that_crashes_every_device_sets_none_aside(machine: Machine) -> None:
    """Or whoever orders it would empty the market."""

    async def work(pool: Pool) -> None:
        for number in range(2 * STRIKES):
            blend = f"hostile {number}"
            machine.failures |= {(device, blend): [Failure.CRASHED] for device in (FIRST, SECOND, CPU)}
            with pytest.raises(RenderFailed) as caught:
                await tile(pool, blend)
            assert caught.value.failure is Failure.CRASHED
        assert pool.devices == (FIRST, SECOND, CPU)
        assert pool.changes.empty()

    with_pool(machine, work)


def test_a_card_that_fails_where_others_do_not_is_set_aside(machine: Machine) -> None:
    async def work(pool: Pool) -> None:
        for number in range(STRIKES):
            assert pool.devices == (FIRST, CPU)
            blend = f"scene {number}"
            machine.failures[FIRST, blend] = [Failure.CRASHED]
            assert await tile(pool, blend) == CPU.words
        assert pool.devices == (CPU,)
        assert reasons(pool) == [
            f"{FIRST.words} failed on {STRIKES} scenes in a row that another device here renders"
        ]

    with_pool(machine, work, wanted=(FIRST.id, "CPU"))


def test_one_scene_again_and_again_is_one_strike(machine: Machine) -> None:
    async def work(pool: Pool) -> None:
        machine.failures[FIRST, "a"] = [Failure.CRASHED] * 5
        for _ in range(5):
            assert await tile(pool, "a") == CPU.words
        assert pool.devices == (FIRST, CPU)

    with_pool(machine, work, wanted=(FIRST.id, "CPU"))


def test_a_scene_too_large_for_a_card_is_not_tried_there_again(machine: Machine) -> None:
    machine.failures[FIRST, "a"] = [Failure.OUT_OF_GPU_MEMORY]

    async def work(pool: Pool) -> None:
        assert [await tile(pool, "a") for _ in range(2)] == [CPU.words] * 2
        assert machine.rendered == [(FIRST, "a"), (CPU, "a"), (CPU, "a")]
        assert await tile(pool, "b") == FIRST.words
        assert pool.devices == (FIRST, CPU)

    with_pool(machine, work, wanted=(FIRST.id, "CPU"))


def test_a_scene_too_large_for_every_card_is_told_each_time(machine: Machine) -> None:
    machine.failures[FIRST, "a"] = [Failure.OUT_OF_GPU_MEMORY]

    async def work(pool: Pool) -> None:
        for _ in range(2):
            with pytest.raises(RenderFailed) as caught:
                await tile(pool, "a")
            assert caught.value.failure is Failure.OUT_OF_GPU_MEMORY
        assert machine.rendered == [(FIRST, "a")]

    with_pool(machine, work, wanted=(FIRST.id,))


def test_a_fault_of_the_scene_is_told_at_once(machine: Machine) -> None:
    machine.failures[FIRST, "a"] = [Failure.NO_CAMERA]

    async def work(pool: Pool) -> None:
        machine.examined.clear()
        with pytest.raises(RenderFailed) as caught:
            await tile(pool, "a")
        assert caught.value.failure is Failure.NO_CAMERA
        assert machine.rendered == [(FIRST, "a")]
        assert machine.examined == []

    with_pool(machine, work)


def test_a_tile_that_waits_for_the_last_device_hears_that_it_is_gone(machine: Machine) -> None:
    async def work(pool: Pool) -> None:
        machine.failures[CPU, "a"] = [Failure.CRASHED]
        machine.known[CPU] = 0.0
        machine.going.clear()

        async def failing() -> str:
            with pytest.raises(RenderFailed) as caught:
                await tile(pool, "a")
            return str(caught.value)

        async with asyncio.TaskGroup() as tasks:
            both = [tasks.create_task(failing()) for _ in range(2)]
            await machine.begun.get()
            machine.going.set()
        assert both[0].result() == "the card says CRASHED"
        assert "renders the known scene black" in both[1].result()
        assert pool.changes.get_nowait() == Equipped("", 0, both[1].result().partition(": ")[2])

    with_pool(machine, work, wanted=("CPU",))


def test_a_tile_that_is_cancelled_frees_its_device(machine: Machine) -> None:
    async def work(pool: Pool) -> None:
        machine.going.clear()
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(tile(pool, "a"))
            await machine.begun.get()
            first.cancel()
        machine.going.set()
        assert await tile(pool, "a") == CPU.words

    with_pool(machine, work, wanted=("CPU",))
