import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tegula_market.adapters.statistic import (
    CERTAIN,
    LEAST_CLUMP,
    RUNGS,
    Noise,
    Pair,
    Stray,
    excess,
    expected,
    levels,
    noise,
    pair_of,
    stray,
    surprise,
    tally,
)

TOP = len(RUNGS)
R, G, X, Y = "L.Combined.R", "L.Combined.G", "L.Normal.X", "L.Normal.Y"


def plane(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


planes = arrays.arrays(np.float32, (3, 3), elements=st.floats(width=32))


@given(planes)
def test_equal_bits_agree_whatever_they_are(values):
    assert not levels({R: values}, {R: values.copy()}).any()


@given(planes, planes)
def test_nothing_else_that_is_not_finite_agrees(got, want):
    odd = ~(np.isfinite(got) & np.isfinite(want)) & (got.view(np.uint32) != want.view(np.uint32))
    assert (levels({R: got}, {R: want})[odd] == TOP).all()


@pytest.mark.parametrize(
    ("off", "rungs"), [(0, 0), (1e-6, 1), (2e-4, 2), (2e-3, 3), (0.02, 4), (0.2, 5), (-0.2, 5), (1e30, 5)]
)
def test_a_pixel_climbs_as_many_rungs_as_it_is_off_by(off, rungs):
    want = plane(1, 1, 1)
    assert list(levels({R: want + plane(0, off, 0)}, {R: want})) == [0, rungs, 0]


def test_the_worst_channel_of_any_pass_counts():
    want = {R: plane(1, 1), X: plane(1, 1)}
    got = {R: plane(1.0005, 1), X: plane(1, 1.5)}
    assert list(levels(got, want)) == [2, 5]


def test_a_channel_is_held_against_the_largest_of_its_pass():
    """A normal that points up has tiny components left and right, which are nothing but last bits."""
    want, got = {X: plane(1e-8), Y: plane(1)}, {X: plane(3e-8), Y: plane(1)}
    assert list(levels(got, want)) == [1]
    assert list(levels({X: plane(3e-8)}, {X: plane(1e-8)})) == [5], "alone it would be off by far"


def test_what_is_dark_in_a_bright_tile_is_not_held_to_its_own_size():
    want = plane(1, 1, 1, 1e-6)
    assert levels({R: plane(1, 1, 1, 1.2e-6)}, {R: want})[3] == 1
    dark = want * np.float32(1e-6)
    assert levels({R: dark * np.float32(1.5)}, {R: dark})[:3].min() == 5, "but a dark tile is held to its own"


@pytest.mark.parametrize("behind", [1, 3, 30])
def test_the_background_does_not_hide_what_is_before_it(behind):
    """Depth where there is no surface is 1e10, against which every object's is nothing."""
    depth = "L.Depth.Z"
    want = plane(*[1e10] * behind, 8, 9)
    assert list(levels({depth: plane(*[1e10] * behind, 8, 0)}, {depth: want}))[-2:] == [0, 5]


def test_alpha_does_not_hide_what_is_darker():
    alpha, dark = plane(1, 1), plane(1e-3, 1e-3)
    got = {R: dark * np.float32(1.02), "L.Combined.A": alpha}
    assert levels(got, {R: dark, "L.Combined.A": alpha}).min() == 4


def test_motion_is_held_against_a_pixel():
    """Of what stands still it is 3e-6 pixels by one kernel and 1e-5 by another."""
    still, moving = plane(3e-6, 3e-6), plane(5, 5)
    assert list(levels({"L.Vector.X": plane(1e-5, 3e-6)}, {"L.Vector.X": still})) == [1, 0]
    assert list(levels({"L.Vector.X": plane(5.2, 5)}, {"L.Vector.X": moving})) == [4, 0]


def test_cryptomatte_is_held_channel_by_channel_and_its_ids_bit_by_bit():
    ids, coverage = "L.CryptoObject00.r", "L.CryptoObject00.g"
    want = {ids: plane(1e20, 3e-30), coverage: plane(1, 0.5)}
    assert list(levels({**want, ids: plane(1e20, 3.0001e-30)}, want)) == [0, 5]
    assert list(levels({**want, coverage: plane(1, 0)}, want)) == [0, 5]


def test_black_is_only_black():
    assert list(levels({R: plane(0, 1e-9)}, {R: plane(0, 0)})) == [0, 1]
    assert list(levels({R: plane(0, 0.5)}, {R: plane(0, 0)})) == [0, 5]
    assert list(levels({R: plane(-0.0)}, {R: plane(0.0)})) == [1]


def test_a_tally_counts_by_rung():
    assert tally(np.array([0, 1, 1, 3, 5], dtype=np.uint8)) == (4, 2, 2, 1, 1)


# ---- how surprising


def test_a_surprise_is_a_probability():
    """Against the binomial computed by hand: P(K >= 2) of 10 at 0.1, over one rung that tells anything."""
    known = Noise((1.0, 1.0, 1.0, 1.0, 0.1), (0.0,) * TOP)
    by_hand = 1 - 0.9**10 - 10 * 0.1 * 0.9**9
    assert surprise((9, 9, 9, 9, 2), 10, known) == pytest.approx(-math.log10(by_hand))


def test_spread_makes_outliers_less_surprising():
    tight, loose = (Noise((0.01,) * TOP, (spread,) * TOP) for spread in (0.0, 0.05))
    assert surprise((20,) * TOP, 256, tight) > surprise((20,) * TOP, 256, loose) > 0


@given(st.integers(0, 256), st.sampled_from([*Pair]))
def test_more_pixels_off_are_never_less_surprising(count, pair):
    one, two = (surprise((n,) * TOP, 256, noise(pair)) for n in (count, min(256, count + 1)))
    assert 0 <= one <= two + 0.01 <= CERTAIN + 0.01


def test_of_equal_devices_one_pixel_is_one_too_many():
    assert surprise((0,) * TOP, 256, noise(Pair.SAME)) == 0
    assert surprise((1, 0, 0, 0, 0), 256, noise(Pair.SAME)) > 2


def test_last_bits_of_another_kernel_surprise_nobody():
    assert surprise((256, 0, 0, 0, 0), 256, noise(Pair.CPU)) == 0


def test_false_suspicions_are_as_rare_as_the_statistic_says():
    """Drawn from the model itself: P(surprise >= s) <= 10^-s, at several s."""
    random = np.random.default_rng(3)
    known = noise(Pair.CPU)
    drawn = []
    for _ in range(4000):
        counts = [256]
        for mean, spread in zip(known.mean[1:], known.spread[1:], strict=True):
            both = (1 - spread) / max(spread, 1e-9)
            counts.append(random.binomial(256, random.beta(mean * both, (1 - mean) * both)))
        drawn.append(surprise(counts, 256, known))
    for bound in (1.0, 1.5, 2.0):
        assert np.mean(np.array(drawn) >= bound) <= 10**-bound + 3 * (10**-bound / 4000) ** 0.5


# ---- against the twin


def twin(*counts: int, clump: float = 2.0) -> Stray:
    return Stray(counts, (clump,) * TOP)


def test_a_tile_that_strays_as_its_twin_does_is_no_surprise():
    for strayed in ((900, 40, 20, 10, 2), (4000, 0, 0, 0, 0), (4096, 2000, 1000, 500, 100)):
        assert excess(strayed, twin(*strayed), Pair.CPU) < 1


def test_a_tile_that_strays_where_its_twin_does_not_is_one():
    assert excess((90, 90, 90, 90, 90), twin(3000, 5, 1, 0, 0), Pair.SAME) > 5
    assert excess((300, 280, 200, 70, 10), twin(3000, 6, 6, 1, 0), Pair.CPU) > 10


def test_a_patch_in_a_tile_that_is_else_bit_equal_is_one_even_where_honest_hardware_strays_far():
    strays = twin(4000, 90, 40, 15, 3)
    assert excess((41, 41, 41, 41, 41), strays, Pair.SAME) > 5
    assert excess((4000, 120, 60, 30, 8), strays, Pair.CPU) < 2


def test_hardware_that_hardly_differs_may_stray_where_it_does():
    assert excess((40, 10, 6, 3, 1), twin(4000, 90, 40, 15, 3), Pair.CPU) < 2
    assert excess((40, 1, 1, 1, 0), twin(4000, 3, 1, 0, 0), Pair.SAME) < 2
    assert excess((12, 12, 12, 12, 12), twin(9, 0, 0, 0, 0), Pair.SAME) < 5, (
        "a twin that shows next to nothing"
    )


def test_what_strays_in_clumps_is_counted_in_clumps():
    counts, strays = (4000, 60, 60, 60, 0), (4000, 6, 6, 6, 0)
    assert excess(counts, twin(*strays, clump=2), Pair.CPU) > excess(counts, twin(*strays, clump=6), Pair.CPU)


def test_a_card_may_stray_further_than_a_processor():
    counts, strays = (4000, 400, 400, 200, 40), twin(4000, 50, 50, 25, 5)
    assert excess(counts, strays, Pair.CPU) > 5 > excess(counts, strays, Pair.MIXED)


def test_what_tells_nothing_of_a_card_is_not_held_against_it():
    """Last bits of a card are off by more than a processor's: that rung is not looked at."""
    assert noise(Pair.MIXED).mean[1] == 1
    assert excess((4096, 2500, 20, 5, 0), twin(4000, 40, 20, 5, 0), Pair.MIXED) < 1


def test_a_twin_shows_how_clumped_strays_are():
    scattered, clumped = np.zeros((64, 64), np.uint8), np.zeros((64, 64), np.uint8)
    scattered[::16, ::16] = clumped[:4, :4] = 4
    assert stray(scattered).counts == stray(clumped).counts == (16, 16, 16, 16, 0)
    assert stray(scattered).clumps[1] == LEAST_CLUMP
    assert stray(clumped).clumps[1] > 10
    assert stray(np.zeros((5, 3), np.uint8)) == Stray((0,) * TOP, (LEAST_CLUMP,) * TOP)


# ---- what is expected of a job


def test_a_scene_is_its_own_measure():
    calm, wild = (0.9, 1e-3, 2e-4, 5e-5, 0.0), (1.0, 0.9, 0.6, 0.35, 0.1)
    counts = (300, 12, 12, 12, 4)
    assert surprise(counts, 300, expected(calm)) > 2
    assert surprise(counts, 300, expected(wild)) == 0


def test_a_rung_at_which_most_pixels_stray_tells_nothing():
    assert expected((1.0, 0.9, 0.5, 0.2, 0.1)).mean[:3] == (1.0, 1.0, 1.0)
    assert expected((1.0, 0.9, 0.5, 0.2, 0.1)).mean[3] == pytest.approx(0.4, abs=0.001)


def test_where_nothing_has_strayed_a_pixel_still_may():
    assert surprise((300, 1, 1, 1, 1), 300, expected((0.5, 0.0, 0.0, 0.0, 0.0))) < 2


# ---- the pairs


@pytest.mark.parametrize(
    ("worker", "verifier", "pair"),
    [
        ("CPU AMD EPYC", "CPU AMD EPYC", Pair.SAME),
        ("CPU AMD EPYC", "CPU Intel Xeon", Pair.CPU),
        ("CPU AMD EPYC without AVX2", "CPU AMD EPYC", Pair.CPU),
        ("OPTIX NVIDIA H100", "OPTIX NVIDIA H100", Pair.SAME),
        ("OPTIX NVIDIA H100", "CPU AMD EPYC", Pair.MIXED),
        ("OPTIX NVIDIA H100", "CUDA NVIDIA H100", Pair.MIXED),
        ("CPUfake", "CPU AMD EPYC", Pair.MIXED),
    ],
)
def test_devices_pair(worker, verifier, pair):
    assert pair_of(worker, verifier) is pair


def test_every_pair_is_known_and_each_rung_is_rarer_than_the_one_below():
    for pair in Pair:
        known = noise(pair)
        assert len(known.mean) == len(known.spread) == TOP
        assert all(below >= above for below, above in pairwise(known.mean))
        assert all(0 <= spread < 1 for spread in known.spread)
