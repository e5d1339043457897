"""Amounts for people. Programs see token units only."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Money:
    symbol: str
    decimals: int

    def text(self, amount: int) -> str:
        """Like "0.001296 USD": exact, without zeros that say nothing."""
        whole, rest = divmod(amount, 10**self.decimals)
        digits = f"{rest:0{self.decimals}}".rstrip("0") if self.decimals else ""
        return f"{whole}.{digits} {self.symbol}" if digits else f"{whole} {self.symbol}"
