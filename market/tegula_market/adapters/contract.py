"""The TileEscrow contract as all who use it see it: what it holds, and how transactions are sent to it."""

from typing import Any, Self

from eth_abi.abi import encode as abi_encode
from eth_utils.crypto import keccak
from web3 import Web3

from tegula_market.adapters import signing
from tegula_market.adapters.evm import Unreachable, artifact, connect, translated
from tegula_market.adapters.evm.sending import Dispatch, Sender
from tegula_market.adapters.genuine import is_tile_escrow
from tegula_market.adapters.records import Account, Status
from tegula_market.adapters.signing import Key
from tegula_market.adapters.tokens import SILENT
from tegula_market.model import ETHER, Address, JobId, Terms, Voucher, Wei
from tegula_market.vouchers import Domain, voucher_payload

TERMS_TYPE = "(address,address,address,address,address,address,uint16,uint40,uint32,uint32,bytes32)"
ERC_1271 = {
    "type": "function",
    "name": "isValidSignature",
    "stateMutability": "view",
    "inputs": [{"name": "hash", "type": "bytes32"}, {"name": "signature", "type": "bytes"}],
    "outputs": [{"name": "magicValue", "type": "bytes4"}],
}
VALID = bytes.fromhex("1626ba7e")
"""What an account that is a contract says to a signature of its own."""


def job_id(terms: Terms) -> JobId:
    """keccak256 of the ABI-encoded terms, as TileEscrow.jobId computes it."""
    return JobId(bytes(keccak(abi_encode([TERMS_TYPE], [as_tuple(terms)]))))


def as_tuple(terms: Terms) -> tuple[object, ...]:
    parties = (terms.requester, terms.signer, terms.coordinator, terms.arbiter, terms.token, terms.author)
    numbers = (terms.author_bps, terms.deadline, terms.window, terms.grace)
    return (*map(Web3.to_checksum_address, parties), *numbers, terms.salt)


class Contract:
    """
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
    def connect(cls, rpc_url: str, address: Address, dispatch: Dispatch | None = None) -> Self:
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

    def approves(self, account: Address, digest: bytes, signature: bytes) -> bool:
        """Whether an account that is a contract takes a signature for its own (ERC-1271)."""
        wallet = self._web3.eth.contract(Web3.to_checksum_address(account), abi=[ERC_1271])
        with translated():
            try:
                answer = wallet.functions.isValidSignature(digest, signature).call()
            except SILENT:  # it refuses, it knows no such question, or there is no contract
                return False
        return bytes(answer) == VALID

    def time(self) -> int:
        """Unix seconds of the newest block: what windows and graces are counted by."""
        with translated():
            return self._web3.eth.get_block("latest")["timestamp"]

    def account(self, job: JobId) -> Account:
        with translated():
            funded, paid, deadline, status, rooted = self._contract.functions.account(job).call()
        return Account(Wei(funded), Wei(paid), Status(status), deadline, rooted)

    def claimed(self, job: JobId, worker: Address) -> Wei:
        """What the worker has been paid of this job so far."""
        with translated():
            return Wei(self._contract.functions.claimed(job, Web3.to_checksum_address(worker)).call())

    def _approve(self, token: Address, amount: Wei, key: Key) -> None:
        """Unless it was done before a kill."""
        spender, asks = Web3.to_checksum_address(self.domain.escrow), self._erc20(token).functions
        with translated():
            allowed = asks.allowance(key.account.address, spender).call()
        if allowed < amount:
            self._send(asks.approve(spender, amount), key)

    def _erc20(self, token: Address) -> Any:
        return self._web3.eth.contract(Web3.to_checksum_address(token), abi=artifact("DevDollar")["abi"])

    def _send(self, act: Any, key: Key, value: int = 0) -> bytes:
        return bytes(self._sender.send(act.build_transaction, key, value)["transactionHash"])

    def _bring(self, act: Any, token: Address, amount: Wei, key: Key) -> bytes:
        """Sends what takes an amount with it."""
        if token != ETHER:
            self._approve(token, amount, key)
        return self._send(act, key, amount if token == ETHER else 0)
