"""Who plays which part, with cards that are not here, and what their tiles are held against."""

from dataclasses import replace

import numpy as np
import pytest

from tegula_market.adapters.statistic import Pair
from tegula_market.adapters.verify import REJECT
from tegula_worker import known
from tegula_worker.program import OTHER_KERNEL
from tegula_worker.replies import Device
from verification import calibrate, kernels, rates, roc
from verification.cheats import Goal
from verification.kernels import HERE, NO_AVX2, Machines
from verification.picture import Picture
from verification.renders import SEEDS, Renders
from verification.subjects import Subject

ANSWER = Picture.read(known.ANSWER)
TILE = 64


def test_two_kernels_of_one_processor_need_no_third() -> None:
    used = kernels.machines(Device.CPU, Device.CPU)
    assert used == Machines()
    assert (used.pair, used.roles) == (Pair.CPU, {"here": HERE, "other": NO_AVX2})


@pytest.mark.parametrize(
    ("worker", "verifier"),
    [(Device.CUDA, Device.CPU), (Device.CPU, Device.OPTIX), (Device.OPTIX, Device.CUDA)],
)
def test_beside_a_card_every_verifier_has_the_processors_second_kernel(
    worker: Device, verifier: Device
) -> None:
    used = kernels.machines(worker, verifier)
    assert used.pair is Pair.MIXED
    assert {role: kernel.device for role, kernel in used.roles.items()} == {
        "here": worker,
        "other": verifier,
        "twin": Device.CPU,
    }
    assert used.roles["twin"] is NO_AVX2
    assert len({kernel.name for kernel in used.roles.values()}) == 3


def test_one_card_is_not_compared_with_itself() -> None:
    with pytest.raises(ValueError, match="cannot both be CUDA: name two kinds of device"):
        kernels.machines(Device.CUDA, Device.CUDA)


def test_cards_are_calibrated_two_by_two_with_the_processor() -> None:
    two = [
        (each.worker.device, each.other.device) for each in calibrate._machines([Device.CUDA, Device.OPTIX])
    ]
    assert two == [(Device.CPU, Device.CUDA), (Device.CPU, Device.OPTIX), (Device.CUDA, Device.OPTIX)]
    assert calibrate._machines([]) == [Machines()]


def test_the_kernel_for_older_processors_is_the_verifiers_own(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, object]] = []
    monkeypatch.setattr(kernels, "Renderer", lambda **how: asked.append(how))
    for kernel in kernels.machines(Device.CUDA, Device.CPU).roles.values():
        kernels.renderer(kernel)
    assert [(how["device"], how["environment"]) for how in asked] == [
        (Device.CUDA, {}),
        (Device.CPU, {}),
        (Device.CPU, OTHER_KERNEL),
    ]


def frame(seed: int, off: float, pixels: int) -> Picture:
    """Each seed another picture; some pixels are off by more than 1 % where the kernel is another."""
    values = np.tile(ANSWER.values, 2) * np.float32(1 + seed / 10)
    chosen = np.random.default_rng(pixels).choice(2 * TILE * TILE, pixels, replace=False)
    values.reshape(len(values), -1)[:, chosen] *= np.float32(1 + off)
    return ANSWER.changed(values)


def audited(card: int, second: int) -> list[roc.Audit]:
    """A card's two tiles.

    Args:
        card, second: pixels in which the card, and the processor's second kernel, stray from the first.
    """
    strays = {"here": card, "other": 0, "twin": second}
    honest = {(role, seed): frame(seed, 0.05, pixels) for role, pixels in strays.items() for seed in SEEDS}
    scene = replace(known.scene("4.5.15"), resolution_x=2 * TILE)
    subject = Subject("known", known.FOLDER / known.BLEND, scene, 1)
    cheats = {"one sample less": frame(SEEDS[0], 0.05, 6000)}
    return list(roc.audits(Renders(subject, honest, honest["here", SEEDS[0]], cheats, Pair.MIXED), salts=2))


@pytest.fixture(scope="module")
def audits() -> list[roc.Audit]:
    return audited(card=20, second=10)


def test_a_cards_tiles_are_audited_by_its_own_kind_and_by_the_other(audits: list[roc.Audit]) -> None:
    cases = {(audit.case, audit.pair) for audit in audits}
    assert {
        (roc.HONEST_SAME, Pair.SAME),
        (roc.HONEST_OTHER, Pair.MIXED),
        ("one sample less", Pair.SAME),
        ("one sample less", Pair.MIXED),
    } <= cases
    assert {audit.pair for audit in audits} == {Pair.SAME, Pair.MIXED}
    assert rates.crossed(audits) is Pair.MIXED


def test_a_cards_honest_tiles_are_believed_and_its_cheats_found(audits: list[roc.Audit]) -> None:
    assert [each.rejected.hits for each in rates.honest(audits, REJECT)] == [0, 0]
    found = [each for each in rates.found(audits) if each.cheat.name == "one sample less"]
    assert [each.pair for each in found] == [Pair.SAME, Pair.MIXED]
    assert all(each.cheat.goal is Goal.WHOLE and each.audited.share == 1 for each in found)


def test_a_card_is_allowed_eight_times_what_the_third_kernel_strays_and_no_more() -> None:
    """Were the twin the card's tile of another seed, any card would be as far off as its twin."""

    def surprise(card: int, second: int) -> float:
        return max(audit.confirm for audit in audited(card, second) if audit.case == roc.HONEST_OTHER)

    assert surprise(card=1000, second=400) < REJECT
    assert surprise(card=4000, second=40) > REJECT


def test_a_card_strays_so_many_times_as_far_as_the_verifiers_twin() -> None:
    """The card has 24 pixels off by 5 %, the twin 8 others."""
    values = np.full((len(ANSWER.names), TILE, TILE), 0.5, np.float32)

    def off(start: int, pixels: int) -> Picture:
        changed = values.copy()
        changed.reshape(len(changed), -1)[:, start : start + pixels] *= np.float32(1.05)
        return ANSWER.changed(changed)

    made = {"here": off(0, 24), "other": off(0, 0), "twin": off(100, 8)}
    frames = {(role, seed): made[role] for role in made for seed in SEEDS}
    used = kernels.machines(Device.CUDA, Device.CPU)
    strays = {(each.worker, each.rung): each for each in calibrate.strayed("known", used, frames)}
    assert {rung for _, rung in strays} == {1e-4, 1e-3, 1e-2, 1e-1}
    by_card, by_processor = strays["CUDA", 1e-2], strays["CPU", 1e-2]
    assert (by_card.off, by_card.twin, by_card.factor) == (3 * 24, 3 * 8, 72 / 25)
    assert (by_processor.off, by_processor.twin) == (3 * 24, 3 * 32)
    assert strays["CUDA", 1e-1].off == 0


def test_two_kernels_of_one_processor_have_no_such_factor() -> None:
    assert list(calibrate.strayed("known", Machines(), {})) == []
