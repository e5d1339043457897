"""What a job is expected to cost and to take, before anything is paid. Pure."""

from collections.abc import Iterator

from tegula_market.model import MEGASAMPLE, Order

from ..market_view import MarketView
from ..money import Money
from . import pace, planning, pricing
from .speeds import Pilot
from .state import Quote
from .words import count


def quote(order: Order, market: MarketView, pilot: Pilot | None, now: float, money: Money) -> Quote:
    """
    Args:
        order: of its terms the deadline counts, nothing else.
        now: Unix seconds by this computer's clock.
    Raises:
        InvalidValue: an order that makes no tiles, or a ceiling that is none.
    """
    prices = pricing.expected(order, market, money)
    left = max(0.0, order.terms.deadline - now)
    time = pace.expected(order, market, prices, pilot, left)
    return Quote(
        price=(planning.cost(order, prices.low), planning.cost(order, prices.high)),
        seconds=time.seconds,
        budget=planning.budget(order),
        reasons=(*_work(order), *prices.reasons, *time.reasons),
        money=money,
    )


def _work(order: Order) -> Iterator[str]:
    sizes, frames = planning.frame_sizes(order), len(order.frames)
    tiles, megasamples = len(sizes) * frames, sum(sizes) * frames / MEGASAMPLE
    overscan = ", the pixels around each tile included" if order.overscan else ""
    yield f"{count(tiles, 'tile')}, {megasamples:.3g} megasamples{overscan}."
    if order.costs:
        yield "Tiles are smaller where the pilot took long, and those that take longest are rendered first."
