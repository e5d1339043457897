"""What a unit of gas costs, on nodes of several kinds."""

from typing import Any

import pytest
from web3.exceptions import Web3RPCError

from tegula_market.adapters.evm import fees
from tegula_market.adapters.evm.fees import Fees, Price


class Node:
    """As much of web3 as prices are read from."""

    max_priority_fee = 7
    gas_price = 90

    def __init__(self, base: int | None, history: dict[str, Any] | None) -> None:
        self.eth = self
        self.base, self.history = base, history

    def get_block(self, _block: str) -> dict[str, int]:
        return {} if self.base is None else {"baseFeePerGas": self.base}

    def fee_history(self, *_args: object) -> dict[str, Any]:
        if self.history is None:
            raise Web3RPCError("the method eth_feeHistory does not exist")
        return self.history


def price(base: int | None, history: dict[str, Any] | None = None) -> Price:
    return fees.price(Node(base, history))  # type: ignore[arg-type]


def test_the_base_fee_is_the_next_blocks_and_the_tip_the_usual_one() -> None:
    history = {"baseFeePerGas": [100, 100, 110, 112], "reward": [[3], [5], [4]]}
    assert price(110, history) == Price(112, 4)
    assert price(110, history).fees == Fees(2 * 112 + 4, 4)


def test_empty_blocks_say_nothing_of_tips() -> None:
    assert price(100, {"baseFeePerGas": [100, 88], "reward": [[0], [0]]}) == Price(100, 7)
    assert price(100, {"baseFeePerGas": [100, 101], "reward": [[0], [9]]}) == Price(101, 9)


def test_a_node_without_history_is_asked_for_a_tip() -> None:
    assert price(80) == Price(90, 7), "the base fee may rise by an eighth"
    assert price(80, {"baseFeePerGas": [], "reward": []}) == Price(90, 7)


def test_a_chain_without_base_fees_has_one_price() -> None:
    old = price(None)
    assert old.now == 90
    assert old.fees.fields == {"gasPrice": 90}
    assert old.fees.raised(old) == Fees(102, None)


@pytest.mark.parametrize(("most", "tip"), [(1, 0), (8, 1), (10**9, 10**8), (10**9 + 1, 3)])
def test_a_replacement_offers_an_eighth_more_of_both(most: int, tip: int) -> None:
    raised = Fees(most, tip).raised(Price(0, 0))
    assert raised.tip is not None
    assert raised.most > most
    assert raised.tip > tip
    assert raised.most * 8 >= most * 9
    assert raised.tip * 8 >= tip * 9


def test_a_replacement_follows_the_price() -> None:
    assert Fees(10, 2).raised(Price(100, 5)) == Fees(205, 5)


def test_no_tip_is_above_all_that_is_offered() -> None:
    assert Fees(5, 9).fields == {"type": 2, "maxFeePerGas": 5, "maxPriorityFeePerGas": 5}
