"""EIP-712 payloads: what is signed in the market, spelled for any Ethereum wallet or library.

A payload is the full typed-data message that `eth_signTypedData_v4` takes. Hashing and signing need keccak
and secp256k1, which the standard library lacks: `adapters.signing` does them. Values are checked here,
because encoders pad a bytes32 that is too short without a word and so sign something else.
"""

from dataclasses import dataclass
from typing import Any

from tegula_market.codec import MAX_WEI
from tegula_market.model import Address, Digest, InvalidValue, JobId, Signature, Voucher, Wei, WorkerId

NAME, VERSION = "TileEscrow", "1"
"""Of the EIP-712 domain, as the contract's constructor has them."""

Payload = dict[str, Any]

MAX_TIME = 2**47 - 1
"""Of an authorisation, in Unix seconds. Some tokens read greater values as numbers of blocks."""

_DOMAIN_FIELDS = [
    {"name": "name", "type": "string"},
    {"name": "version", "type": "string"},
    {"name": "chainId", "type": "uint256"},
    {"name": "verifyingContract", "type": "address"},
]


@dataclass(frozen=True, slots=True)
class Domain:
    """What a signature is good for: one escrow contract on one chain."""

    chain_id: int
    escrow: Address


@dataclass(frozen=True, slots=True)
class TokenDomain:
    """What an authorisation is good for: one ERC-20 token on one chain, under the name that it signs by."""

    name: str
    version: str
    chain_id: int
    token: Address


@dataclass(frozen=True, slots=True)
class Authorisation:
    """A requester's word that the escrow may take a deposit, for whoever relays it."""

    valid_after: int
    """Unix seconds; 0 for at once."""
    valid_before: int
    signature: Signature
    """Under `deposit_payload`."""


def voucher_payload(domain: Domain, voucher: Voucher) -> Payload:
    """Signed by the session key and the coordinator; the escrow pays on both."""
    return _payload(
        domain,
        "Voucher",
        ("job", "bytes32", _fixed(voucher.job, 32)),
        ("worker", "address", _address(voucher.worker)),
        ("cumulative", "uint96", _amount(voucher.cumulative)),
    )


def close_payload(domain: Domain, job: JobId, owed: Wei) -> Payload:
    """Signed by both, too: `owed` is all that can ever be claimed, the rest returns at once."""
    return _payload(domain, "Close", ("job", "bytes32", _fixed(job, 32)), ("owed", "uint96", _amount(owed)))


def extend_payload(domain: Domain, job: JobId, deadline: int) -> Payload:
    """Signed by both, too: the job's deadline moves to a later time."""
    if not 0 <= deadline < 2**40:
        raise InvalidValue(f"{deadline} is no time that the escrow can count")
    members = ("job", "bytes32", _fixed(job, 32)), ("deadline", "uint40", deadline)
    return _payload(domain, "Extend", *members)


def deposit_payload(
    domain: TokenDomain,
    escrow: Address,
    requester: Address,
    job: JobId,
    amount: Wei,
    valid_after: int,
    valid_before: int,
) -> Payload:
    """Signed by the requester's account: the escrow may take the deposit of this very job (ERC-3009).

    The job's id is the nonce. With any other, whoever relays it could open a job of its own with the money.
    """
    return _typed(
        _domain(domain.name, domain.version, domain.chain_id, domain.token),
        "ReceiveWithAuthorization",
        ("from", "address", _address(requester)),
        ("to", "address", _address(escrow)),
        ("value", "uint256", _amount(amount)),
        ("validAfter", "uint256", _time(valid_after)),
        ("validBefore", "uint256", _time(valid_before)),
        ("nonce", "bytes32", _fixed(job, 32)),
    )


def order_payload(domain: Domain, job: JobId, order: Digest) -> Payload:
    """Signed by the session key: this order, and no other, is what the deposit is for."""
    return _payload(
        domain, "Order", ("job", "bytes32", _fixed(job, 32)), ("order", "bytes32", _fixed(order, 32))
    )


def result_payload(domain: Domain, job: JobId, unit: int, attempt: int, image: Digest) -> Payload:
    """Signed by a worker's payout key: this image is what it delivers, fixed before it knows the probe."""
    return _payload(
        domain,
        "Result",
        ("job", "bytes32", _fixed(job, 32)),
        ("unit", "uint32", _count(unit)),
        ("attempt", "uint32", _count(attempt)),
        ("image", "bytes32", _fixed(image, 32)),
    )


def binding_payload(domain: Domain, worker: WorkerId, payout: Address) -> Payload:
    """Signed by the payout key: whoever holds this CURVE key earns for this address."""
    return _payload(
        domain,
        "Binding",
        ("worker", "bytes32", _fixed(worker, 32)),
        ("payout", "address", _address(payout)),
    )


def _payload(domain: Domain, kind: str, *members: tuple[str, str, Any]) -> Payload:
    return _typed(_domain(NAME, VERSION, domain.chain_id, domain.escrow), kind, *members)


def _typed(domain: dict[str, Any], kind: str, *members: tuple[str, str, Any]) -> Payload:
    return {
        "types": {
            "EIP712Domain": _DOMAIN_FIELDS,
            kind: [{"name": name, "type": solidity} for name, solidity, _ in members],
        },
        "primaryType": kind,
        "domain": domain,
        "message": {name: value for name, _, value in members},
    }


def _domain(name: str, version: str, chain_id: int, contract: Address) -> dict[str, Any]:
    where = {"chainId": chain_id, "verifyingContract": _address(contract)}
    return {"name": name, "version": version, **where}


def _fixed(value: bytes, length: int) -> str:
    if len(value) != length:
        raise InvalidValue(f"want {length} bytes to sign, not {len(value)}")
    return "0x" + value.hex()


def _address(value: Address) -> str:
    return _fixed(value, 20)


def _amount(value: Wei) -> int:
    if not 0 <= value <= MAX_WEI:
        raise InvalidValue(f"{value} does not fit the escrow's uint96")
    return value


def _time(value: int) -> int:
    if not 0 <= value <= MAX_TIME:
        raise InvalidValue(f"{value} is no time in Unix seconds")
    return value


def _count(value: int) -> int:
    if not 0 <= value < 2**32:
        raise InvalidValue(f"{value} does not fit a uint32")
    return value
