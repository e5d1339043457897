"""The EIP-712 digest of a payload: what the contract computes, and what is signed.

For messages of plain members, as all of `vouchers` are. eth-account does the same for any message, and takes
ten times as long: a coordinator hashes one for each result. Source: EIP-712, "Definition of encodeData".
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from tegula_market.vouchers import Payload

WORD = 32
KEPT = 256
"""Domains and kinds of message: a program sees a few of each."""
Keccak = Callable[[bytes], bytes]
Members = tuple[tuple[str, str], ...]
"""Name and type of each, in their order."""


def hash_of(payload: Payload, keccak256: Keccak) -> bytes:
    """32 bytes.

    Raises:
        TypeError: a member that is an array, a struct, or of another type that nothing signed here has.
    """
    types, domain = payload["types"], payload["domain"]
    kind = payload["primaryType"]
    members = _members(types["EIP712Domain"])
    separator = _separator(members, tuple(domain[name] for name, _ in members), keccak256)
    message = payload["message"]
    of_kind = _members(types[kind])
    struct = _struct(kind, of_kind, (message[name] for name, _ in of_kind), keccak256)
    return keccak256(b"\x19\x01" + separator + struct)


def _members(fields: Sequence[Mapping[str, str]]) -> Members:
    return tuple((field["name"], field["type"]) for field in fields)


@lru_cache(maxsize=KEPT)
def _separator(members: Members, values: tuple[Any, ...], keccak256: Keccak) -> bytes:
    return _struct("EIP712Domain", members, values, keccak256)


def _struct(kind: str, members: Members, values: Iterable[Any], keccak256: Keccak) -> bytes:
    words = (_word(of, value, keccak256) for (_, of), value in zip(members, values, strict=True))
    return keccak256(_type_hash(kind, members, keccak256) + b"".join(words))


@lru_cache(maxsize=KEPT)
def _type_hash(kind: str, members: Members, keccak256: Keccak) -> bytes:
    named = ",".join(f"{of} {name}" for name, of in members)
    return keccak256(f"{kind}({named})".encode())


def _word(of: str, value: Any, keccak256: Keccak) -> bytes:
    if of == "string":
        return keccak256(value.encode())
    if of.startswith("uint"):
        return int(value).to_bytes(WORD, "big")
    if of in ("address", "bytes32"):
        return bytes.fromhex(value.removeprefix("0x")).rjust(WORD, b"\0")
    raise TypeError(f"nothing that is signed here has members of type {of}")
