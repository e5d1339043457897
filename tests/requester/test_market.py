from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from tegula import market
from tegula.market import Market
from tegula_blender.job_view import About
from tegula_blender.money import Money
from tegula_market.adapters.chain import Escrow
from tegula_market.adapters.signing import Key
from tegula_market.model import ETHER, NOBODY, Address, InvalidValue

HERE, THERE = (Address(bytes([number]) * 20) for number in (1, 2))
ABOUT = About("0.1.0", "tm1", HERE, 1, HERE, "tcp://127.0.0.1:1", bytes(32), NOBODY)
WHERE = Market("http://127.0.0.1:1", "a token", "http://127.0.0.1:2", Key.generate(), ETHER)


def test_an_escrow_that_was_pinned_is_the_only_one() -> None:
    market.check(ABOUT, WHERE)
    market.check(ABOUT, replace(WHERE, escrow=HERE))
    with pytest.raises(InvalidValue, match="nothing was paid"):
        market.check(ABOUT, replace(WHERE, escrow=THERE))


def test_the_token_names_its_money() -> None:
    escrow = cast("Escrow", SimpleNamespace(describe=lambda _: ("tUSD", 6)))
    assert market.money_of(escrow, HERE) == Money("tUSD", 6)
    assert market.money_of(escrow, ETHER) == Money("ETH", 18)


def test_secrets_are_not_shown() -> None:
    assert "a token" not in repr(WHERE)
    assert "the operator's" not in repr(replace(WHERE, operator="the operator's"))


def test_a_wallet_elsewhere_is_the_requester_and_judges_no_root_of_its_own_job() -> None:
    assert WHERE.requester == WHERE.key.address
    paying = replace(WHERE, wallet=THERE)
    assert paying.requester == THERE
    with pytest.raises(InvalidValue, match="one of those whom it would judge"):
        market.arbiter(ABOUT, replace(paying, arbiter=THERE))


def test_the_arbiter_is_the_coordinators_unless_another_or_none_is_named() -> None:
    proposing = replace(ABOUT, arbiter=THERE)
    assert market.arbiter(ABOUT, WHERE) == NOBODY
    assert market.arbiter(proposing, WHERE) == THERE
    assert market.arbiter(proposing, replace(WHERE, arbiter=NOBODY)) == NOBODY
    for party in (HERE, WHERE.key.address):
        with pytest.raises(InvalidValue, match="one of those whom it would judge"):
            market.arbiter(proposing, replace(WHERE, arbiter=party))
