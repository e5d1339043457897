from collections.abc import Collection
from dataclasses import replace

import pytest

from requester_samples import ANN, BEN, CLEO, JOB, image_digest, order, view, with_units
from tegula_blender.job_view import JobView, RootView, UnitPhase
from tegula_blender.session import accounts
from tegula_blender.session.accounts import Disputed, Overstated
from tegula_market import tiling
from tegula_market.adapters.roots import Tree
from tegula_market.model import Digest, Voucher, Wei

ORDER = order()
TILES = tiling.split(ORDER)
SEEN = {tile.index: image_digest(tile.index) for tile in TILES}
ASKED = {Wei(40), Wei(50), Wei(130)}
PRICE = 1
"""Of each tile: 32 * 32 * 16 samples at 50 a megasample, rounded up."""


def sign(
    said: JobView, seen: dict[int, Digest] = SEEN, asked: Collection[Wei] = ASKED
) -> tuple[Voucher, ...]:
    accounts.check(ORDER, TILES, said, seen, asked)
    return accounts.vouchers(said)


def test_signs_what_accepted_tiles_cost() -> None:
    assert sign(view(ORDER)) == (Voucher(JOB, ANN, Wei(3 * PRICE)), Voucher(JOB, BEN, Wei(3 * PRICE)))


def test_signs_nothing_twice() -> None:
    seen = view(ORDER)
    paid = replace(seen, owed=tuple(replace(owed, vouchered=owed.cumulative) for owed in seen.owed))
    assert accounts.due(seen)
    assert not accounts.due(paid)
    assert sign(paid) == ()


def test_another_round_may_have_another_price() -> None:
    seen = view(ORDER)
    dear = replace(seen.units[0], price=Wei(2))
    owed = (replace(seen.owed[0], cumulative=Wei(4)), seen.owed[1])
    raised = replace(with_units(seen, dear), owed=owed)
    assert sign(raised, asked={Wei(50), Wei(100)})[0].cumulative == 4
    with pytest.raises(Disputed, match="no ask"):
        sign(raised, asked={Wei(50)})


def test_what_is_right_of_a_rejected_batch_costs_nothing() -> None:
    seen = view(ORDER)
    free = replace(seen.units[0], price=Wei(0))
    owed = (replace(seen.owed[0], cumulative=Wei(2 * PRICE)), seen.owed[1])
    assert sign(replace(with_units(seen, free), owed=owed))[0].cumulative == 2 * PRICE
    stranger = replace(free, worker=CLEO)
    assert sign(replace(with_units(seen, stranger), owed=owed))[0].cumulative == 2 * PRICE
    with pytest.raises(Disputed, match="not the sum"):
        sign(with_units(seen, free))


def test_a_total_that_is_not_the_sum_is_disputed() -> None:
    seen = view(ORDER)
    greedy = replace(seen, owed=(replace(seen.owed[0], cumulative=Wei(4)), seen.owed[1]))
    with pytest.raises(Disputed, match="not the sum"):
        sign(greedy)


def test_a_worker_without_a_tile_is_disputed() -> None:
    seen = view(ORDER)
    with pytest.raises(Disputed, match="not the sum"):
        sign(replace(seen, owed=(*seen.owed, replace(seen.owed[0], worker=CLEO, cumulative=Wei(1)))))


def test_a_worker_that_is_left_out_is_disputed() -> None:
    seen = view(ORDER)
    with pytest.raises(Disputed, match="leaves out"):
        sign(replace(seen, owed=seen.owed[:1]))


def test_an_ask_above_the_ceiling_explains_no_price() -> None:
    seen = view(ORDER)
    dear = replace(seen.units[0], price=Wei(3))  # what 130 a megasample would make
    with pytest.raises(Disputed, match="ceiling"):
        sign(with_units(seen, dear))


def test_only_images_that_were_fetched_are_paid() -> None:
    with pytest.raises(Disputed, match="tile 3 is not the image"):
        sign(view(ORDER), seen={**SEEN, 3: image_digest(0)})
    with pytest.raises(Disputed, match="tile 5 is not the image"):
        sign(view(ORDER), seen={index: image for index, image in SEEN.items() if index != 5})


def test_an_accepted_tile_of_nobody_is_disputed() -> None:
    seen = view(ORDER)
    with pytest.raises(Disputed, match="not whose"):
        sign(with_units(seen, replace(seen.units[2], worker=None)))


def test_tiles_under_way_are_nobodys_due() -> None:
    seen = view(ORDER)
    open_ = replace(seen.units[0], phase=UnitPhase.DELIVERED)
    owed = (replace(seen.owed[0], cumulative=Wei(2)), seen.owed[1])
    assert sign(replace(with_units(seen, open_), owed=owed))[0].cumulative == 2


def test_nothing_is_due_beside_a_root() -> None:
    seen = view(ORDER)
    tree = Tree.of(JOB, {owed.worker: owed.cumulative for owed in seen.owed})
    rooted = replace(seen, root=RootView(tree.root, Wei(6), 1000, Wei(7)))
    assert not accounts.due(rooted)
    assert (accounts.at_close(seen), accounts.at_close(rooted)) == (6 * PRICE, 7)
    accounts.check_root(rooted, tree.root)
    with pytest.raises(Overstated, match="not that of what it says"):
        accounts.check_root(rooted, bytes(32))
    with pytest.raises(Overstated, match="not that of what it says"):
        accounts.check_root(replace(rooted, owed=()), tree.root)
