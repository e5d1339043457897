"""What stays warm and where a tile goes, whatever the pool holds."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from tegula_worker.warmth import Held, Shelf, choose, surplus

SCENES = st.sampled_from("abcdef")


@st.composite
def shelves(draw: st.DrawFn) -> list[Shelf[str]]:
    """No tile of the pool is two, so no two scenes were used at once."""
    held = draw(st.lists(st.lists(SCENES, unique=True, max_size=4), min_size=1, max_size=4))
    used = iter(draw(st.permutations(range(sum(map(len, held))))))
    sizes = st.integers(0, 100)
    return [
        Shelf(draw(st.booleans()), tuple(Held(scene, draw(sizes), next(used)) for scene in each))
        for each in held
    ]


def total(held: Sequence[Shelf[str]]) -> int:
    return sum(each.size for shelf in held for each in shelf.held)


def without(held: Sequence[Shelf[str]], gone: Sequence[tuple[int, str]]) -> list[Shelf[str]]:
    return [
        Shelf(shelf.busy, tuple(each for each in shelf.held if (n, each.scene) not in gone))
        for n, shelf in enumerate(held)
    ]


@given(shelves(), st.integers(0, 400))
def test_what_is_held_fits_the_budget_or_is_what_each_device_used_last(
    held: list[Shelf[str]], budget: int
) -> None:
    gone = surplus(held, budget)
    left = without(held, gone)
    assert total(left) <= budget or all(len(shelf.held) <= 1 for shelf in left)
    assert [shelf.last for shelf in left] == [shelf.last for shelf in held]
    assert len(set(gone)) == len(gone)


@given(shelves(), st.integers(0, 400))
def test_nothing_goes_before_it_must_or_before_what_is_older(held: list[Shelf[str]], budget: int) -> None:
    gone = surplus(held, budget)
    if gone:
        assert total(without(held, gone[:-1])) > budget
    used = {(n, each.scene): each.used for n, shelf in enumerate(held) for each in shelf.held}
    lasts = {(n, shelf.last.scene) for n, shelf in enumerate(held) if shelf.last}
    kept = used.keys() - set(gone) - lasts
    assert all(used[each] < used[other] for each in gone for other in kept)


@given(shelves(), SCENES, st.frozensets(st.integers(0, 3)))
def test_a_tile_goes_to_a_free_device_and_to_a_warm_one_first(
    held: list[Shelf[str]], scene: str, barred: frozenset[int]
) -> None:
    place = choose(held, scene, barred)
    free = [n for n, shelf in enumerate(held) if not shelf.busy and n not in barred]
    if place is None:
        assert not free
        return
    assert place in free
    warm = [n for n in free if any(each.scene == scene for each in held[n].held)]
    assert not warm or place in warm


def test_a_cold_device_that_is_free_does_not_wait_for_the_warm_one() -> None:
    warm = Shelf(busy=True, held=(Held("a", 1, 1),))
    assert choose([warm, Shelf(busy=False)], "a") == 1


def test_the_device_that_loses_least_loads_a_new_scene() -> None:
    old, new = (Shelf(busy=False, held=(Held(scene, 1, used),)) for scene, used in (("a", 3), ("b", 7)))
    assert choose([new, old], "c") == 1
    assert choose([new, old, Shelf(busy=False)], "c") == 2
    assert choose([Shelf(busy=False), Shelf(busy=False)], "c") == 0
