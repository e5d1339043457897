"""Tokens as they are met: those of today, those from before ERC-5267, and what is none."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

import pytest
from eth_abi.abi import encode
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak
from web3 import Web3
from web3.types import TxParams

from tegula_market.adapters import devchain, evm, tokens
from tegula_market.adapters.devchain import DevChain
from tegula_market.adapters.evm import Refused
from tegula_market.adapters.evm.sending import transact
from tegula_market.adapters.tokens import Token
from tegula_market.model import Address, JobId, Wei
from tegula_market.vouchers import TokenDomain, deposit_payload

pytestmark = pytest.mark.slow

NAME, VERSION = "USD Coin", "2"


@pytest.fixture(scope="module")
def local() -> Iterator[DevChain]:
    with devchain.devchain() as running:
        yield running


@pytest.fixture(scope="module")
def web3(local: DevChain) -> Web3:
    return evm.connect(local.rpc)


def test_a_token_of_today_tells_its_domain(local: DevChain, web3: Web3) -> None:
    domain = TokenDomain("Tegula test dollar", "1", local.chain_id, local.dollar)
    assert tokens.look(web3, local.dollar) == Token(domain, "tUSD", 6)


def older(web3: Web3, local: DevChain, **changes: bytes | None) -> Address:
    """A contract that answers as USDC does: name, version and separator, and no ERC-5267."""
    address = _next_address(web3, local)
    answers = {
        "name()": encode(["string"], [NAME]),
        "version()": encode(["string"], [VERSION]),
        "symbol()": encode(["string"], ["USDC"]),
        "decimals()": encode(["uint8"], [6]),
        "authorizationState(address,bytes32)": encode(["bool"], [False]),
        "DOMAIN_SEPARATOR()": _separator(TokenDomain(NAME, VERSION, local.chain_id, address)),
    }
    changed = {**answers, **{f"{name}()": answer for name, answer in changes.items()}}
    told = {question: answer for question, answer in changed.items() if answer is not None}
    assert _put(web3, local, told) == address
    return address


def test_an_older_token_is_known_by_name_version_and_separator(local: DevChain, web3: Web3) -> None:
    address = older(web3, local)
    domain = TokenDomain(NAME, VERSION, local.chain_id, address)
    assert tokens.look(web3, address) == Token(domain, "USDC", 6)


def test_a_name_that_nothing_is_signed_by_is_refused(local: DevChain, web3: Web3) -> None:
    """The name of a token is sometimes not the one in its domain: every signature would be for nothing."""
    with pytest.raises(Refused, match="does not tell"):
        tokens.look(web3, older(web3, local, name=encode(["string"], ["Bridged USD Coin"])))
    salted = encode(
        ["bytes1", "string", "string", "uint256", "address", "bytes32", "uint256[]"],
        [b"\x1f", NAME, VERSION, 1, "0x" + "00" * 20, bytes(32), []],
    )
    with pytest.raises(Refused, match="does not tell"):
        tokens.look(web3, older(web3, local, eip712Domain=salted))


def test_what_knows_no_authorisations_is_refused(local: DevChain, web3: Web3) -> None:
    nobody = Address(b"\x09" * 20)
    plain = _put(web3, local, {"name()": encode(["string"], [NAME])})
    nameless = older(web3, local, version=None)
    for address in (local.escrow, plain, nameless, nobody):
        with pytest.raises(Refused, match="ERC-3009"):
            tokens.look(web3, address)


def _separator(domain: TokenDomain) -> bytes:
    """From a whole payload, by eth-account: not as the adapter computes it."""
    nobody = Address(bytes(20))
    payload = deposit_payload(domain, nobody, nobody, JobId(bytes(32)), Wei(0), 0, 0)
    return bytes(encode_typed_data(full_message=payload).header)


def _next_address(web3: Web3, local: DevChain) -> Address:
    sender = local.key(4).address
    nonce = web3.eth.get_transaction_count(Web3.to_checksum_address(sender))
    short = b"" if nonce == 0 else bytes([nonce])
    assert nonce < 128
    rlp = b"\x94" + sender + (short or b"\x80")
    return Address(bytes(keccak(bytes([0xC0 + len(rlp)]) + rlp))[-20:])


def _put(web3: Web3, local: DevChain, answers: Mapping[str, bytes]) -> Address:
    """Puts a contract on the chain that has one fixed answer to each question, and reverts at others."""
    code = _phrasebook(answers)
    # PUSH2 size, DUP1, PUSH1 10, PUSH0, CODECOPY, PUSH0, RETURN: what puts the rest on the chain
    init = _push(len(code)) + bytes.fromhex("80600a5f395ff3") + code

    def build(transaction: TxParams) -> TxParams:
        price: dict[str, Any] = {"gas": 2_000_000, "gasPrice": web3.eth.gas_price, "chainId": local.chain_id}
        return cast("TxParams", {**transaction, **price, "data": init})

    made = transact(web3, build, local.key(4))["contractAddress"]
    assert made is not None
    return Address(bytes.fromhex(made[2:]))


def _phrasebook(answers: Mapping[str, bytes]) -> bytes:
    """For each question: compare the selector, and return the answer, which stands behind the code."""
    head, end, step = bytes.fromhex("5f3560e01c"), bytes.fromhex("5f5ffd"), 26  # load the selector; revert
    code, data = head, b""
    for question, answer in answers.items():
        past, at = len(code) + step - 1, len(head) + step * len(answers) + len(end) + len(data)
        # DUP1, PUSH4 selector, EQ, ISZERO, PUSH2 past, JUMPI
        code += b"\x80\x63" + bytes(keccak(text=question))[:4] + b"\x14\x15" + _push(past) + b"\x57"
        # PUSH2 size, PUSH2 at, PUSH0, CODECOPY, PUSH2 size, PUSH0, RETURN, JUMPDEST
        code += _push(len(answer)) + _push(at) + b"\x5f\x39" + _push(len(answer)) + b"\x5f\xf3\x5b"
        data += answer
    return code + end + data


def _push(value: int) -> bytes:
    return b"\x61" + value.to_bytes(2, "big")
