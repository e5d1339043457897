"""What `doctor` says of coordinator, clock and chain; the chain's side is a fake, HTTP is real."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fakes import blob_server
from tegula_market.adapters import evm
from tegula_market.adapters.blobs import BlobError
from tegula_market.model import Address, TegulaError, Wei
from tegula_worker import clock, keys, market_checks
from tegula_worker.config import Config, ConfigError
from tegula_worker.findings import Finding
from worker.stage import DOMAIN, Stage, connect_to

NOBODY = Config("http://127.0.0.1:1", rpc="http://rpc")


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(market_checks, "PATIENCE", 0.0)
    monkeypatch.setattr(evm, "connect", lambda _: None)
    with blob_server() as server:
        made = Stage(server, tmp_path / "data")
        connect_to(made.escrow, monkeypatch)
        yield made


def _asked(
    stage: Stage,
    check: Callable[[Config], Finding | None],
    about: dict[str, Any] | None = None,
    **change: Any,
) -> Finding | None:
    async def play() -> Finding | None:
        async with stage.opened():
            stage.server.about |= about or {}
            return await asyncio.to_thread(check, stage.config(**change))

    return asyncio.run(play())


def test_all_is_well(stage: Stage) -> None:
    keys.create(stage.data, lambda _: None)
    checks = (market_checks.coordinator, market_checks.right_time, market_checks.payer, market_checks.gas)
    found = [_asked(stage, check) for check in checks]
    assert [(each and each.check, each and each.ok) for each in found] == [
        ("coordinator", True),
        ("clock", True),
        ("chain", True),
        ("gas", True),
    ]


def test_the_coordinator_is_away_or_does_not_fit(stage: Stage) -> None:
    assert not market_checks.coordinator(Config()).ok
    with pytest.raises(BlobError, match="no answer"):
        market_checks.coordinator(NOBODY)
    with pytest.raises(ConfigError, match="use versions that fit"):
        _asked(stage, market_checks.coordinator, {"protocol": "tm2"})
    assert market_checks.right_time(NOBODY) is None
    assert market_checks.payer(NOBODY).ok, "the node answers; the escrow cannot be known"
    assert market_checks.gas(NOBODY) is None


def test_a_wrong_clock(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "compare", lambda _: "it is 600 seconds behind")
    found = market_checks.right_time(stage.config())
    assert found is not None
    assert (found.ok, found.said, "ntp" in found.remedy) == (False, "it is 600 seconds behind", True)


@pytest.mark.parametrize(
    ("about", "authentic", "change", "ok", "words"),
    [
        ({}, True, {"rpc": ""}, False, "none is named"),
        ({}, True, {"rpc": "", "verifier": True}, True, "needs none"),
        ({"chain_id": 1}, True, {}, False, "is chain 31337, the coordinator pays on chain 1"),
        ({}, False, {}, False, "is not TileEscrow"),
        ({}, False, {"escrow": DOMAIN.escrow}, True, "that the configuration names"),
    ],
)
def test_the_chain(
    stage: Stage, about: dict[str, Any], authentic: bool, change: dict[str, Any], ok: bool, words: str
) -> None:
    stage.escrow.authentic = authentic
    found = _asked(stage, market_checks.payer, about, **change)
    assert found is not None
    assert (found.ok, words in found.said) == (ok, True)


def test_a_node_that_does_not_answer(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: str) -> None:
        raise evm.Unreachable("nobody answers")

    monkeypatch.setattr(evm, "connect", away)
    with pytest.raises(TegulaError, match="nobody answers"):
        market_checks.payer(NOBODY)


def test_ether_for_gas(stage: Stage) -> None:
    assert _asked(stage, market_checks.gas) is None, "there is no account yet, and none is made"
    assert not stage.data.exists()
    keys.create(stage.data, lambda _: None)
    stage.escrow.price = Wei(2)
    found = _asked(stage, market_checks.gas)
    assert found is not None
    assert (found.ok, "holds 0 wei; a claim costs 300000 now" in found.said) == (False, True)
    assert market_checks.enough(Wei(600_001), Wei(300_000), "0x1").said.endswith("2 claims at today's price")
    assert replace(found, said="").remedy.startswith("send ether to 0x")


def test_the_account_is_the_payout_key(stage: Stage) -> None:
    keys.create(stage.data, lambda _: None)
    found = _asked(stage, market_checks.gas)
    _, payout = keys.shown(stage.data)
    assert isinstance(payout, bytes)
    assert found is not None
    assert f"0x{Address(payout).hex()}" in found.said
