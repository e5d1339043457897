"""Home of web3: the TileEscrow contract as a requester, a coordinator and a worker use it.

Calls block and have a time-out; asyncio programs make them in a thread. Every act is safe to repeat: after a
kill it is simply called again.

Errors are `evm.ChainError` and its kinds.
"""

from typing import Any

from eth_abi.abi import encode as abi_encode
from eth_utils.abi import event_abi_to_log_topic
from eth_utils.crypto import keccak
from web3 import Web3

from tegula_market.adapters import purse, signing, tokens
from tegula_market.adapters.evm import (
    ChainError,
    NoGas,
    Refused,
    Unreachable,
    artifact,
    connect,
    translated,
)
from tegula_market.adapters.evm.logs import Filter, Reader
from tegula_market.adapters.evm.outbox import Outbox
from tegula_market.adapters.evm.sending import Dispatch, Policy, Sender
from tegula_market.adapters.genuine import is_tile_escrow
from tegula_market.adapters.records import Account, Payment, Returned, Status
from tegula_market.adapters.signing import Key
from tegula_market.adapters.tokens import Token
from tegula_market.model import ETHER, Address, JobId, Signature, SignedVoucher, Terms, Voucher, Wei
from tegula_market.vouchers import Authorisation, Domain, voucher_payload

__all__ = [
    "Account",
    "ChainError",
    "Dispatch",
    "Escrow",
    "NoGas",
    "Outbox",
    "Payment",
    "Policy",
    "Refused",
    "Returned",
    "Status",
    "Token",
    "Unreachable",
    "job_id",
]

TERMS_TYPE = "(address,address,address,address,address,address,uint16,uint40,uint32,uint32,bytes32)"


def job_id(terms: Terms) -> JobId:
    """keccak256 of the ABI-encoded terms, as TileEscrow.jobId computes it."""
    return JobId(bytes(keccak(abi_encode([TERMS_TYPE], [_terms(terms)]))))


class Escrow:
    """One TileEscrow contract on one chain.

    Args:
        dispatch: where transactions are kept until they are final, and what they may cost.
    """

    def __init__(self, web3: Web3, address: Address, dispatch: Dispatch | None = None) -> None:
        self._web3 = web3
        self._sender = Sender(web3, dispatch)
        self._contract = web3.eth.contract(
            Web3.to_checksum_address(address), abi=artifact("TileEscrow")["abi"]
        )
        self.domain = Domain(web3.eth.chain_id, address)

    @classmethod
    def connect(cls, rpc_url: str, address: Address, dispatch: Dispatch | None = None) -> "Escrow":
        """Raises: Unreachable: no chain there, or no contract at the address."""
        web3 = connect(rpc_url)
        with translated():
            if not web3.eth.get_code(Web3.to_checksum_address(address)):
                raise Unreachable(f"there is no contract at 0x{address.hex()} on the chain of {rpc_url}")
            return cls(web3, address, dispatch)

    def settle(self, key: Key) -> None:
        """Sees to what the key sent before a kill, or before the chain was reorganised.

        Raises:
            ChainError: it cannot be seen to now; it is kept.
        """
        self._sender.settle(key)

    def genuine(self) -> bool:
        """Whether this is the escrow that this package was built with, and takes what is signed for it."""
        if not is_tile_escrow(self._web3, self.domain.escrow):
            return False
        probe = Voucher(JobId(bytes(32)), ETHER, Wei(0))
        ask = self._contract.functions.voucherDigest(bytes(32), Web3.to_checksum_address(ETHER), 0)
        with translated():
            return bytes(ask.call()) == signing.hash_of(voucher_payload(self.domain, probe))

    def account(self, job: JobId) -> Account:
        with translated():
            funded, paid, _, status, _ = self._contract.functions.account(job).call()
        return Account(Wei(funded), Wei(paid), Status(status))

    def claimed(self, job: JobId, worker: Address) -> Wei:
        """What the worker has been paid of this job so far."""
        with translated():
            return Wei(self._contract.functions.claimed(job, Web3.to_checksum_address(worker)).call())

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
        if terms.token != ETHER:
            self._approve(terms.token, amount, key)
        value = amount if terms.token == ETHER else 0
        return self._send(self._contract.functions.open(_terms(terms), amount), key, value)

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
            _terms(terms), amount, *times, *_vrs(authorisation.signature)
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
        return self._send(self._contract.functions.close(_terms(terms), owed, signer, coordinator), key)

    def refund(self, terms: Terms, key: Key) -> bytes:
        """Returns what was not claimed, after deadline and grace."""
        return self._send(self._contract.functions.refund(_terms(terms)), key)

    def payments(self, job: JobId) -> list[Payment]:
        """Every claim of the job, oldest first."""
        return [
            Payment(
                _address(log["args"]["worker"]), Wei(log["args"]["amount"]), bytes(log["transactionHash"])
            )
            for log in self._logs("Claimed", job)
        ]

    def returned(self, job: JobId) -> list[Returned]:
        """What the requester got back, by close or refund."""
        return [
            Returned(Wei(log["args"]["returned"]), bytes(log["transactionHash"]))
            for name in ("Closed", "Refunded")
            for log in self._logs(name, job)
        ]

    def _approve(self, token: Address, amount: Wei, key: Key) -> None:
        """Unless it was done before a kill."""
        spender, asks = Web3.to_checksum_address(self.domain.escrow), self._erc20(token).functions
        with translated():
            allowed = asks.allowance(key.account.address, spender).call()
        if allowed < amount:
            self._send(asks.approve(spender, amount), key)

    def _logs(self, name: str, job: JobId) -> list[Any]:
        """Looks back from now to when the job was opened: a chain can be long, a job is not."""
        if self.account(job).status is Status.NONE:
            return []
        event, opened = (getattr(self._contract.events, each)() for each in (name, "Opened"))
        kind, first = (bytes(event_abi_to_log_topic(each.abi)) for each in (event, opened))
        either = "0x" + kind.hex(), "0x" + first.hex()
        found: list[Any] = []
        with translated():
            reader = Reader(self._web3, Filter(self.domain.escrow, (either, "0x" + job.hex())))
            for part in reader.backwards(self._web3.eth.block_number):
                found = [*part, *found]
                if any(log["topics"][0] == first for log in part):
                    break
        return [event.process_log(log) for log in found if log["topics"][0] == kind]

    def _erc20(self, token: Address) -> Any:
        return self._web3.eth.contract(Web3.to_checksum_address(token), abi=artifact("DevDollar")["abi"])

    def _claim(self, terms: Terms, signed: SignedVoucher) -> Any:
        voucher = signed.voucher
        return self._contract.functions.claim(
            _terms(terms),
            Web3.to_checksum_address(voucher.worker),
            voucher.cumulative,
            signed.signer_signature,
            signed.coordinator_signature,
        )

    def _send(self, act: Any, key: Key, value: int = 0) -> bytes:
        return bytes(self._sender.send(act.build_transaction, key, value)["transactionHash"])


def _terms(terms: Terms) -> tuple[object, ...]:
    parties = (terms.requester, terms.signer, terms.coordinator, terms.arbiter, terms.token, terms.author)
    numbers = (terms.author_bps, terms.deadline, terms.window, terms.grace)
    return (*map(Web3.to_checksum_address, parties), *numbers, terms.salt)


def _vrs(signature: Signature) -> tuple[int, bytes, bytes]:
    return signature[64], signature[:32], signature[32:64]


def _address(text: str) -> Address:
    return Address(bytes.fromhex(text.removeprefix("0x")))
