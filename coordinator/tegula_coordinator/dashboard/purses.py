"""What the chain says to the operator: what tokens are called, and what was paid of a job."""

import asyncio
from collections.abc import Iterable
from typing import Any

from tegula_market import codec
from tegula_market.adapters import chain
from tegula_market.model import ETHER, Address, JobId, Wei

ETHER_DECIMALS = 18
LONGEST_SYMBOL = 16
"""Letters: anybody can deposit in a token of his own, and call it what he likes."""


class Purses:
    def __init__(self, escrow: chain.Escrow) -> None:
        self._escrow = escrow
        self._known: dict[Address, tuple[str, int]] = {ETHER: ("ETH", ETHER_DECIMALS)}

    async def learn(self, tokens: Iterable[Address]) -> None:
        """What these tokens are called. One that does not say is asked again next time."""
        for token in tokens:
            if token not in self._known:
                try:
                    symbol, decimals = await asyncio.to_thread(self._escrow.describe, token)
                except (chain.ChainError, ValueError):  # a contract may answer with what is no text
                    continue
                self._known[token] = symbol[:LONGEST_SYMBOL], decimals

    async def ether(self, account: Address) -> Wei | None:
        """What it has for gas; None if the chain does not say."""
        try:
            return await asyncio.to_thread(self._escrow.balance, ETHER, account)
        except chain.ChainError:
            return None

    def known(self) -> dict[str, Any]:
        """Symbol and decimals by address; without them amounts are shown in units."""
        return {
            codec.encode(token): {"symbol": symbol, "decimals": decimals}
            for token, (symbol, decimals) in self._known.items()
        }

    def payments(self, job: JobId) -> dict[str, Any]:
        """Blocks.

        Raises:
            ChainError: the chain is away.
        """
        account = self._escrow.account(job)
        return {
            "funded": str(account.funded),
            "paid": str(account.paid),
            "status": account.status.name,
            "deposits": codec.encode(tuple(self._escrow.deposits(job))),
            "claims": codec.encode(tuple(self._escrow.payments(job))),
            "returned": codec.encode(tuple(self._escrow.returned(job))),
        }
