"""EIP-712 payloads: what is signed in the market, spelled for any Ethereum wallet or library.

A payload is the full typed-data message that `eth_signTypedData_v4` takes. Hashing and signing need keccak
and secp256k1, which the standard library lacks: `adapters.signing` does them. Values are checked here,
because encoders pad a bytes32 that is too short without a word and so sign something else.
"""

from dataclasses import dataclass
from typing import Any

from tegula_market.codec import MAX_WEI
from tegula_market.model import Address, Digest, InvalidValue, JobId, Voucher, Wei, WorkerId

NAME, VERSION = "TileEscrow", "1"
"""Of the EIP-712 domain, as the contract's constructor has them."""

Payload = dict[str, Any]

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
    return {
        "types": {
            "EIP712Domain": _DOMAIN_FIELDS,
            kind: [{"name": name, "type": solidity} for name, solidity, _ in members],
        },
        "primaryType": kind,
        "domain": {
            "name": NAME,
            "version": VERSION,
            "chainId": domain.chain_id,
            "verifyingContract": _address(domain.escrow),
        },
        "message": {name: value for name, _, value in members},
    }


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


def _count(value: int) -> int:
    if not 0 <= value < 2**32:
        raise InvalidValue(f"{value} does not fit a uint32")
    return value
