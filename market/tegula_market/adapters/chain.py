"""Home of web3: the TileEscrow contract as a requester, a coordinator and a worker use it.

Calls block and have a time-out; asyncio programs make them in a thread. Every act is safe to repeat: after a
kill it is simply called again.

Errors are `evm.ChainError` and its kinds.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eth_utils.abi import event_abi_to_log_topic
from web3 import Web3

from tegula_market.adapters import happenings, purse, tokens
from tegula_market.adapters.contract import as_tuple, job_id
from tegula_market.adapters.evm import ChainError, NoGas, Refused, Unreachable, translated
from tegula_market.adapters.evm.cursor import Cursor
from tegula_market.adapters.evm.logs import Filter, Reader
from tegula_market.adapters.evm.sending import Dispatch
from tegula_market.adapters.evm.watching import Changes, Watcher
from tegula_market.adapters.records import Account, Deposit, Payment, Returned, Root, Status
from tegula_market.adapters.rooted import Rooted
from tegula_market.adapters.signing import Key
from tegula_market.adapters.tokens import Token
from tegula_market.model import ETHER, Address, JobId, Signature, SignedVoucher, Terms, Wei
from tegula_market.vouchers import Authorisation

__all__ = [
    "Account",
    "ChainError",
    "Changes",
    "Deposit",
    "Dispatch",
    "Escrow",
    "NoGas",
    "Payment",
    "Refused",
    "Returned",
    "Root",
    "Status",
    "Token",
    "Unreachable",
    "Watcher",
    "job_id",
]


WHOLE_BPS = 10_000
"""Of which an author's part is told."""


class Escrow(Rooted):
    """One TileEscrow contract on one chain."""

    def balance(self, token: Address, owner: Address) -> Wei:
        with translated():
            if token == ETHER:
                return Wei(self._web3.eth.get_balance(Web3.to_checksum_address(owner)))
            return Wei(self._erc20(token).functions.balanceOf(Web3.to_checksum_address(owner)).call())

    def describe(self, token: Address) -> tuple[str, int]:
        """Symbol and decimals of an ERC-20 token, for people to read amounts by."""
        erc20 = self._erc20(token)
        with translated():
            return str(erc20.functions.symbol().call()), int(erc20.functions.decimals().call())

    def token(self, address: Address) -> Token:
        """Raises: Refused: no ERC-20 token there, or none that takes deposits by a signature."""
        return tokens.look(self._web3, address)

    def open(self, terms: Terms, amount: Wei, key: Key) -> bytes | None:
        """Opens and funds the job; None if it is open already.

        Returns:
            The transaction hash.
        Raises:
            ChainError: too little in the wallet, a deadline that has passed, the chain is away.
        """
        if self.account(job_id(terms)).status is not Status.NONE:
            return None
        held = self.balance(terms.token, key.address)
        if held < amount:
            unit = "wei" if terms.token == ETHER else f"units of the token 0x{terms.token.hex()}"
            raise Refused(
                f"the job needs a deposit of {amount} and the wallet 0x{key.address.hex()} has {held} {unit};"
                " fund it, lower --ceiling, or render fewer samples"
            )
        return self._bring(self._contract.functions.open(as_tuple(terms), amount), terms.token, amount, key)

    def open_authorised(
        self, terms: Terms, amount: Wei, authorisation: Authorisation, key: Key
    ) -> bytes | None:
        """As `open`, with the money of a requester that signed for it; None if the job is open already.

        `key` only pays for gas: anyone may relay, and can open no other job with the signature.
        """
        job = job_id(terms)
        if self.account(job).status is not Status.NONE:
            return None
        times = authorisation.valid_after, authorisation.valid_before
        act = self._contract.functions.openWithAuthorization(
            as_tuple(terms), amount, *times, *_vrs(authorisation.signature)
        )
        try:
            return self._send(act, key)
        except Refused:
            # Whoever saw the transaction on its way may have been faster, and opened this very job.
            if self.account(job).status is Status.NONE:
                raise
            return None

    def claim(self, terms: Terms, signed: SignedVoucher, key: Key) -> bytes | None:
        """Pays the voucher's worker what it is ahead of the claims so far; None if that is nothing.

        `key` only pays for gas: anyone may relay a claim, the payee is the voucher's.
        """
        voucher = signed.voucher
        if self.claimed(voucher.job, voucher.worker) >= voucher.cumulative:
            return None
        return self._send(self._claim(terms, signed), key)

    def watcher(self, seen: Path | None = None) -> Watcher:
        """Of what happens to jobs, as `happenings` has it.

        Args:
            seen: a file that remembers how far; it begins with the next block if that is new. None forgets.
        """
        with translated():
            start = self._web3.eth.block_number + 1
        return Watcher(self._web3, Filter(self.domain.escrow, (happenings.TOPICS,)), Cursor(seen), start)

    def claim_jobs(self, claims: Sequence[tuple[Terms, SignedVoucher]], key: Key) -> bytes | None:
        """One worker's vouchers of several jobs in one token, by one transfer; None if all are paid."""
        due = [
            (terms, signed)
            for terms, signed in claims
            if self.claimed(signed.voucher.job, signed.voucher.worker) < signed.voucher.cumulative
        ]
        if not due:
            return None
        (worker,) = {signed.voucher.worker for _, signed in due}
        parts = [
            (as_tuple(terms), each.voucher.cumulative, each.signer_signature, each.coordinator_signature)
            for terms, each in due
        ]
        return self._send(self._contract.functions.claimJobs(Web3.to_checksum_address(worker), parts), key)

    def claim_gas(self, terms: Terms, signed: SignedVoucher, sender: Address) -> int:
        """Units of gas that `claim` takes now."""
        return purse.gas_of(self._claim(terms, signed), sender)

    def gas_price(self) -> Wei:
        """Wei for a unit of gas, now."""
        return purse.gas_price(self._web3)

    def spent(self, tx: bytes) -> Wei:
        """What a transaction that was mined has cost its sender, in wei."""
        return purse.spent(self._web3, tx)

    def transfer_gas(self, token: Address, to: Address, amount: Wei, sender: Address) -> int:
        return purse.transfer_gas(self._web3, token, to, amount, sender)

    def transfer(self, token: Address, to: Address, amount: Wei, key: Key) -> bytes:
        """Moves what the key's own account holds; the escrow has no part in it."""
        return purse.transfer(self._web3, self._sender, token, to, amount, key)

    def close(
        self, terms: Terms, owed: Wei, signer: Signature, coordinator: Signature, key: Key
    ) -> bytes | None:
        """Returns all but `owed` to the requester at once; None if the job is closed already."""
        if not self.account(job_id(terms)).open:
            return None
        return self._send(self._contract.functions.close(as_tuple(terms), owed, signer, coordinator), key)

    def refund(self, terms: Terms, key: Key) -> bytes | None:
        """Returns what was not claimed, after deadline and grace; None if all of that is back.

        What a root reserves returns by another call, once the root has been final for the grace, too.
        """
        job = job_id(terms)
        account = self.account(job)
        if account.status is Status.REFUNDED:
            return None
        root = self.root(job)
        if root and root.reserved and account.funded == account.paid + root.reserved:
            expiry = max(root.final_at, account.deadline) + terms.grace
            if self.time() < expiry:
                return None
        return self._send(self._contract.functions.refund(as_tuple(terms)), key)

    def top_up(self, terms: Terms, amount: Wei, key: Key) -> bytes | None:
        """Raises the deposit to the amount; None if it is as high. Anyone may; the rest is the requester's.

        Raises:
            ChainError: the job is not open, its deadline has passed, the wallet does not hold what lacks.
        """
        lacks = Wei(amount - self.account(job_id(terms)).funded)
        if lacks <= 0:
            return None
        return self._bring(self._contract.functions.topUp(as_tuple(terms), lacks), terms.token, lacks, key)

    def extend(
        self, terms: Terms, deadline: int, signer: Signature, coordinator: Signature, key: Key
    ) -> bytes | None:
        """Moves the deadline to a later one; None if it is as late.

        Args:
            signer, coordinator: signatures of `vouchers.extend_payload`.
        """
        if self.account(job_id(terms)).deadline >= deadline:
            return None
        act = self._contract.functions.extend(as_tuple(terms), deadline, signer, coordinator)
        return self._send(act, key)

    def royalty(self, terms: Terms) -> Wei:
        """The author's part of all payments of the job so far, of which nothing is sent yet."""
        return self._royalty(terms)[1]

    def collect_royalty(self, terms: Terms, key: Key) -> bytes | None:
        """Sends the author its part; None if there is nothing to send. Anyone may relay it."""
        workers, due = self._royalty(terms)
        if not due:
            return None
        return self._send(self._contract.functions.collectRoyalty(as_tuple(terms), workers), key)

    def deposits(self, job: JobId) -> list[Deposit]:
        """What the job was opened with and topped up by, oldest first."""
        return [
            Deposit(Wei(log["args"]["amount"]), bytes(log["transactionHash"]))
            for log in self._logs(job, "Opened", "ToppedUp")
        ]

    def payments(self, job: JobId) -> list[Payment]:
        """Every claim of the job, oldest first."""
        return [
            Payment(
                _address(log["args"]["worker"]), Wei(log["args"]["amount"]), bytes(log["transactionHash"])
            )
            for log in self._logs(job, "Claimed")
        ]

    def returned(self, job: JobId) -> list[Returned]:
        """What the requester got back, by close or refund."""
        return [
            Returned(Wei(log["args"]["returned"]), bytes(log["transactionHash"]))
            for log in self._logs(job, "Closed", "Refunded")
        ]

    def _royalty(self, terms: Terms) -> tuple[list[str], Wei]:
        """The workers that were paid, and the author's part of it of which nothing is sent yet."""
        job = job_id(terms)
        logs = self._logs(job, "Claimed", "RoyaltyPaid")
        workers = sorted({log["args"]["worker"] for log in logs if log["event"] == "Claimed"})
        parts = (self.claimed(job, _address(each)) * terms.author_bps // WHOLE_BPS for each in workers)
        sent = sum(log["args"]["amount"] for log in logs if log["event"] == "RoyaltyPaid")
        return workers, Wei(sum(parts) - sent)

    def _logs(self, job: JobId, *names: str) -> list[Any]:
        """The job's events of these names, oldest first.

        Looks back from now to when the job was opened: a chain can be long, a job is not.
        """
        if self.account(job).status is Status.NONE:
            return []
        known = {self._topic(name): name for name in (*names, "Opened")}
        either = tuple("0x" + topic.hex() for topic in known)
        found: list[Any] = []
        with translated():
            reader = Reader(self._web3, Filter(self.domain.escrow, (either, "0x" + job.hex())))
            for part in reader.backwards(self._web3.eth.block_number):
                found = [*part, *found]
                if any(known[log["topics"][0]] == "Opened" for log in part):
                    break
        named = [(known[log["topics"][0]], log) for log in found]
        return [self._event(name).process_log(log) for name, log in named if name in names]

    def _topic(self, name: str) -> bytes:
        return bytes(event_abi_to_log_topic(self._event(name).abi))

    def _event(self, name: str) -> Any:
        return getattr(self._contract.events, name)()

    def _claim(self, terms: Terms, signed: SignedVoucher) -> Any:
        voucher = signed.voucher
        return self._contract.functions.claim(
            as_tuple(terms),
            Web3.to_checksum_address(voucher.worker),
            voucher.cumulative,
            signed.signer_signature,
            signed.coordinator_signature,
        )


def _vrs(signature: Signature) -> tuple[int, bytes, bytes]:
    return signature[64], signature[:32], signature[32:64]


def _address(text: str) -> Address:
    return Address(bytes.fromhex(text.removeprefix("0x")))
