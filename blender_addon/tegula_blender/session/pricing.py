"""What a megasample will cost, by the asks of the workers that are online. Pure.

Workers ask for each job anew, so what they post, or else their last asks, are the best that is known of the
next ones. The auction itself is played with them; who has not asked yet may ask anything up to the ceiling.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tegula_market import auction, tiling
from tegula_market.model import Ask, JobId, Order, Wei, WorkerId

from ..market_view import MarketView, Present, Priced
from ..money import Money
from . import planning
from .words import amounts, be, count, duration, moment

_JOB = JobId(bytes(32))
STALE = 120.0
"""Seconds between the newest and the oldest ask from which on both are told."""


@dataclass(frozen=True, slots=True)
class Prices:
    """A range for a megasample, and who will work for it."""

    low: Wei
    high: Wei
    sure: tuple[Present, ...]
    """Who is taken if nobody else asks."""
    perhaps: tuple[Present, ...]
    """Who may be taken at all."""
    reasons: tuple[str, ...]


def expected(order: Order, market: MarketView, money: Money) -> Prices:
    able = [worker for worker in market.workers if worker.blender == order.scene.blender]
    known = [(worker, ask) for worker in able if (ask := _ask(worker, order, market.at)) is not None]
    asks = [ask for _, ask in known]
    fit = [(worker, ask.price) for worker, ask in known if ask.price <= order.ceiling]
    silent = tuple(worker for worker in able if _ask(worker, order, market.at) is None)
    _, sure = _played(order, fit)
    high, _ = _played(order, [*fit, *((worker, order.ceiling) for worker in silent)])
    of_late = [priced.price for priced in market.prices if priced.price <= order.ceiling]
    return Prices(
        low=min([price for _, price in fit] or of_late, default=Wei(1)),
        high=order.ceiling if high is None else high,
        sure=sure,
        perhaps=(*(worker for worker, _ in fit), *silent),
        reasons=(*_workers(order, market, len(able)), *_asks(order, market, asks, len(silent), money)),
    )


def _ask(worker: Present, order: Order, now: float) -> Priced | None:
    """At present, else its last, for whatever job."""
    if worker.posted is not None and worker.posted.token == order.terms.token:
        return Priced(worker.posted.price, now)
    return worker.ask


def _played(order: Order, asks: Sequence[tuple[Present, Wei]]) -> tuple[Wei | None, tuple[Present, ...]]:
    """The clearing price, and who is taken."""
    made = [
        Ask(WorkerId(number.to_bytes(32, "big")), _JOB, price, worker.slots, expiry=1)
        for number, (worker, price) in enumerate(asks)
    ]
    cleared = auction.clear(made, tiling.count(order), order.ceiling, now=0)
    return cleared.price, tuple(asks[int.from_bytes(ask.worker, "big")][0] for ask in cleared.taken)


def _workers(order: Order, market: MarketView, able: int) -> Iterator[str]:
    others, version = len(market.workers) - able, f"Blender {order.scene.blender}"
    if not market.workers:
        yield "No worker is online; the job waits for one until its deadline."
    elif not able:
        yield f"No worker that is online has {version}; the job waits for one until its deadline."
    elif others:
        yield f"{count(others, 'worker')} without {version} cannot help."


def _asks(
    order: Order, market: MarketView, asks: Sequence[Priced], silent: int, money: Money
) -> Iterator[str]:
    ceiling = money.text(order.ceiling)
    dear = sorted(ask.price for ask in asks if ask.price > order.ceiling)
    if asks:
        yield _asked(asks, market.at, money)
    elif market.prices:
        last = duration(market.at - market.prices[-1].at)
        yield f"Recent jobs paid {_span(market.prices, money)} a megasample, the last {last} ago."
    if dear and len(dear) == len(asks):
        enough = money.text(planning.cost(order, dear[0]))
        yield f"That is over your ceiling of {ceiling}; a budget of {enough} reaches the lowest ask."
        if not silent:
            until = moment(order.terms.deadline, market.at)
            yield (
                f"Nobody renders for that at the moment: the job waits until {until} for a lower price, and"
                " costs nothing if nobody takes it."
            )
    elif dear:
        yield f"{len(dear)} of these {be(len(dear))} over your ceiling of {ceiling} and will not be taken."
    if not asks:
        yield f"Nobody who is online has asked yet: it can be anything up to your ceiling of {ceiling}."
    elif silent:
        yield f"{count(silent, 'worker')} more may ask anything up to your ceiling of {ceiling}."


def _asked(asks: Sequence[Priced], now: float, money: Money) -> str:
    who = "1 worker asks" if len(asks) == 1 else f"{len(asks)} workers ask"
    newest, oldest = (now - pick(ask.at for ask in asks) for pick in (max, min))
    if oldest <= 0:
        return f"{who} {_span(asks, money)} a megasample at present."
    first = f", the first {duration(oldest)} ago" if oldest - newest > STALE else ""
    return f"{who} {_span(asks, money)} a megasample; the last asked {duration(newest)} ago{first}."


def _span(priced: Sequence[Priced], money: Money) -> str:
    prices = [each.price for each in priced]
    return amounts(min(prices), max(prices), money)
