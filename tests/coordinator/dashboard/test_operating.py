"""Bans and prices over HTTP; test_operator_cli.py asks for them as an operator does."""

import asyncio
from pathlib import Path

from coordinator.house import AS_OPERATOR, AS_REQUESTER, house
from coordinator.playbook import ANN, joined
from tegula_coordinator import tiles
from tegula_coordinator.book import Book, Timing, history, step
from tegula_coordinator.dashboard import operating
from tegula_market import codec
from tegula_market.model import ETHER, MEGASAMPLE, Wei


def test_the_operator_alone_bans(tmp_path: Path) -> None:
    body = {"worker": codec.encode(ANN), "reason": "noise"}

    async def run() -> None:
        async with house(tmp_path) as it:
            await it.keeper.record(joined(ANN))
            for headers in ({}, AS_REQUESTER):
                for path in ("/v1/operator/bans", "/v1/operator/bans/lift"):
                    assert (await it.client.post(path, json=body, headers=headers)).status_code == 401
                for path in ("/v1/operator/bans", "/v1/operator/prices"):
                    assert (await it.client.get(path, headers=headers)).status_code == 401
            assert it.keeper.book.banned == {}
            done = await it.client.post("/v1/operator/bans", json=body, headers=AS_OPERATOR)
            assert done.status_code == 201
            replayed = Book(tiles.sizes, Timing(call_seconds=0.001, lease_seconds=100))
            for recorded in it.log.replay():
                step(replayed, recorded.event)
            assert replayed == it.keeper.book
            assert replayed.banned[ANN].reason == "noise"

    asyncio.run(run())


def test_a_price_is_the_last_one_with_its_day() -> None:
    book = Book(tiles.sizes, Timing(1, 1))
    of, hour = history.of(ETHER, "CPU"), history.PERIOD
    for price, at in ((90, 1 * hour), (10, 30 * hour), (40, 40 * hour), (30, 50 * hour)):
        history.accepted(book.history, of, Wei(price), 2 * MEGASAMPLE, at)
        history.cleared(book.history, of, Wei(price), at)
    (found,) = operating._prices(book)
    assert (found.device, found.token, found.price, found.hour) == ("CPU", ETHER, 30, 50 * hour)
    assert found.megasamples == 6.0, "the first one was days ago"
    assert (found.low, found.high) == (10, 90), "an hour opens at the last one's price"
