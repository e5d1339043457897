"""The reverse auction: which workers get a job's open units of work, and at what price.

Pay-as-clear: all taken asks are paid the price of the dearest one taken. Who asks what the work
costs him never regrets it: asking more can only lose the units, and asking less cannot raise the
price. Paid as asked, everybody would have to guess what the dearest one asks. The first ask not
taken would be an even better price for that, but a thin market often has none below the ceiling.

Who is taken follows from what an ask is expected to cost (`ranking`), of which its price is a part: a low
price alone wins nothing. Nothing that is expected of a worker refuses its ask, it only comes later, so that
what is open is leased as long as anybody asks for it. Why the price is still one for all: decision 16.

The auction knows asks, sizes and prices, and nothing of pixels.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from tegula_market import ranking
from tegula_market.model import MEGASAMPLE, Ask, InvalidValue, Wei, WorkerId
from tegula_market.ranking import Prospect
from tegula_market.reputation import PARTS

MAX_PRICE = Wei(10**24)
"""Token units per megasample: a million whole tokens of 18 decimals, a slip by any reckoning."""
MAX_SLOTS = 4096
"""Units that one worker takes at a time: no machine is wider, and one ask must not win it all."""


class Reason(StrEnum):
    """Why an ask was not taken; what programs look at, where people read the sentence."""

    NOT_A_NUMBER = "NOT_A_NUMBER"
    NOT_POSITIVE = "NOT_POSITIVE"
    ABSURD = "ABSURD"
    EXPIRED = "EXPIRED"
    ABOVE_CEILING = "ABOVE_CEILING"
    DUPLICATE = "DUPLICATE"
    NO_DEMAND = "NO_DEMAND"
    OUTBID = "OUTBID"
    """Others ask less."""
    OUTRANKED = "OUTRANKED"
    """Others ask as much or more, and cost less with what is expected of them."""


@dataclass(frozen=True, slots=True)
class Refused:
    ask: Ask
    reason: Reason
    sentence: str


@dataclass(frozen=True, slots=True)
class Clearing:
    """The outcome of one round; `price` is None when no ask was taken."""

    price: Wei | None
    taken: tuple[Ask, ...]
    """The winners, first served first."""
    refused: tuple[Refused, ...]


def clear(
    asks: Iterable[Ask],
    demand: int,
    ceiling: Wei,
    now: int,
    prospects: Mapping[WorkerId, Prospect] | None = None,
) -> Clearing:
    """Take the asks that are expected to cost least until their slots cover the demand.

    At equal cost those go first who already hold the scene, since they start at once, and then
    the lower worker id, so that the order in which asks came in decides nothing. Of several asks
    of one worker the best one counts.

    Args:
        demand: units of work that are open.
        ceiling: most that is paid, in token units per megasample.
        now: Unix seconds.
        prospects: what is expected of each worker; of one that is missing, nothing bad.
    Raises:
        InvalidValue: a demand or a ceiling that no order can have.
    """
    if demand < 0 or not 0 < ceiling <= MAX_PRICE:
        raise InvalidValue(f"an auction of {demand} units with a ceiling of {ceiling} makes no sense")
    valid: list[Ask] = []
    refused: list[Refused] = []
    for ask in asks:
        fault = _fault(ask, ceiling, now)
        if fault:
            refused.append(Refused(ask, *fault))
        else:
            valid.append(ask)
    ranked = sorted((_rank(ask, ceiling, prospects or {}) for ask in valid), key=lambda each: each.order)
    taken, lost = _take(ranked, demand)
    return Clearing(max((ask.price for ask in taken), default=None), taken, (*refused, *lost))


def price_of(size: int, per_megasample: Wei) -> Wei:
    """What a unit of work of that size costs, rounded up to whole token units.

    Args:
        size: pixel-samples, or whatever a kind of work counts.
    """
    if size < 1 or not 0 < per_megasample <= MAX_PRICE:
        raise InvalidValue(f"work of size {size} at {per_megasample} a megasample has no price")
    return Wei(-(-size * per_megasample // MEGASAMPLE))


def most(sizes: Iterable[int], ceiling: Wei) -> Wei:
    """The deposit that covers every unit of an order at its ceiling: no clearing can cost more."""
    return Wei(sum(price_of(size, ceiling) for size in sizes))


@dataclass(frozen=True, slots=True)
class _Ranked:
    ask: Ask
    expected: Prospect
    cost: int

    @property
    def order(self) -> tuple[int, bool, WorkerId, int, int, int]:
        ask = self.ask
        return self.cost, not self.expected.warm, ask.worker, ask.price, -ask.slots, -ask.expiry


def _rank(ask: Ask, ceiling: Wei, prospects: Mapping[WorkerId, Prospect]) -> _Ranked:
    expected = prospects.get(ask.worker, Prospect())
    return _Ranked(ask, expected, ranking.cost(ask.price, ceiling, expected))


def _take(ranked: list[_Ranked], demand: int) -> tuple[tuple[Ask, ...], list[Refused]]:
    taken: dict[WorkerId, _Ranked] = {}
    lost: list[Refused] = []
    covered, dearest, last = 0, Wei(0), 0
    for each in ranked:
        if each.ask.worker in taken:
            lost.append(Refused(each.ask, Reason.DUPLICATE, "A better ask of the same worker was taken."))
        elif covered < demand:
            taken[each.ask.worker] = each
            dearest, last = Wei(max(dearest, each.ask.price)), each.cost
            covered += each.ask.slots
        else:
            lost.append(Refused(each.ask, *_too_late(each, dearest, last)))
    return tuple(each.ask for each in taken.values()), lost


def _too_late(lost: _Ranked, dearest: Wei, last: int) -> tuple[Reason, str]:
    """Against the dearest price among those taken, and the cost of the last of them."""
    price = lost.ask.price
    if not last:
        return Reason.NO_DEMAND, "No work of this job is open at the moment."
    if price > dearest:
        return Reason.OUTBID, f"Asks up to {dearest} a megasample take all the work; this one is {price}."
    if lost.cost == last:
        return Reason.OUTBID, f"Others that cost no more at {price} a megasample go first and take it all."
    return Reason.OUTRANKED, (
        f"The ask is {price} a megasample and counts as {lost.cost / PARTS:.4g}, since"
        f" {_doubts(lost.expected)}; what counts as up to {last / PARTS:.4g} takes all the work."
    )


def _doubts(expected: Prospect) -> str:
    return (
        f"{expected.failure / PARTS:.1%} of its worker's tiles are expected to fail,"
        f" and each to take {expected.delay / PARTS:.1%} of the time that is left"
    )


def _fault(ask: Ask, ceiling: Wei, now: int) -> tuple[Reason, str] | None:
    """What is wrong with an ask by itself: asks come from outside, so no type is trusted."""
    for name, value in (("price", ask.price), ("number of slots", ask.slots), ("expiry", ask.expiry)):
        if not _is_integer(value):
            return Reason.NOT_A_NUMBER, f"The {name} has to be a whole number, not {value!r:.40}."
        if value <= 0:
            return Reason.NOT_POSITIVE, f"The {name} has to be above 0."
    if ask.price > MAX_PRICE or ask.slots > MAX_SLOTS:
        return Reason.ABSURD, (
            f"At most {MAX_PRICE} a megasample and {MAX_SLOTS} slots are taken seriously;"
            " check the units of the price."
        )
    if ask.expiry <= now:
        return Reason.EXPIRED, f"The ask ended {now - ask.expiry} seconds ago."
    if ask.price > ceiling:
        return Reason.ABOVE_CEILING, f"The ask is {ask.price} a megasample; the job pays at most {ceiling}."
    return None


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
