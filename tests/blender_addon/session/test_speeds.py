import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_addon.session.markets import pilot, speed
from tegula_blender.session.speeds import CLEAN_EARLY, MARGIN, UNSURE, Pilot, Speeds

KNOWN = (speed("CPU", 2.0), speed("OPTIX", 20.0))


def of(device: str, tried: Pilot | None, *, adaptive: bool = False) -> tuple[float, float] | None:
    return Speeds(KNOWN, tried, adaptive=adaptive).of(device)


def test_without_a_pilot_a_scene_may_be_much_harder_than_others() -> None:
    assert of("CPU", None) == (2.0 / UNSURE, 2.0 * UNSURE)
    assert of("METAL", None) is None


def test_a_pilot_on_a_device_that_workers_have_scales_all_of_them() -> None:
    """It takes four times as long as other scenes here, so everywhere."""
    tried = pilot(2.0, 2.0, 2.0)
    assert of("CPU", tried) == pytest.approx((0.5 / MARGIN, 0.5 * MARGIN))
    assert of("OPTIX", tried) == pytest.approx((5.0 / MARGIN, 5.0 * MARGIN))


def test_a_pilot_on_a_device_that_nobody_has_widens_the_range() -> None:
    tried = pilot(2.0, 2.0, device="HIP")
    assert of("OPTIX", tried) == (0.5, 25.0)
    assert of("METAL", tried) == (0.5 / UNSURE, 0.5 * UNSURE)


def test_a_noise_threshold_that_was_not_tried_may_save_time() -> None:
    partly, whole = pilot(2.0, 2.0, whole=False), pilot(2.0, 2.0)
    assert of("CPU", partly, adaptive=True) == pytest.approx((0.5 / MARGIN, 0.5 * MARGIN * CLEAN_EARLY))
    assert of("CPU", whole, adaptive=True) == of("CPU", whole) == of("CPU", partly)


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=9))
def test_the_mean_of_a_pilot_lies_in_its_range(rates: list[float]) -> None:
    tried = pilot(*rates)
    slow, fast = tried.range
    assert 0 < slow <= tried.mean * (1 + 1e-9)
    assert tried.mean <= fast * (1 + 1e-9)


def test_rects_that_differ_make_the_range_wider() -> None:
    alike, unlike = pilot(1.9, 2.0, 2.1).range, pilot(1.0, 2.0, 3.0).range
    assert unlike[0] < alike[0] < alike[1] < unlike[1]


def test_reasons() -> None:
    said = list(Speeds(KNOWN, pilot(2.0), adaptive=False).reasons(["CPU", "METAL", "CPU"]))
    assert said == [
        "2 workers with CPU: 2 megasamples a second in the last 12 tiles of 2 jobs.",
        "1 worker with METAL: nothing is known of how fast it is.",
        "This computer (CPU) did 0.5 megasamples a second of the scene.",
        "Its samples are 4 times as slow as those of recent jobs on that device.",
    ]
    strange = pilot(2.0, device="HIP", note="Something about HIP.", whole=False)
    assert list(Speeds(KNOWN, strange, adaptive=True).reasons([]))[1:] == [
        "Something about HIP.",
        "No worker has shown how fast that device is, so the range is wide.",
        "The noise threshold, which was left out, may make it up to 4 times as fast.",
    ]
    (untried,) = Speeds(KNOWN, None, adaptive=True).reasons([])
    assert untried == "The scene was not tried here, so each may be up to 3 times as fast or as slow."
