"""Ranges of blocks, on nodes that look through few at a time."""

from typing import Any

import pytest
from requests.exceptions import ReadTimeout
from web3.exceptions import Web3RPCError

from tegula_market.adapters.evm.logs import MOST_BLOCKS, Filter, Reader
from tegula_market.model import Address

WANTED = Filter(Address(b"\x05" * 20), ("0xaa", ("0xbb", "0xcc"), None))


class Node:
    """With a log in every tenth block; a log is its block's number."""

    def __init__(self, limit: int, error: Exception) -> None:
        self.eth = self
        self.limit, self.error = limit, error
        self.asked: list[tuple[int, int]] = []

    def get_logs(self, asked: dict[str, Any]) -> list[int]:
        first, last = asked["fromBlock"], asked["toBlock"]
        assert asked["topics"] == ["0xaa", ["0xbb", "0xcc"], None]
        if last - first + 1 > self.limit:
            raise self.error
        self.asked.append((first, last))
        return [block for block in range(first, last + 1) if block % 10 == 0]


@pytest.mark.parametrize("error", [Web3RPCError("more than 10000 results"), ReadTimeout("slow")])
@pytest.mark.parametrize("limit", [1, 7, 500, 10**9])
def test_every_block_is_looked_at_once(limit: int, error: Exception) -> None:
    node: Any = Node(limit, error)
    parts = list(Reader(node, WANTED).onwards(3, 25_004 if limit > 7 else 304))
    last = parts[-1][0]
    assert [log for _, part in parts for log in part] == list(range(10, last + 1, 10))
    assert [block for first, end in node.asked for block in range(first, end + 1)] == list(range(3, last + 1))
    assert [end for _, end in node.asked] == [end for end, _ in parts]


def test_backwards_too() -> None:
    node: Any = Node(500, Web3RPCError("range"))
    parts = list(Reader(node, WANTED).backwards(25_004))
    assert sorted(log for part in parts for log in part) == list(range(0, 25_001, 10))
    assert sorted(b for first, end in node.asked for b in range(first, end + 1)) == list(range(25_005))


def test_a_single_block_that_is_refused_is_an_error() -> None:
    node: Any = Node(0, Web3RPCError("no"))
    with pytest.raises(Web3RPCError, match="no"):
        list(Reader(node, WANTED).onwards(0, 100))


def test_a_generous_node_is_asked_much() -> None:
    node: Any = Node(10**9, Web3RPCError("no"))
    list(Reader(node, WANTED).onwards(0, 3 * MOST_BLOCKS - 1))
    assert len(node.asked) == 3
