"""What to ask for a megasample. Pure: time, device, speed and market come as arguments; money is whole units.

1. The price of the device, or the base. The first rule that fits time and device replaces or scales it.
2. What the electricity for a megasample costs comes on top.
3. Following the market, the middle of the clearing prices seen replaces that, within bounds; the lower one
   is the price so far unless it is set: nothing is sold below cost.
4. A job that would then pay less than the minimum for a job is asked for at what makes it pay that.
5. Never below the minimum, never above the maximum, never 0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tegula_market.auction import MAX_PRICE
from tegula_market.model import MEGASAMPLE, Wei
from tegula_worker import spans
from tegula_worker.replies import Device
from tegula_worker.spans import Span

WATT_SECONDS_A_KWH = 3_600_000
NOTHING = Wei(0)


@dataclass(frozen=True, slots=True)
class PriceRule:
    """`price` or `percent` holds where `when` and `device` fit; what is not set fits always."""

    when: tuple[Span, ...] = ()
    device: Device | None = None
    price: Wei | None = None
    percent: int | None = None

    def fits(self, device: Device, when: datetime) -> bool:
        return self.device in (None, device) and (not self.when or spans.within(self.when, when))

    def applied(self, price: int) -> int:
        return self.price if self.price is not None else _share(price, self.percent or 100)


@dataclass(frozen=True, slots=True)
class Electricity:
    per_kwh: Wei
    """Token units."""
    watts: int
    """What the machine draws more while it renders."""
    speed: int = 0
    """Pixel-samples a second, until the worker has measured its own."""


@dataclass(frozen=True, slots=True)
class FollowMarket:
    percent: int = 100
    """Of the middle of the clearing prices seen."""
    lowest: Wei | None = None
    highest: Wei | None = None


@dataclass(frozen=True, slots=True)
class Pricing:
    base: Wei = NOTHING
    minimum: Wei = NOTHING
    maximum: Wei = MAX_PRICE
    job_minimum: Wei = NOTHING
    """What a whole job has to pay at least."""
    devices: Mapping[Device, Wei] = field(default_factory=dict)
    """Instead of the base."""
    rules: tuple[PriceRule, ...] = ()
    electricity: Electricity | None = None
    market: FollowMarket | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What a price depends on besides its rules."""

    when: datetime
    """Local time."""
    device: Device
    speed: int = 0
    """Pixel-samples a second that this worker has measured; 0 while it has rendered nothing."""
    cleared: Sequence[int] = ()
    """Clearing prices seen of late."""
    job_size: int = 0
    """Pixel-samples of the whole job."""


def ask(pricing: Pricing, facts: Facts) -> Wei:
    """Token units for a megasample."""
    price = _own(pricing, facts)
    if pricing.market is not None and facts.cleared:
        price = _followed(pricing.market, price, facts.cleared)
    if facts.job_size:
        price = max(price, -(-pricing.job_minimum * MEGASAMPLE // facts.job_size))
    return Wei(max(1, pricing.minimum, min(price, pricing.maximum, MAX_PRICE)))


def fault(pricing: Pricing) -> str:
    """Why these rules make no sense; empty if they do."""
    follow = pricing.market or FollowMarket()
    amounts = (*pricing.devices.values(), pricing.base, pricing.minimum, pricing.job_minimum)
    if min(amounts) < 0 or max(*amounts, 0) > MAX_PRICE:
        return f"prices are from 0 to {MAX_PRICE}"
    if not pricing.minimum <= pricing.maximum:
        return f"the minimum {pricing.minimum} is above the maximum {pricing.maximum}"
    if follow.percent < 1 or (follow.lowest or 0) > (follow.highest or MAX_PRICE):
        return "market: want a percent above 0, and lowest not above highest"
    if any((rule.price is None) == (rule.percent is None) for rule in pricing.rules):
        return "rules: each sets one of price and percent"
    if any(0 in (rule.price, rule.percent) or rule.applied(100) < 0 for rule in pricing.rules):
        return "rules: price and percent are above 0"
    power = pricing.electricity
    if power is not None and min(power.per_kwh, power.watts, power.speed) < 0:
        return "electricity: nothing of it is below 0"
    return ""


def _own(pricing: Pricing, facts: Facts) -> int:
    price: int = pricing.devices.get(facts.device, pricing.base)
    for rule in pricing.rules:
        if rule.fits(facts.device, facts.when):
            price = rule.applied(price)
            break
    return price + _electricity(pricing.electricity, facts.speed)


def _electricity(power: Electricity | None, measured: int) -> int:
    """Of a megasample, rounded up; 0 while the speed is not known."""
    speed = measured or (power.speed if power else 0)
    if power is None or not speed:
        return 0
    return -(-power.per_kwh * power.watts * MEGASAMPLE // (WATT_SECONDS_A_KWH * speed))


def _followed(follow: FollowMarket, own: int, cleared: Sequence[int]) -> int:
    middle = sorted(cleared)[len(cleared) // 2]
    lowest = own if follow.lowest is None else follow.lowest
    highest = MAX_PRICE if follow.highest is None else follow.highest
    return max(lowest, min(_share(middle, follow.percent), highest))


def _share(amount: int, percent: int) -> int:
    return -(-amount * percent // 100)
