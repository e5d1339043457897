"""Collects what is due, one claim after the other: each is a transaction of the same key."""

import asyncio

import structlog

from tegula_market.adapters.chain import ChainError
from tegula_worker.wallet import Wallet

log = structlog.get_logger(__name__)


class Claims:
    def __init__(self, wallet: Wallet) -> None:
        self._wallet = wallet
        self._turn = asyncio.Lock()

    async def collect(self) -> None:
        """What fails is tried again with the next call, or by `tegula-worker claim`."""
        async with self._turn:
            for record in await asyncio.to_thread(self._wallet.due):
                try:
                    tx = await asyncio.to_thread(self._wallet.claim, record)
                except ChainError as error:
                    log.warning("claim failed", job=record.job.hex(), reason=str(error))
                else:
                    log.info("claimed", job=record.job.hex(), cumulative=record.earned, tx=tx and tx.hex())
