"""Puts the policy's questions to the chain: whether to ask for a job, and whether a lease is still safe."""

import asyncio
import time
from dataclasses import dataclass

from tegula_market import codec, messages
from tegula_market.adapters.blobs import About
from tegula_market.adapters.chain import ChainError
from tegula_market.model import InvalidValue, Lease, Order, Wei, WorkerId
from tegula_market.vouchers import Domain
from tegula_worker import policy, pricing
from tegula_worker.books import Books
from tegula_worker.config import Config
from tegula_worker.objections import Code, Objection
from tegula_worker.pricing import Facts
from tegula_worker.replies import Device
from tegula_worker.scenes import SceneCache
from tegula_worker.wallet import Wallet
from tegula_worker.watch import Watch

LEAST = Wei(1)
"""Asked, as far as is known, in a job of which no price was kept."""


@dataclass(frozen=True, slots=True)
class Prudence:
    config: Config
    about: About
    worker: WorkerId
    blender: str
    kinds: tuple[Device, ...]
    """Of devices that render; a job is asked for at what the dearest of them costs."""
    wallet: Wallet
    scenes: SceneCache
    books: Books
    watch: Watch

    async def consider(self, call: messages.Call) -> messages.AskFor | Objection:
        return await asyncio.to_thread(self._answer, call)

    async def at_present(self) -> Wei:
        """What is asked for a megasample, whatever the job."""
        return await asyncio.to_thread(self._price, 0)

    async def objection(self, lease: Lease, order: Order) -> Objection | None:
        """Why a lease is better given back; a deposit can be gone since the ask."""
        return await asyncio.to_thread(self._objection, lease, order)

    def _answer(self, call: messages.Call) -> messages.AskFor | Objection:
        if self.config.verifier:
            return Objection(Code.VERIFIER, "this worker only verifies")
        if self.watch.why is not None:
            return self.watch.why
        try:
            deposit = self.wallet.deposit(self._domain, call.order)
        except ChainError as error:
            return _away(error)
        return policy.answer(
            call,
            deposit,
            config=self.config,
            price=self._price(_size(call.order)),
            coordinator=self.about.coordinator,
            blender=self.blender,
            warm=self.scenes.holds(call.order.scene.manifest),
            now=int(time.time()),
        )

    def _price(self, size: int) -> Wei:
        """
        Args:
            size: pixel-samples of the job, 0 for none in particular.
        """
        sums = self.books.sums
        when, prices = self.watch.local_time(), self.config.prices
        facts = [Facts(when, kind, sums.speed, sums.prices, size) for kind in self.kinds]
        return max(pricing.ask(prices, each) for each in facts)

    def _objection(self, lease: Lease, order: Order) -> Objection | None:
        asked = self.books.asked(lease.job) or LEAST
        no = policy.unfit(lease, order, asked=asked, worker=self.worker, now=int(time.time()))
        if no:
            return no
        try:
            deposit = self.wallet.deposit(self._domain, order)
        except ChainError as error:
            return _away(error)
        most = policy.holdback(order.terms, self.config)
        return (
            policy.unsafe(lease.job, order, deposit, self.about.coordinator)
            or policy.uncovered(lease, deposit, self.books.owed(lease.job))
            or policy.held_back(lease, self.books.unsigned(lease.job), most)
        )

    @property
    def _domain(self) -> Domain:
        return Domain(self.about.chain_id, self.about.escrow)


def _size(order: Order) -> int:
    try:
        return policy.size_of(order)
    except InvalidValue:  # which is for the policy to say
        return 0


def _away(error: ChainError) -> Objection:
    return Objection(Code.CHAIN_AWAY, codec.line(f"cannot look at the escrow: {error}"))
