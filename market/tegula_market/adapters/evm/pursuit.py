"""Follows a transaction until it is mined: reminds nodes of it, and replaces it where its fee is too low."""

import logging
import time
from dataclasses import dataclass
from typing import Any, cast

from web3 import Web3
from web3.exceptions import TransactionNotFound, Web3RPCError
from web3.types import TxReceipt

from tegula_market.adapters.evm import NotMined, TooDear, fees
from tegula_market.adapters.evm.fees import Fees
from tegula_market.adapters.evm.outbox import Outbox, Version
from tegula_market.adapters.signing import Key
from tegula_market.model import MAX_FEE_PER_GAS

FIRST_POLL, LAST_POLL = 0.05, 2.0
"""Seconds between looks for a receipt: a local chain answers at once, others are not to be pestered."""
KNOWN = "already known", "already imported", "known transaction"
UNDERPRICED = "underpriced"
"""What nodes say of a transaction whose nonce is in their pool with a fee as high."""
LASTING = "to", "value", "data", "gas", "nonce"
"""The same in all versions."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Policy:
    """What sending may cost and how long it may take."""

    ceiling: int = MAX_FEE_PER_GAS
    """Most wei for a unit of gas; the programs' settings call it max_fee_per_gas."""
    stuck_blocks: int = 3
    """That passed by without taking it, after which a transaction is replaced,"""
    stuck_seconds: float = 15.0
    """and no sooner than that: some chains have several blocks a second."""
    doubt_seconds: float = 6.0
    """That a nonce is taken, and no receipt of ours there, before it was another's: of several nodes behind
    one URL, the one that is asked for the receipt can lag."""
    patience: float = 180.0
    """Seconds until the program goes on with something else; the outbox remembers."""


class Pursuit:
    """Of the transactions of one key.

    Args:
        chain: its id, and what the outbox knows it by.
    """

    def __init__(self, web3: Web3, chain: tuple[int, str], outbox: Outbox, policy: Policy, key: Key) -> None:
        self._web3 = web3
        self._chain_id, self._chain = chain
        self._outbox = outbox
        self._policy = policy
        self._key = key

    def signed(self, fields: dict[str, Any], offer: Fees) -> Version:
        """Kept in the outbox; not sent yet."""
        whole = {**fields, "chainId": self._chain_id, **offer.fields}
        signed = self._key.account.sign_transaction(whole)
        version = Version(bytes(signed.hash), whole, bytes(signed.raw_transaction))
        self._outbox.keep(self._chain, self._key.address, version)
        return version

    def broadcast(self, version: Version) -> None:
        """Raises: Web3RPCError: the node does not take it, and does not have it either."""
        try:
            self._web3.eth.send_raw_transaction(version.raw)
        except Web3RPCError as error:
            if not any(words in str(error).lower() for words in KNOWN):
                raise

    def offer(self) -> Fees:
        """Raises: TooDear."""
        price = fees.price(self._web3)
        if price.now > self._policy.ceiling:
            raise TooDear(
                f"a unit of gas costs {price.now} wei now, more than your ceiling of {self._policy.ceiling};"
                " nothing was sent. Wait until it is cheaper, or raise max_fee_per_gas"
            )
        return Fees(min(price.fees.most, self._policy.ceiling), price.fees.tip)

    def receipt(self, versions: list[Version]) -> TxReceipt | None:
        for version in versions:
            try:
                return self._web3.eth.get_transaction_receipt(cast("Any", version.hash))
            except TransactionNotFound:
                continue
        return None

    def next_nonce(self, block: str = "latest") -> int:
        return int(self._web3.eth.get_transaction_count(self._key.account.address, cast("Any", block)))

    def wait(self, versions: list[Version]) -> TxReceipt | None:
        """Until one of them is mined; None if the nonce went to another transaction, and they are dropped.

        Raises:
            NotMined: it takes too long; they are kept.
        """
        began = since = time.monotonic()
        head, poll = self._web3.eth.block_number, FIRST_POLL
        doubted: float | None = None
        while True:
            taken = (
                self.next_nonce() > versions[0].fields["nonce"]
            )  # before the receipt, or it proves nothing
            receipt = self.receipt(versions)
            if receipt is not None:
                self._outbox.mark(self._chain, versions, receipt["blockNumber"])
                return receipt
            now, height = time.monotonic(), self._web3.eth.block_number
            doubted = (doubted or now) if taken else None
            if doubted is not None and now - doubted >= self._policy.doubt_seconds:
                self._outbox.drop(self._chain, versions)
                return None
            if now - began >= self._policy.patience:
                raise NotMined(
                    f"the transaction {versions[-1].name} is in no block after {self._policy.patience:.0f}"
                    " seconds; it is kept and followed. Try again, which sends it no second time"
                )
            stuck = height - head >= self._policy.stuck_blocks and now - since >= self._policy.stuck_seconds
            if stuck and not taken:
                versions = self._replaced(versions)
                since, head = now, height
            time.sleep(poll)
            poll = min(poll * 1.5, LAST_POLL)

    def remind(self, versions: list[Version]) -> None:
        """Nodes forget. What they say is left aside: the receipt, or its absence, tells all."""
        for version in versions:
            try:
                self.broadcast(version)
            except Web3RPCError as error:
                log.debug("the node on a transaction sent again: %s", error)

    def _replaced(self, versions: list[Version]) -> list[Version]:
        """With one more version, at a higher fee; as they were, and sent again, at the ceiling."""
        offer, last = _fees_of(versions[-1]), versions[-1]
        while True:
            offer = offer.raised(fees.price(self._web3))
            if offer.most > self._policy.ceiling:
                log.warning(
                    "the transaction %s waits: a replacement would offer %d wei for a unit of gas, more than"
                    " your ceiling of %d; wait until gas is cheaper, or raise max_fee_per_gas",
                    last.name,
                    offer.most,
                    self._policy.ceiling,
                )
                self.remind(versions)
                return versions
            version = self.signed({name: last.fields[name] for name in LASTING}, offer)
            try:
                self.broadcast(version)
            except Web3RPCError as error:
                self._outbox.drop(self._chain, [version])
                if UNDERPRICED in str(error).lower():  # a node that wants more
                    continue
                if is_about_nonce(error):  # one of them was mined meanwhile
                    return versions
                raise
            log.warning("the transaction %s was not mined, and is replaced by %s", last.name, version.name)
            return [*versions, version]


def is_about_nonce(error: Web3RPCError) -> bool:
    said = str(error).lower()
    return "nonce" in said or UNDERPRICED in said


def _fees_of(version: Version) -> Fees:
    fields = version.fields
    if "gasPrice" in fields:
        return Fees(fields["gasPrice"], None)
    return Fees(fields["maxFeePerGas"], fields["maxPriorityFeePerGas"])
