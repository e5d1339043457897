"""A quote before, the bill after: on a market of two workers at different prices, with real renders."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import scenes
from end_to_end.jobs import CEILING, Job, Played, run
from requester_samples import DOLLAR
from tegula import local
from tegula.local import FIRST_PRICE, PRICE_STEP
from tegula.market import Market
from tegula_blender.client import Client
from tegula_blender.market_view import MarketView
from tegula_blender.session import blender, planning
from tegula_blender.session.bill import Bill, compared
from tegula_blender.session.planning import NO_TERMS
from tegula_blender.session.quoting import quote
from tegula_blender.session.speeds import Pilot
from tegula_blender.session.state import Quote
from tegula_market import codec
from tegula_market.model import Scene

pytestmark = pytest.mark.slow

SAMPLES, SCALE, TILE = 64, 10, 64
LOW, HIGH = FIRST_PRICE, FIRST_PRICE + PRICE_STEP


@pytest.fixture(scope="module")
def market() -> Iterator[Market]:
    with local.market(2) as made:
        yield made


@pytest.fixture(scope="module")
def blend(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scenes.build("spheres", tmp_path_factory.mktemp("scenes"))


def asked(market: Market) -> MarketView:
    client = Client(market.url, market.token)
    try:
        return client.market()
    finally:
        client.disconnect()


def quoted(scene: Scene, seen: MarketView, tried: Pilot | None) -> Quote:
    terms = replace(NO_TERMS, deadline=int(time.time()) + 3600)
    order = planning.order(scene, (1,), terms, CEILING, TILE)
    return quote(order, seen, tried, time.time(), DOLLAR)


def tried(blend: Path) -> Pilot:
    answer = blender.ask("pilot", None, blend=str(blend), seconds=2, samples=SAMPLES, percentage=SCALE)
    return codec.decode(Pilot, answer)


def test_the_bill_lies_in_the_quoted_range(market: Market, blend: Path, tmp_path: Path) -> None:
    strangers = asked(market)
    assert [worker.ask for worker in strangers.workers] == [None, None]
    assert (len(strangers.verifiers), strangers.prices, strangers.speeds) == (1, (), ())
    played = run(Job(blend, tmp_path / "first", SAMPLES, TILE, SCALE), market)
    check(quoted(played.scene, strangers, None), played, (1, CEILING))

    known = asked(market)
    assert sorted(worker.ask.price for worker in known.workers if worker.ask) == [LOW, HIGH]
    (speed,) = known.speeds
    assert speed.results == len(played.outcome.tiles)
    before = quoted(played.scene, known, tried(blend))
    check(before, run(Job(blend, tmp_path / "second", SAMPLES, TILE, SCALE), market), (LOW, HIGH))
    assert len(asked(market).prices) == 2


def check(before: Quote, played: Played, span: tuple[int, int]) -> None:
    order, bill = played.outcome.order, Bill.of_job(played.outcome.view, played.outcome.seconds["market"])
    assert before.price == tuple(planning.cost(order, price) for price in span)
    assert before.budget == played.outcome.funded
    assert before.price[0] < before.price[1] <= before.budget
    assert before.price[0] <= bill.paid == played.outcome.paid <= before.price[1]
    assert compared(before, bill).startswith(f"It cost {DOLLAR.text(bill.paid)}, as quoted (")
