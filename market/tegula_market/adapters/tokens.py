"""ERC-20 tokens that take deposits by a signature (ERC-3009): how people read them, and how they sign."""

from dataclasses import dataclass
from typing import Any

from eth_abi.abi import encode as abi_encode
from eth_utils.crypto import keccak
from web3 import Web3
from web3.exceptions import BadFunctionCallOutput, ContractLogicError

from tegula_market.adapters.evm import Refused, artifact, translated
from tegula_market.model import Address
from tegula_market.vouchers import TokenDomain

NAME_VERSION_CHAIN_CONTRACT = b"\x0f"
"""The fields of a domain that are signed, as ERC-5267 counts them."""
DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
OLDER = {
    "type": "function",
    "name": "version",
    "stateMutability": "view",
    "inputs": [],
    "outputs": [{"type": "string"}],
}
"""What tokens from before ERC-5267 tell of their domain besides, USDC among them."""
SILENT = ContractLogicError, BadFunctionCallOutput
"""What comes of a question that a contract does not know."""


@dataclass(frozen=True, slots=True)
class Token:
    domain: TokenDomain
    symbol: str
    decimals: int


def look(web3: Web3, address: Address) -> Token:
    """Raises: Refused: no ERC-20 token there, or none that takes deposits by a signature."""
    contract = web3.eth.contract(
        Web3.to_checksum_address(address), abi=[*artifact("DevDollar")["abi"], OLDER]
    )
    asks = contract.functions
    with translated():
        try:
            asks.authorizationState(contract.address, bytes(32)).call()
            domain = _domain(asks, web3.eth.chain_id, address)
            return Token(domain, str(asks.symbol().call()), int(asks.decimals().call()))
        except SILENT as error:
            raise Refused(
                f"0x{address.hex()} is no token that takes deposits by a signature (ERC-3009); USDC is one"
            ) from error


def _domain(asks: Any, chain_id: int, address: Address) -> TokenDomain:
    try:
        fields, name, version, *_ = asks.eip712Domain().call()
    except SILENT:
        domain = TokenDomain(asks.name().call(), asks.version().call(), chain_id, address)
        as_expected = asks.DOMAIN_SEPARATOR().call() == _separator(domain)
    else:
        domain = TokenDomain(name, version, chain_id, address)
        as_expected = fields == NAME_VERSION_CHAIN_CONTRACT
    if not as_expected:
        raise Refused(f"the token 0x{address.hex()} signs by a name that it does not tell; choose another")
    return domain


def _separator(domain: TokenDomain) -> bytes:
    words = (*(keccak(text=text) for text in (DOMAIN_TYPE, domain.name, domain.version)), domain.chain_id)
    kinds = ["bytes32", "bytes32", "bytes32", "uint256", "address"]
    return bytes(keccak(abi_encode(kinds, [*words, Web3.to_checksum_address(domain.token)])))
