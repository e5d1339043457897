"""What the chain says, on a real one."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest

import chains
from orders import an_order
from tegula_coordinator.dashboard.purses import Purses
from tegula_market import codec
from tegula_market.adapters import chain
from tegula_market.adapters.chain import Escrow
from tegula_market.adapters.devchain import DevChain
from tegula_market.model import ETHER, Address, Terms, Wei

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def dev() -> Iterator[DevChain]:
    with chains.running("anvil") as made:
        yield made


def test_a_deposit_is_told_with_its_transaction(dev: DevChain) -> None:
    escrow = Escrow.connect(dev.rpc, dev.escrow)
    key = dev.key(1)
    terms = Terms(
        key.address, dev.key(2).address, dev.key(3).address, ETHER, int(time.time()) + 9999, 99, bytes(32)
    )
    tx = escrow.open(terms, Wei(1000), key)
    added = escrow.top_up(terms, Wei(1500), key)
    told = Purses(escrow).payments(chain.job_id(terms))
    assert told["deposits"] == [
        {"amount": "1000", "tx": codec.encode(tx)},
        {"amount": "500", "tx": codec.encode(added)},
    ]
    assert (told["status"], told["funded"], told["claims"], told["returned"]) == ("OPEN", "1500", [], [])


def test_tokens_are_called_what_they_say(dev: DevChain) -> None:
    purses = Purses(Escrow.connect(dev.rpc, dev.escrow))
    asyncio.run(purses.learn({dev.dollar, ETHER, Address(b"\x07" * 20)}))
    known = purses.known()
    assert known[codec.encode(ETHER)] == {"symbol": "ETH", "decimals": 18}
    assert known[codec.encode(dev.dollar)]["decimals"] == 6
    assert set(known) == {codec.encode(ETHER), codec.encode(dev.dollar)}


def test_a_job_that_was_never_opened_has_no_money(dev: DevChain) -> None:
    told = Purses(Escrow.connect(dev.rpc, dev.escrow)).payments(chain.job_id(an_order().terms))
    assert (told["status"], told["deposits"]) == ("NONE", [])


class Hostile:
    """An escrow's answers about tokens that are called what they like."""

    def __init__(self, answer: tuple[str, int] | Exception) -> None:
        self.answer = answer

    def describe(self, _token: Address) -> tuple[str, int]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("answer", "symbol"),
    [(("X" * 10**6, 6), "X" * 16), (UnicodeDecodeError("utf-8", b"\xff", 0, 1, ""), None)],
)
def test_what_a_token_calls_itself_harms_nobody(answer: Any, symbol: str | None) -> None:
    purses, token = Purses(Hostile(answer)), Address(b"\x07" * 20)  # type: ignore[arg-type]
    asyncio.run(purses.learn({token}))
    assert purses.known().get(codec.encode(token), {}).get("symbol") == symbol
