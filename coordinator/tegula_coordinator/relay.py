"""Transactions that the coordinator sends for requesters, who then need no ether: deposits, and closes.

Each costs the coordinator gas. So it relays for jobs of its own only, and in one token that the operator
chose: another's code could burn all the gas that a transaction has. Its roots take the same way.
"""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import structlog

from tegula_market import vouchers
from tegula_market.adapters import chain, signing
from tegula_market.adapters.chain import Escrow, Token
from tegula_market.model import ETHER, Address, JobId, Signature, TegulaError, Terms, Wei
from tegula_market.vouchers import Authorisation

log = structlog.get_logger(__name__)

T = TypeVar("T")


class NothingRelayed(TegulaError):
    """The operator has chosen no currency."""


class NotCovered(TegulaError):
    """The requester's account does not hold the deposit."""


class NotRelayed(TegulaError):
    """A deposit or close that this coordinator sends no transaction for."""


class NoEther(TegulaError):
    """The coordinator cannot pay for the transaction."""


class Relay:
    """
    Args:
        currency: that deposits are relayed in; None to relay nothing.
    """

    def __init__(self, escrow: Escrow, key: signing.Key, currency: Token | None) -> None:
        self._escrow = escrow
        self._key = key
        self._currency = currency
        self._one_at_a_time = asyncio.Lock()  # two transactions of one key must not take the same nonce

    @classmethod
    def open(cls, escrow: Escrow, key: signing.Key, currency: Address) -> "Relay":
        """Blocks: asks the chain.

        Args:
            currency: an ERC-3009 token, or ETHER to relay nothing.
        Raises:
            ChainError: no such token there, or the chain is away.
        """
        if currency == ETHER:
            return cls(escrow, key, None)
        token = escrow.token(currency)
        log.info("deposits are relayed", currency=token.symbol, wei=escrow.balance(ETHER, key.address))
        return cls(escrow, key, token)

    @property
    def currency(self) -> Token:
        """Raises: NothingRelayed: there is none."""
        if self._currency is None:
            raise NothingRelayed(
                "this coordinator relays no deposits; open the job in the escrow with a wallet of your own"
            )
        return self._currency

    async def balance(self, owner: Address) -> Wei:
        return await asyncio.to_thread(self._escrow.balance, self.currency.domain.token, owner)

    async def deposit(
        self, terms: Terms, amount: Wei, authorisation: Authorisation
    ) -> tuple[JobId, bytes | None]:
        """The job, opened and funded, and the transaction; None if it was open already.

        Raises:
            NotRelayed, NotCovered, NoEther, ChainError.
        """
        self._check(terms)
        job = chain.job_id(terms)
        self._check_signature(terms, job, amount, authorisation)
        tx = await self.send(lambda: self._deposit(terms, job, amount, authorisation))
        log.info("deposit relayed", job=job.hex(), amount=amount, tx=None if tx is None else tx.hex())
        return job, tx

    async def close(
        self, terms: Terms, owed: Wei, signer: Signature, coordinator: Signature
    ) -> tuple[bytes | None, Wei]:
        """The transaction, or None if the escrow was closed already, and what went back to the requester.

        Raises:
            NotRelayed, NoEther, ChainError.
        """
        self.check_currency(terms)
        job = chain.job_id(terms)
        tx = await self.send(lambda: self._escrow.close(terms, owed, signer, coordinator, self._key))
        returned = await asyncio.to_thread(self._escrow.returned, job)
        log.info("close relayed", job=job.hex(), owed=owed, tx=None if tx is None else tx.hex())
        return tx, Wei(sum(part.amount for part in returned))

    async def settle(self) -> None:
        """Sees to what was sent before a kill. If it cannot now, the next transaction will."""
        try:
            await self.send(lambda: self._escrow.settle(self._key))
        except (chain.ChainError, NoEther) as error:
            log.warning("what was relayed before is not settled", reason=str(error))

    def check_currency(self, terms: Terms) -> None:
        """Raises: NotRelayed: the deposit is in another token."""
        if terms.token != self.currency.domain.token:
            raise NotRelayed(
                f"this coordinator relays deposits in {self.currency.symbol} only; use a wallet of your own"
            )

    def _check(self, terms: Terms) -> None:
        self.check_currency(terms)
        if terms.coordinator != self._key.address:
            raise NotRelayed("the terms name another coordinator; ask /v1/about for this one's address")

    def _check_signature(self, terms: Terms, job: JobId, amount: Wei, authorisation: Authorisation) -> None:
        payload = vouchers.deposit_payload(
            self.currency.domain,
            self._escrow.domain.escrow,
            terms.requester,
            job,
            amount,
            authorisation.valid_after,
            authorisation.valid_before,
        )
        if signing.recover(payload, authorisation.signature) != terms.requester:
            raise NotRelayed("the deposit is not signed by the requester that its terms name")

    def _deposit(self, terms: Terms, job: JobId, amount: Wei, authorisation: Authorisation) -> bytes | None:
        """Blocks. A job that is open is looked for first: its deposit is no longer in the account."""
        if self._escrow.account(job).status is not chain.Status.NONE:
            return None
        held = self._escrow.balance(terms.token, terms.requester)
        if held < amount:
            raise NotCovered(
                f"the deposit is {amount} and the account holds {held} units of {self.currency.symbol};"
                " put more into it, or lower the ceiling"
            )
        return self._escrow.open_authorised(terms, amount, authorisation, self._key)

    async def send(self, act: Callable[[], T]) -> T:
        """What blocks and sends transactions with the coordinator's key, one act after the other.

        Raises:
            NoEther, ChainError.
        """
        async with self._one_at_a_time:
            try:
                return await asyncio.to_thread(act)
            except chain.NoGas as error:
                raise NoEther(
                    "the coordinator has no ether to pay for the transaction, so nothing was sent; ask its"
                    f" operator to send some to 0x{self._key.address.hex()}, then try again"
                ) from error
