"""Which devices are rendered on, of lists as Cycles gives them."""

import pytest

from tegula_worker.devices import AUTO, alike, chosen, in_words, place
from tegula_worker.replies import Device, FoundDevice, RenderFailed
from worker.fake_cards import AS_CUDA, CPU, FIRST, RADEON, RTX, SECOND

ARC = FoundDevice(Device.ONEAPI, "Intel Arc A770", "ONEAPI_Intel Arc A770_0000:0a:00")
METAL = FoundDevice(Device.METAL, "Apple M2", "METAL_Apple M2_GPU")


@pytest.mark.parametrize(
    ("found", "best"),
    [
        ((CPU,), (CPU,)),
        ((CPU, METAL), (METAL,)),
        ((CPU, METAL, ARC), (ARC,)),
        ((CPU, ARC, RADEON), (RADEON,)),
        ((CPU, AS_CUDA, RADEON), (AS_CUDA,)),
        ((CPU, AS_CUDA, FIRST, SECOND, RADEON), (FIRST, SECOND)),
    ],
)
def test_automatically_the_best_kind_is_used(
    found: tuple[FoundDevice, ...], best: tuple[FoundDevice, ...]
) -> None:
    assert chosen(found, [AUTO]) == best


ALL = (CPU, AS_CUDA, FIRST, SECOND, RADEON)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (["CPU"], (CPU,)),
        (["HIP", "OPTIX"], (RADEON, FIRST, SECOND)),
        ([SECOND.id], (SECOND,)),
        ([AUTO, "CPU"], (FIRST, SECOND, CPU)),
        (["OPTIX", "CUDA"], (FIRST, SECOND)),  # the same cards, of which each renders once
        (["CUDA", "OPTIX"], (AS_CUDA, SECOND)),
        (["CPU", "CPU"], (CPU,)),
    ],
)
def test_what_is_wanted_is_used_in_that_order(wanted: list[str], expected: tuple[FoundDevice, ...]) -> None:
    assert chosen(ALL, wanted) == expected


@pytest.mark.parametrize("wish", ["METAL", "CUDA_NVIDIA GeForce RTX 3090_0000:61:00"])
def test_what_is_not_here_is_told_with_what_is(wish: str) -> None:
    with pytest.raises(RenderFailed, match=f"no {wish} device") as caught:
        chosen(ALL, ["CPU", wish])
    assert f"HIP AMD Radeon RX 6800 ({RADEON.id})" in str(caught.value)


def test_equal_cards_have_one_name_and_two_places() -> None:
    assert FIRST.words == SECOND.words == f"OPTIX {RTX}"
    assert [place(device) for device in (FIRST, SECOND, AS_CUDA)] == [
        "0000:21:00",
        "0000:41:00",
        "0000:21:00",
    ]
    assert place(CPU) == place(METAL) == ""
    assert in_words((FIRST, SECOND)) == f"OPTIX {RTX}"
    assert in_words((FIRST, CPU, SECOND)) == f"OPTIX {RTX} + CPU AMD EPYC"


def test_a_verifier_uses_devices_of_one_name() -> None:
    assert alike((FIRST, CPU, SECOND)) == (FIRST, SECOND)
