"""Home of web3's plumbing: connecting, and saying in words what went wrong; its modules send and watch.

TegulaError
└── ChainError         the chain cannot be reached, or says no; the message says what to do
    ├── Unreachable    no answer from the RPC URL, or no escrow at the address
    ├── NotMined       sent and kept, but in no block yet
    ├── TooDear        gas costs more than the owner's ceiling
    ├── NonceTaken     another program sends with the same key
    └── Refused        the contract reverted, or the wallet cannot pay
        └── NoGas      the wallet cannot pay for the transaction itself
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import resources
from typing import Any

from eth_utils.crypto import keccak
from requests.exceptions import RequestException
from web3 import HTTPProvider, Web3
from web3.exceptions import (
    ContractCustomError,
    ContractLogicError,
    Web3Exception,
    Web3RPCError,
)
from web3.middleware import ExtraDataToPOAMiddleware

from tegula_market.model import TegulaError

RPC_SECONDS = 20
POOR = "insufficient funds", "cannot afford"
"""What geth and anvil, and py-evm, say of a wallet that cannot pay for gas."""
SENTENCES = {
    "NotOpen": "the escrow has no open job of these terms; it was never opened, or is closed already",
    "AlreadyOpen": "a job of these terms is open already; use another salt",
    "DeadlinePassed": "the deadline has passed; order again with a later one",
    "BadTerms": "the terms could cheat somebody: they want two different keys, an arbiter that is no party"
    " and has a window, a grace of four windows, and an author with a part of at most a tenth or none",
    "WrongValue": "the ether sent with the deposit is not its amount",
    "NotRequester": "only the requester that the terms name can do this",
    "TooEarly": "it is too early: deadline and grace, or a window, have to pass first; a job can be closed"
    " at once",
    "TooLate": "the window for this has passed",
    "NotLater": "a deadline can only be moved to a later time",
    "BadSignerSignature": "the requester's session key has not signed this",
    "BadCoordinatorSignature": "the coordinator has not signed this",
    "Overdrawn": "the deposit does not cover this",
    "InexactTransfer": "the token did not move the exact amount; tokens that keep a fee cannot be used",
    "NotCoordinator": "only the coordinator that the terms name can do this",
    "NotArbiter": "only the arbiter that the terms name can do this",
    "NoRootHere": "the job has no arbiter and so no roots, or none yet, or has one already",
    "BadProof": "the job's root says nothing of the kind",
    "AlreadyDisputed": "the root is disputed already",
    "NotDisputed": "the root is not disputed, or the arbiter's time is over",
    "NotAccused": "the worker has been paid what it was promised",
    "MixedTokens": "jobs in different tokens cannot be claimed together",
    "NothingHeld": "nothing is kept there",
    "NotTaken": "the payee does not take the payment; have it sent to another address",
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


class NotMined(ChainError):
    """Sent, and in no block yet; it is kept, and followed by whoever sends next."""


class TooDear(ChainError):
    """Gas costs more than the owner of the key wants to pay; nothing was sent."""


class NonceTaken(ChainError):
    """Another program sends with the same key, and was faster; nothing was carried out."""


class Refused(ChainError):
    """The contract reverted."""


class NoGas(Refused):
    """The wallet that sends the transaction cannot pay for it."""


def connect(rpc_url: str) -> Web3:
    """Raises: Unreachable: nobody answers there."""
    web3 = Web3(HTTPProvider(rpc_url, request_kwargs={"timeout": RPC_SECONDS}))
    # Chains of authorities have blocks with more extra data than Ethereum allows, which web3 refuses to read.
    web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
    # It asks for the chain's id before every call, to compare it with what a transaction names. Ours are
    # signed for their chain, and a worker looks at the deposit before each tile.
    web3.middleware_onion.remove("validation")
    # A contract can answer that the rest is to be had from a URL (EIP-3668), and web3 would ask there: any
    # stranger's token or wallet could send this program to hosts of its choice, for minutes.
    web3.provider.global_ccip_read_enabled = False
    with translated():
        _ = web3.eth.chain_id
    return web3


@cache
def artifact(name: str) -> dict[str, Any]:
    """ABI and bytecode, committed beside this package and proved equal to contracts/src by `make lint`."""
    text = resources.files("tegula_market.adapters").joinpath("artifacts", f"{name}.json").read_text()
    made: dict[str, Any] = json.loads(text)
    return made


@contextmanager
def translated() -> Iterator[None]:
    """Turns web3's errors into ChainErrors."""
    try:
        yield
    except RequestException as error:
        raise Unreachable(f"the chain does not answer; is its RPC URL right? ({_kind(error)})") from error
    except ContractCustomError as error:
        raise Refused(_sentence(str(error.data))) from error
    except ContractLogicError as error:
        raise Refused(f"the chain did not take the transaction: {error}") from error
    except Web3RPCError as error:
        if any(words in str(error).lower() for words in POOR):
            raise NoGas("the wallet cannot pay for the transaction's gas; send it some ether") from error
        raise ChainError(f"the chain says: {error}") from error
    except Web3Exception as error:
        raise ChainError(f"the chain's answer makes no sense: {error}") from error


def _kind(error: RequestException) -> str:
    """Without the error's own words: they quote the URL, which has a provider's key in it."""
    return type(error).__name__ if error.response is None else f"status {error.response.status_code}"


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
