"""What is asked, whatever the rules: whole units, within the bounds."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tegula_market import auction
from tegula_market.auction import MAX_PRICE
from tegula_market.model import Wei
from tegula_worker.pricing import Electricity, Facts, FollowMarket, PriceRule, Pricing, ask, fault
from tegula_worker.replies import Device
from tegula_worker.spans import Span

NOON = datetime(2026, 11, 23, 12)  # noqa: DTZ001 local time, a Monday
NIGHT = Span.parse("22:00-06:00")


def asked(pricing: Pricing, **facts: Any) -> Wei:
    return ask(pricing, Facts(**{"when": NOON, "device": Device.CPU, **facts}))


def test_a_single_price() -> None:
    assert asked(Pricing(Wei(40))) == 40


def test_a_price_for_the_device() -> None:
    pricing = Pricing(Wei(40), devices={Device.OPTIX: Wei(9)})
    assert (asked(pricing), asked(pricing, device=Device.OPTIX)) == (40, 9)


def test_the_first_rule_that_fits_counts() -> None:
    rules = (
        PriceRule((NIGHT,), percent=50),
        PriceRule(device=Device.CUDA, price=Wei(7)),
        PriceRule((Span.parse("mon 00:00-24:00"),), percent=125),
        PriceRule(price=Wei(1)),
    )
    pricing = Pricing(Wei(41), rules=rules)
    assert asked(pricing, when=NOON.replace(hour=23)) == 21  # half of it, rounded up
    assert asked(pricing, device=Device.CUDA) == 7
    assert asked(pricing) == 52
    assert asked(pricing, when=NOON.replace(day=24)) == 1


def test_electricity_comes_on_top_at_the_speed_that_was_measured() -> None:
    power = Electricity(per_kwh=Wei(300_000), watts=360, speed=1_000_000)
    pricing = Pricing(Wei(10), electricity=power)
    # A megasample a second at 360 W is 0.0001 kWh, which is 30 units.
    assert asked(pricing) == 40
    assert asked(pricing, speed=2_000_000) == 25
    assert asked(pricing, speed=7_000_000) == 15  # 4.3 rounded up
    unknown = Pricing(Wei(10), electricity=Electricity(Wei(300_000), 360))
    assert asked(unknown) == 10


def test_following_the_market_between_its_bounds() -> None:
    follow = FollowMarket(percent=90, lowest=Wei(20), highest=Wei(50))
    pricing = Pricing(Wei(30), market=follow)
    assert asked(pricing) == 30  # nothing seen yet
    assert asked(pricing, cleared=(40, 1, 900)) == 36
    assert asked(pricing, cleared=(1, 1, 1)) == 20
    assert asked(pricing, cleared=(900,)) == 50
    assert asked(Pricing(Wei(30), market=FollowMarket()), cleared=(1,)) == 30  # not below its own


def test_a_small_job_is_asked_more_for() -> None:
    pricing = Pricing(Wei(40), job_minimum=Wei(1000))
    assert asked(pricing, job_size=100_000_000) == 40
    assert asked(pricing, job_size=3_000_000) == 334


amounts = st.integers(0, MAX_PRICE).map(Wei)
positive = st.integers(1, MAX_PRICE).map(Wei)
whens = st.lists(st.sampled_from([NIGHT, Span.parse("sat-sun 00:00-24:00")]), max_size=2).map(tuple)
devices = st.sampled_from(list(Device))
rules = st.builds(PriceRule, whens, st.none() | devices, positive) | st.builds(
    PriceRule, whens, st.none() | devices, st.none(), st.integers(1, 10_000)
)
pricings = st.builds(
    Pricing,
    amounts,
    amounts,
    amounts,
    amounts,
    st.dictionaries(devices, amounts),
    st.lists(rules, max_size=3).map(tuple),
    st.none() | st.builds(Electricity, amounts, st.integers(0, 10_000), st.integers(0, 10**12)),
    st.none() | st.builds(FollowMarket, st.integers(1, 1000), st.none() | amounts, st.none() | amounts),
).filter(lambda pricing: not fault(pricing))
facts = st.builds(
    Facts,
    st.datetimes(),
    devices,
    st.integers(0, 10**12),
    st.lists(st.integers(0, MAX_PRICE), max_size=5),
    st.integers(0, 10**12),
)


@given(pricings, facts)
def test_an_ask_is_whole_and_within_its_bounds(pricing: Pricing, known: Facts) -> None:
    price = ask(pricing, known)
    assert type(price) is int
    assert max(1, pricing.minimum) <= price <= max(1, pricing.maximum)
    if known.job_size and price < pricing.maximum:
        assert auction.price_of(known.job_size, price) >= pricing.job_minimum


@pytest.mark.parametrize(
    ("pricing", "sentence"),
    [
        (Pricing(Wei(-1)), "prices are from 0"),
        (Pricing(Wei(1), devices={Device.CPU: Wei(MAX_PRICE + 1)}), "prices are from 0"),
        (Pricing(minimum=Wei(5), maximum=Wei(4)), "above the maximum"),
        (Pricing(market=FollowMarket(0)), "percent above 0"),
        (Pricing(market=FollowMarket(lowest=Wei(2), highest=Wei(1))), "lowest not above highest"),
        (Pricing(rules=(PriceRule(),)), "one of price and percent"),
        (Pricing(rules=(PriceRule(price=Wei(1), percent=1),)), "one of price and percent"),
        (Pricing(rules=(PriceRule(percent=0),)), "above 0"),
        (Pricing(electricity=Electricity(Wei(1), -1)), "below 0"),
    ],
)
def test_rules_that_make_no_sense(pricing: Pricing, sentence: str) -> None:
    assert sentence in fault(pricing)
