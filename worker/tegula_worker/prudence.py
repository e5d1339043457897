"""Puts the policy's questions to the chain: whether to ask for a job, and whether a lease is still safe."""

import asyncio
import time
from dataclasses import dataclass

from tegula_market import messages
from tegula_market.adapters.blobs import About
from tegula_market.adapters.chain import ChainError
from tegula_market.model import Lease, Order, WorkerId
from tegula_market.vouchers import Domain
from tegula_worker import policy
from tegula_worker.config import Config
from tegula_worker.scenes import SceneCache
from tegula_worker.wallet import Wallet


@dataclass(frozen=True, slots=True)
class Prudence:
    config: Config
    about: About
    worker: WorkerId
    blender: str
    wallet: Wallet
    scenes: SceneCache

    async def consider(self, call: messages.Call) -> messages.AskFor | messages.Decline:
        return await asyncio.to_thread(self._answer, call)

    async def objection(self, lease: Lease, order: Order) -> str:
        """Why a lease is better given back; a deposit can be gone since the ask."""
        return await asyncio.to_thread(self._objection, lease, order)

    def _answer(self, call: messages.Call) -> messages.AskFor | messages.Decline:
        if self.config.verifier:
            return messages.Decline(call.job, "this worker only verifies")
        try:
            deposit = self.wallet.deposit(self._domain, call.order)
        except ChainError as error:
            return messages.Decline(call.job, one_line(f"cannot look at the escrow: {error}"))
        return policy.answer(
            call,
            deposit,
            config=self.config,
            coordinator=self.about.coordinator,
            blender=self.blender,
            warm=self.scenes.holds(call.order.scene.manifest),
            now=int(time.time()),
        )

    def _objection(self, lease: Lease, order: Order) -> str:
        reason = policy.unfit(lease, order, config=self.config, worker=self.worker)
        if reason:
            return reason
        try:
            deposit = self.wallet.deposit(self._domain, order)
        except ChainError as error:
            return one_line(f"cannot look at the escrow: {error}")
        return policy.unsafe(lease.job, order, deposit, self.about.coordinator)

    @property
    def _domain(self) -> Domain:
        return Domain(self.about.chain_id, self.about.escrow)


def one_line(text: str) -> str:
    """Somebody else's words, fit for a message."""
    return "".join(c if c.isprintable() else " " for c in text)[:1000]
