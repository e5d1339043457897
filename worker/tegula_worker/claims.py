"""Collects what is due, one claim after the other: each is a transaction of the same key. Sends it on."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeAlias

import structlog

from tegula_market.adapters.chain import ChainError, NoGas, Refused
from tegula_market.model import Address, JobId, Wei
from tegula_market.vouchers import Domain
from tegula_worker import claiming
from tegula_worker.books import Books
from tegula_worker.config import Config
from tegula_worker.room import NoRoom
from tegula_worker.store import JobRecord
from tegula_worker.wallet import Wallet

TIDY_SECONDS = 3600.0
"""Between two looks for jobs that are over: each reads all records."""

What: TypeAlias = JobId | tuple[str, JobId] | tuple[Domain, Address]
"""That waits: a claim, a root, what is to be sent on."""

log = structlog.get_logger(__name__)


class Claims:
    """
    Args:
        clock: Unix seconds.
    """

    def __init__(
        self, wallet: Wallet, books: Books, config: Config, clock: Callable[[], float] = time.time
    ) -> None:
        self._wallet = wallet
        self._books = books
        self._config = config
        self._clock = clock
        self._turn = asyncio.Lock()
        self._waiting: dict[What, str] = {}
        """Why, so that it is logged once and not with every try."""
        self._tidied = 0.0
        self._to_send = wallet.purses() if config.receive else set()

    async def collect(self) -> None:
        """What fails is tried again with the next call, or by `tegula-worker claim`."""
        async with self._turn:
            try:
                await self._collect()
            except NoRoom as error:  # the chain says what it has paid when there is room again
                log.warning("claims wait", reason=str(error))

    async def _collect(self) -> None:
        await asyncio.to_thread(self._settle)
        for record in await asyncio.to_thread(self._wallet.rooted):
            await asyncio.to_thread(self._look, record)
        for record in await asyncio.to_thread(self._wallet.due):
            await asyncio.to_thread(self._claim, record)
        for purse in sorted(self._to_send, key=repr):
            await asyncio.to_thread(self._send_on, *purse)
        if self._clock() >= self._tidied + TIDY_SECONDS:
            await asyncio.to_thread(self._books.tidy)
            self._tidied = self._clock()

    def _settle(self) -> None:
        try:
            self._wallet.settle()
        except ChainError as error:  # the claims below will say it, if there are any
            log.debug("earlier claims are not settled", reason=str(error))

    def _look(self, record: JobRecord) -> None:
        """A root can be disputed, voided and lost in a reorganisation."""
        try:
            reason = self._wallet.look(record)
        except ChainError as error:
            reason = str(error)
        if reason:
            self._wait(("root", record.job), "root waits", reason, job=record.job.hex())
        elif record.leaf and not record.leaf.stands:
            self._waiting.pop(("root", record.job), None)
            log.info("root stands", job=record.job.hex(), cumulative=record.leaf.cumulative)

    def _claim(self, record: JobRecord) -> None:
        try:
            reason = self._wallet.early(record) or self._too_dear(record)
            if reason:
                self._wait(record.job, "claim waits", reason, job=record.job.hex())
                return
            tx = self._wallet.claim(record)
        except ChainError as error:
            self._wait(record.job, "claim failed", str(error), job=record.job.hex())
            if _is_refunded(error) and claiming.lapsed(record.expiry, int(self._clock())):
                self._books.give_up(record)
            return
        self._waiting.pop(record.job, None)
        log.info("claimed", job=record.job.hex(), cumulative=record.earned, tx=tx and tx.hex())
        if self._config.receive:
            self._to_send.add((record.domain, record.order.terms.token))
        if tx:
            self._note_fee(record, tx)

    def _too_dear(self, record: JobRecord) -> str:
        worth = self._config.worth_of_ether(record.order.terms.token)
        if worth is None or not self._config.claim_fee_share:
            return ""
        return claiming.dear(
            self._wallet.fee(record),
            record.earned - record.claimed,
            worth=worth,
            share=self._config.claim_fee_share,
            last=claiming.is_last_call(record.expiry, record.order.terms.grace, int(self._clock())),
        )

    def _note_fee(self, record: JobRecord, tx: bytes) -> None:
        try:
            self._books.spend(record.job, self._wallet.spent(record, tx))
        except ChainError as error:
            log.warning("fee of a claim is not known", tx=tx.hex(), reason=str(error))

    def _send_on(self, domain: Domain, token: Address) -> None:
        assert self._config.receive is not None
        receive, purse = self._config.receive, (domain, token)
        try:
            found = self._wallet.sending(domain, token, receive, self._config.gas_reserve)
            reason = self._too_dear_to_send(token, found.fee, found.amount) if found else ""
            if reason:
                self._wait(purse, "sending on waits", reason, token=token.hex())
                return
            tx = self._wallet.send(domain, token, receive, found.amount) if found else None
        except ChainError as error:
            self._wait(purse, "sending on failed", str(error), token=token.hex())
            return
        self._waiting.pop(purse, None)
        self._to_send.discard(purse)
        if found and tx:
            log.info("sent on", token=token.hex(), amount=found.amount, tx=tx.hex())

    def _too_dear_to_send(self, token: Address, fee: Wei, amount: Wei) -> str:
        worth, share = self._config.worth_of_ether(token), self._config.claim_fee_share
        return claiming.dear(fee, amount, worth=worth, share=share, last=False)

    def _wait(self, what: What, event: str, reason: str, **ids: str) -> None:
        first = self._waiting.get(what) != event
        self._waiting[what] = event
        (log.warning if first else log.debug)(event, reason=reason, **ids)


def _is_refunded(error: ChainError) -> bool:
    return isinstance(error, Refused) and not isinstance(error, NoGas)
