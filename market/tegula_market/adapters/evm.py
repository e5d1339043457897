"""Home of web3's plumbing: connecting, sending a transaction, deploying, and saying in words what went wrong.

TegulaError
└── ChainError         the chain cannot be reached, or says no; the message says what to do
    ├── Unreachable    no answer from the RPC URL, or no escrow at the address
    └── Refused        the contract reverted, or the wallet cannot pay
        └── NoGas      the wallet cannot pay for the transaction itself
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import resources
from typing import Any, cast

from eth_utils.crypto import keccak
from requests.exceptions import RequestException
from web3 import HTTPProvider, Web3
from web3.exceptions import (
    ContractCustomError,
    ContractLogicError,
    TimeExhausted,
    Web3Exception,
    Web3RPCError,
)
from web3.types import TxParams, TxReceipt, Wei

from tegula_market.adapters.signing import Key
from tegula_market.model import Address, TegulaError

RPC_SECONDS = 20
RECEIPT_SECONDS = 180
"""Longest wait for a transaction to be mined."""
POLL_SECONDS = 0.05
POOR = "insufficient funds", "cannot afford"
"""What geth and anvil, and py-evm, say of a wallet that cannot pay for gas."""
SENTENCES = {
    "NotOpen": "the escrow has no open job of these terms; it was never opened, or is closed already",
    "AlreadyOpen": "a job of these terms is open already; use another salt",
    "DeadlinePassed": "the deadline has passed; order again with a later one",
    "BadTerms": "the terms name no session key or no coordinator, or one key as both",
    "WrongValue": "the ether sent with the deposit is not its amount",
    "NotRequester": "only the requester that the terms name can open the job",
    "TooEarly": "the deposit can be refunded only after deadline and grace; close the job instead",
    "BadSignerSignature": "the requester's session key has not signed this",
    "BadCoordinatorSignature": "the coordinator has not signed this",
    "Overdrawn": "the deposit does not cover this",
    "InexactTransfer": "the token did not move the exact amount; tokens that keep a fee cannot be used",
    "NotAuthorizable": "only an amount of an ERC-20 token can be deposited by a signature; ether cannot",
}
TOKEN_SENTENCES = {
    "ERC20InsufficientBalance": "the account does not hold the deposit",
    "ERC3009InvalidSignature": "the deposit is not signed by its requester, or was signed for other terms",
    "ERC3009InvalidAuthorizationTime": "the signature under the deposit is not good at this time; sign again",
    "ERC3009UsedAuthorization": "the signature under the deposit was used or taken back; order again",
}
"""Of tokens that know authorisations; those older than custom errors say it in words of their own."""


class ChainError(TegulaError):
    """The chain cannot be reached, or says no."""


class Unreachable(ChainError):
    """No answer from the RPC URL, or no escrow at the address."""


class Refused(ChainError):
    """The contract reverted."""


class NoGas(Refused):
    """The wallet that sends the transaction cannot pay for it."""


def connect(rpc_url: str) -> Web3:
    """Raises: Unreachable: nobody answers there."""
    web3 = Web3(HTTPProvider(rpc_url, request_kwargs={"timeout": RPC_SECONDS}))
    with translated():
        _ = web3.eth.chain_id
    return web3


def transact(web3: Web3, build: Callable[[TxParams], TxParams], key: Key, value: int = 0) -> TxReceipt:
    """Signs here, sends, and waits until the transaction is mined.

    Raises:
        ChainError: it reverted, was not mined in time, or the chain is away.
    """
    with translated():
        sender = key.account.address
        nonce = web3.eth.get_transaction_count(sender, "pending")
        transaction = build({"from": sender, "nonce": nonce, "value": Wei(value)})
        signed = key.account.sign_transaction(cast("dict[str, Any]", transaction))
        sent = web3.eth.send_raw_transaction(signed.raw_transaction)
        receipt = web3.eth.wait_for_transaction_receipt(sent, RECEIPT_SECONDS, POLL_SECONDS)
    if receipt["status"] != 1:
        raise Refused(f"the transaction {sent.to_0x_hex()} reverted")
    return receipt


def deploy(web3: Web3, name: str, key: Key, *arguments: object) -> Address:
    """Puts the contract of a committed artifact on the chain."""
    made = artifact(name)
    factory = web3.eth.contract(abi=made["abi"], bytecode=made["bytecode"])
    receipt = transact(web3, factory.constructor(*arguments).build_transaction, key)
    address = receipt["contractAddress"]
    assert address is not None
    return Address(bytes.fromhex(address.removeprefix("0x")))


@cache
def artifact(name: str) -> dict[str, Any]:
    """ABI and bytecode, committed beside this module and proved equal to contracts/src by `make lint`."""
    text = resources.files(__package__).joinpath("artifacts", f"{name}.json").read_text()
    made: dict[str, Any] = json.loads(text)
    return made


@contextmanager
def translated() -> Iterator[None]:
    """Turns web3's errors into ChainErrors."""
    try:
        yield
    except RequestException as error:
        raise Unreachable(f"the chain does not answer; is its RPC URL right? ({error})") from error
    except ContractCustomError as error:
        raise Refused(_sentence(str(error.data))) from error
    except (ContractLogicError, TimeExhausted) as error:
        raise Refused(f"the chain did not take the transaction: {error}") from error
    except Web3RPCError as error:
        if any(words in str(error).lower() for words in POOR):
            raise NoGas("the wallet cannot pay for the transaction's gas; send it some ether") from error
        raise ChainError(f"the chain says: {error}") from error
    except Web3Exception as error:
        raise ChainError(f"the chain's answer makes no sense: {error}") from error


def _sentence(data: str) -> str:
    name = _error_names().get(data[:10], data[:10])
    return (SENTENCES | TOKEN_SENTENCES).get(name, f"the escrow refused: {name}")


@cache
def _error_names() -> dict[str, str]:
    """Custom errors of the escrow and of tokens, which it passes on, by selector."""
    known = [*artifact("DevDollar")["abi"], *artifact("TileEscrow")["abi"]]
    return {_selector(entry): entry["name"] for entry in known if entry["type"] == "error"}


def _selector(entry: dict[str, Any]) -> str:
    kinds = ",".join(argument["type"] for argument in entry["inputs"])
    return "0x" + keccak(text=f"{entry['name']}({kinds})")[:4].hex()
