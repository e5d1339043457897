import hashlib
import random
from collections import Counter
from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tegula_market import probes
from tegula_market.digests import digest
from tegula_market.model import Digest, InvalidValue, Rect
from tegula_market.probes import Plan, commitment, place, plan

SALT, IMAGE = bytes(range(32)), digest(b"image")
TILE = Rect(100, 200, 164, 264)
FOUR = Plan(4, 8)
PINNED = ((100, 232, 102, 240), (120, 242, 128, 250), (158, 206, 164, 214), (107, 205, 115, 213))

salts = st.binary(min_size=32, max_size=32)
tiles = st.builds(
    lambda x, y, w, h: Rect(x, y, x + w, y + h),
    *[st.integers(0, 5000)] * 2,
    *[st.integers(1, 300)] * 2,
)


def inside(probe: Rect) -> list[tuple[int, int]]:
    return list(product(range(probe.x0, probe.x1), range(probe.y0, probe.y1)))


def test_the_commitment_is_a_hash_of_the_salt_and_of_nothing_else_in_use():
    assert commitment(SALT) == hashlib.blake2b(SALT, digest_size=32, person=b"tegula salt").digest()
    assert commitment(SALT) != digest(SALT)
    assert commitment(SALT) != commitment(bytes(32))


@pytest.mark.parametrize("salt", [b"", bytes(31), bytes(33)])
def test_a_salt_has_32_bytes(salt):
    with pytest.raises(InvalidValue):
        commitment(salt)
    with pytest.raises(InvalidValue):
        place(salt, IMAGE, TILE, FOUR)


@pytest.mark.parametrize(("count", "edge"), [(0, 8), (4, 0), (-1, 8)])
def test_probes_that_probe_nothing_are_refused(count, edge):
    with pytest.raises(InvalidValue):
        Plan(count, edge)


@given(salts, salts.map(Digest), tiles, st.integers(1, 9), st.integers(1, 20))
def test_probes_lie_within_the_tile_and_apart(salt, image, tile, count, edge):
    found = place(salt, image, tile, Plan(count, edge))
    assert len(found) == count or found == (tile,)
    for probe in found:
        assert tile.contains(probe)
    if found != (tile,):
        assert all(max(probe.width, probe.height) <= edge for probe in found)
        assert not any(set(inside(one)) & set(inside(two)) for one, two in combinations(found, 2))


@given(salts, tiles)
def test_probes_follow_from_salt_and_image_alone(salt, tile):
    assert place(salt, IMAGE, tile, FOUR) == place(salt, IMAGE, tile, FOUR)
    moved = place(salt, IMAGE, tile.moved(7, 11), FOUR)
    assert moved == tuple(probe.moved(7, 11) for probe in place(salt, IMAGE, tile, FOUR))


def test_another_salt_or_image_gives_other_probes():
    seen = {place(SALT, digest(bytes([n])), TILE, FOUR) for n in range(100)}
    seen |= {place(bytes([n]) * 32, IMAGE, TILE, FOUR) for n in range(100)}
    assert len(seen) == 200


def test_placement_is_pinned():
    """Coordinator and auditor may run different versions: a change here is a change of protocol."""
    assert place(SALT, IMAGE, TILE, FOUR) == tuple(Rect(*corners) for corners in PINNED)


@pytest.mark.parametrize("size", [(1, 1), (16, 16), (8, 32), (1, 256), (3, 5)])
def test_small_tiles_are_probed_whole(size):
    tile = Rect(10, 20, 10 + size[0], 20 + size[1])
    assert place(SALT, IMAGE, tile, FOUR) == (tile,)


# ---- how many and how large


sizes = st.integers(8, 300)


@given(sizes, sizes, st.integers(0, 2), st.integers(1, 4096))
def test_a_plan_probes_enough_and_its_probes_find_room(width, height, overscan, spp):
    tile = Rect(0, 0, width, height)
    planned = plan(tile, overscan, spp)
    assert planned.count * planned.edge**2 >= probes.PIXELS
    found = place(SALT, IMAGE, tile, planned)
    assert len(found) == planned.count or found == (tile,)
    assert found != (tile,) or min(width, height) < 2 * probes.LARGEST_EDGE


def test_a_plan_is_the_cheapest_that_will_do():
    """Overscan makes each probe dearer, many samples make being a rect at all cheaper."""
    assert plan(TILE, 0, 64) == Plan(12, 5)
    assert plan(TILE, 0, 4096) == Plan(16, 4)
    assert plan(TILE, 2, 4096).count < 16


@pytest.mark.parametrize("size", [64, 96, 128, 256])
def test_probes_are_a_tenth_of_a_tile_at_most(size):
    planned = plan(Rect(0, 0, size, size), 0, 400)
    assert planned.count * planned.edge**2 <= 0.1 * size**2


# ---- every pixel equally likely: proved by counting every placement there is


def every_placement(tile: Rect, count: int, edge: int):
    """Each placement, by giving `_arrange` each sequence of draws; all are equally likely."""
    script = [0]
    while script:
        sizes, made = [], iter(script)

        def draw(n, sizes=sizes, made=made):
            sizes.append(n)
            return next(made, 0)

        yield probes._arrange(tile, count, edge, draw)
        script = (script + [0] * len(sizes))[: len(sizes)]
        while script and script[-1] == sizes[len(script) - 1] - 1:
            script.pop()
        if script:
            script[-1] += 1


@pytest.mark.parametrize(
    ("width", "height", "count", "edge"),
    [(7, 5, 1, 3), (6, 6, 2, 2), (5, 4, 4, 2), (19, 1, 2, 3), (2, 10, 2, 3), (7, 7, 2, 4)],
)
def test_every_pixel_is_in_equally_many_of_all_placements(width, height, count, edge):
    tile = Rect(3, 4, 3 + width, 4 + height)
    hits, placements = Counter(), 0
    for found in every_placement(tile, count, edge):
        placements += 1
        assert len(found) == count
        hits.update(pixel for probe in found for pixel in inside(probe))
    assert placements > 1
    assert set(hits) == set(inside(tile))
    assert len(set(hits.values())) == 1


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 2, 3, 4, 6]), st.integers(1, 8), st.data())
def test_every_pixel_is_in_equally_many_shifts_whatever_the_jitter(width, height, count, edge, data):
    """For one draw of jitters, all shifts together: the argument of `_arrange`, for the real sizes."""
    tile, jitter = Rect(0, 0, width, height), random.Random(data.draw(st.integers(0, 2**32)))
    sizes = []
    whole = probes._arrange(tile, count, edge, lambda n: sizes.append(n) or 0)
    if whole == (tile,):
        return
    jitters = [jitter.randrange(n) for n in sizes[2:]]
    hits = Counter()
    for shift in product(range(sizes[0]), range(sizes[1])):
        draws = iter([*shift, *jitters])
        for probe in probes._arrange(tile, count, edge, lambda _, draws=draws: next(draws)):
            hits.update(inside(probe))
    assert len(hits) == tile.area
    assert len(set(hits.values())) == 1


@pytest.mark.parametrize("corner", [(0, 0), (44, 44), (0, 22), (22, 22), (7, 37)])
@pytest.mark.parametrize("spp", [64, 4096])
def test_a_forged_tenth_of_a_tile_is_found_as_often_in_a_corner_as_in_the_middle(corner, spp):
    """20 x 20 of 64 x 64 pixels: met in more than 80 % of tiles, so in 95 % of all pairs of them."""
    x, y = TILE.x0 + corner[0], TILE.y0 + corner[1]
    planned = plan(TILE, 0, spp)
    met = sum(
        any(p.x0 < x + 20 and p.x1 > x and p.y0 < y + 20 and p.y1 > y for p in found)
        for found in (place(SALT, digest(n.to_bytes(2, "big")), TILE, planned) for n in range(2000))
    )
    assert met / 2000 > probes.FOUND + 0.02


def test_cut_probes_still_probe_enough():
    areas = [sum(p.area for p in place(SALT, digest(n.to_bytes(2, "big")), TILE, FOUR)) for n in range(2000)]
    assert min(areas) >= 32
    assert 200 < sum(areas) / 2000 < 216  # 256 x (64 / 71) ** 2 = 208


# ---- the stream


def test_words_past_the_last_multiple_are_skipped():
    n = 3 * 2**30
    assert probes._below(n, iter([n, 2**32 - 1, 5])) == 5
    assert probes._below(n, iter([n - 1])) == n - 1
    assert probes._below(1, iter([2**32 - 1])) == 0


@pytest.mark.parametrize("n", [2, 3, 7, 71])
def test_draws_are_even(n):
    """Chi-square of a fixed seed, at five standard deviations: the value can only change with the code."""
    words = probes._words(bytes(32))
    draws = Counter(probes._below(n, words) for _ in range(20_000))
    expected = 20_000 / n
    chi = sum((draws[k] - expected) ** 2 / expected for k in range(n))
    assert abs(chi - (n - 1)) < 5 * (2 * (n - 1)) ** 0.5


def test_the_stream_depends_on_every_bit_of_its_seed_and_does_not_repeat():
    first, second = (probes._words(seed) for seed in (bytes(32), bytes(31) + b"\1"))
    one, two = ([next(words) for _ in range(1000)] for words in (first, second))
    assert len(set(one) | set(two)) > 1990
