"""What a requester may sign: a voucher covers accepted tiles, seen here, at prices that the auction explains.

The coordinator proposes the totals. Nothing that it says is signed before it adds up here, because the
requester's signature is the one that lets money go.
"""

from collections.abc import Collection, Mapping, Sequence

from tegula_market import auction, tiling
from tegula_market.adapters.roots import Tree
from tegula_market.model import Address, Digest, Order, TegulaError, Tile, Voucher, Wei

from ..job_view import JobView, UnitPhase, UnitView


class Disputed(TegulaError):
    """The coordinator asks for money that it cannot account for; nothing is signed."""


class Overstated(Disputed):
    """It has posted a root of such money; the arbiter decides, if it is asked in time."""


def due(view: JobView) -> bool:
    """Whether the coordinator waits for a voucher."""
    return view.root is None and any(owed.cumulative > owed.vouchered for owed in view.owed)


def at_close(view: JobView) -> Wei:
    """What a close has to leave for workers."""
    return view.root.owed if view.root else Wei(sum(owed.cumulative for owed in view.owed))


def check_root(view: JobView, root: bytes) -> None:
    """Raises: Overstated: the root is not that of the totals in the view."""
    totals = {owed.worker: owed.cumulative for owed in view.owed}
    if not totals or Tree.of(view.job, totals).root != root:
        raise Overstated(
            f"the coordinator has posted the root 0x{root.hex()}, which is not that of what it says is owed"
        )


def vouchers(view: JobView) -> tuple[Voucher, ...]:
    """That are due. They have to add up: see `check`."""
    waiting = (owed for owed in view.owed if owed.cumulative > owed.vouchered)
    return tuple(Voucher(view.job, owed.worker, owed.cumulative) for owed in waiting)


def check(
    order: Order,
    tiles: Sequence[Tile],
    view: JobView,
    seen: Mapping[int, Digest],
    asked: Collection[Wei],
) -> None:
    """
    Args:
        seen: the digest of the image of each unit that was fetched and pasted.
        asked: every price a megasample that a worker asked in this job.
    Raises:
        Disputed: a price above the ceiling or that no ask explains, or a total that is not the sum of the
            worker's accepted tiles.
    """
    earned: dict[Address, int] = {}
    for unit in view.units:
        if unit.phase is UnitPhase.ACCEPTED:
            worker, price = _bill(order, tiles[unit.unit], unit, seen, asked)
            if price:
                earned[worker] = earned.get(worker, 0) + price
    for owed in view.owed:
        if owed.cumulative != earned.pop(owed.worker, 0):
            raise Disputed(
                f"the coordinator says that worker 0x{owed.worker.hex()} is owed {owed.cumulative},"
                " which is not the sum of its accepted tiles; nothing was signed"
            )
    if earned:
        raise Disputed("the coordinator leaves out a worker whose tiles were accepted; nothing was signed")


def _bill(
    order: Order, tile: Tile, unit: UnitView, seen: Mapping[int, Digest], asked: Collection[Wei]
) -> tuple[Address, Wei]:
    """Who is paid how much for an accepted tile."""
    if unit.worker is None or unit.price is None or unit.image is None:
        raise Disputed(f"tile {unit.unit} is said to be accepted, but not whose it is; nothing was signed")
    if seen.get(unit.unit) != unit.image:
        raise Disputed(f"tile {unit.unit} is not the image that was fetched for it; nothing was signed")
    size = tiling.size(tile, order.scene)
    fair = {auction.price_of(size, price) for price in asked if price <= order.ceiling}
    if unit.price and unit.price not in fair:  # nothing is what a tile of a rejected batch costs
        raise Disputed(
            f"tile {unit.unit} is to cost {unit.price}, which no ask up to the ceiling of {order.ceiling}"
            " a megasample explains; nothing was signed"
        )
    return unit.worker, unit.price
