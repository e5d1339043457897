"""What a unit of gas costs, by EIP-1559 where the chain has it, and what a replacement has to offer."""

from dataclasses import dataclass
from statistics import median_low
from typing import cast

from web3 import Web3
from web3.exceptions import Web3RPCError
from web3.types import TxParams

BLOCKS, PERCENTILE = 20, 50.0
"""Of the tips that were paid of late, the middle one."""
HEADROOM = 2
"""The base fee rises by an eighth with each full block, so twice is enough for six of them. What is actually
paid is the base fee of the block."""
RISE = 9, 8
"""Of both fees in a replacement: an eighth, which every node takes; most want a tenth."""


@dataclass(frozen=True, slots=True)
class Fees:
    """In wei for a unit of gas."""

    most: int
    """maxFeePerGas, or gasPrice on a chain without EIP-1559."""
    tip: int | None
    """maxPriorityFeePerGas; None on a chain without EIP-1559."""

    @property
    def fields(self) -> TxParams:
        if self.tip is None:
            return cast("TxParams", {"gasPrice": self.most})
        return cast(
            "TxParams",
            {"type": 2, "maxFeePerGas": self.most, "maxPriorityFeePerGas": min(self.tip, self.most)},
        )

    def raised(self, price: "Price") -> "Fees":
        """Of a replacement that nodes take, and that is enough at that price."""
        fresh = price.fees
        tip = None if self.tip is None else max(_risen(self.tip), fresh.tip or 0)
        return Fees(max(_risen(self.most), fresh.most), tip)


@dataclass(frozen=True, slots=True)
class Price:
    """Of a unit of gas in the next block, in wei."""

    base: int
    """Burnt; 0 on a chain without EIP-1559."""
    tip: int
    """To whoever makes the block; the whole price on a chain without EIP-1559."""
    legacy: bool = False

    @property
    def now(self) -> int:
        return self.base + self.tip

    @property
    def fees(self) -> Fees:
        return Fees(self.tip, None) if self.legacy else Fees(HEADROOM * self.base + self.tip, self.tip)


def price(web3: Web3) -> Price:
    """Raises: what web3 raises."""
    base = web3.eth.get_block("latest").get("baseFeePerGas")
    if base is None:
        return Price(0, web3.eth.gas_price, legacy=True)
    try:
        history = web3.eth.fee_history(BLOCKS, "latest", [PERCENTILE])
    except Web3RPCError:  # a node that does not keep it
        return Price(_risen(base), web3.eth.max_priority_fee)
    # Blocks without transactions have a tip of 0, which says nothing.
    tips = [tips[0] for tips in history.get("reward", []) if tips and tips[0]]
    tip = median_low(tips) if tips else web3.eth.max_priority_fee
    bases = history.get("baseFeePerGas")
    return Price(max(base, bases[-1]) if bases else _risen(base), tip)


def _risen(fee: int) -> int:
    up, down = RISE
    return max(-(-fee * up // down), fee + 1)
