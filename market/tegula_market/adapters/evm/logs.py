"""Reads a contract's logs, in ranges that the node is willing to look through."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from requests.exceptions import ReadTimeout
from web3 import Web3
from web3.exceptions import Web3RPCError
from web3.types import LogReceipt

from tegula_market.model import Address

MOST_BLOCKS = 10_000
"""In one question. Providers allow from 500 to 50,000, and some count the logs, too."""
TOO_MUCH = Web3RPCError, ReadTimeout
"""What nodes answer when it is. They agree on no code and no words, so any refusal is taken for that, until a
single block is refused."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which logs."""

    contract: Address
    topics: tuple[str | tuple[str, ...] | None, ...] = ()
    """As eth_getLogs has them: hex, several for a choice, None for any."""


class Reader:
    """Remembers what the node was willing to do."""

    def __init__(self, web3: Web3, wanted: Filter) -> None:
        self._web3 = web3
        self._asked: dict[str, Any] = {
            "address": Web3.to_checksum_address(wanted.contract),
            "topics": [list(topic) if isinstance(topic, tuple) else topic for topic in wanted.topics],
        }
        self._blocks = MOST_BLOCKS

    def onwards(self, first: int, last: int) -> Iterator[tuple[int, list[LogReceipt]]]:
        """The logs of all blocks from `first` to `last`, in parts; with each the block that it ends with."""
        while first <= last:
            end = min(last, first + self._blocks - 1)
            found = self._ask(first, end)
            if found is not None:
                yield end, found
                first = end + 1

    def backwards(self, last: int) -> Iterator[list[LogReceipt]]:
        """The logs of all blocks down to the first one, in parts, the latest part first."""
        while last >= 0:
            start = max(0, last - self._blocks + 1)
            found = self._ask(start, last)
            if found is not None:
                yield found
                last = start - 1

    def _ask(self, first: int, last: int) -> list[LogReceipt] | None:
        """None if it was too much; the next question is then for half."""
        asked = {**self._asked, "fromBlock": first, "toBlock": last}
        try:
            found = self._web3.eth.get_logs(cast("Any", asked))
        except TOO_MUCH:
            if first == last:
                raise
            self._blocks = max(1, (last - first + 1) // 2)
            return None
        if last - first + 1 == self._blocks:
            self._blocks = min(MOST_BLOCKS, self._blocks + self._blocks // 4 + 1)
        return found
