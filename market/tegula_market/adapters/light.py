"""Signatures where no compiled library goes: what a requester signs inside Blender, in Python alone.

The same keys, payloads and signatures as in `adapters.signing`, which programs with eth-account use.
python-ecdsa does not hide its timing; whoever could measure it sits on the artist's own machine. The key is
made for this use, and holds what the artist means to spend on renders, no more.
"""

import os
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from ecdsa import SECP256k1, SigningKey, VerifyingKey
from ecdsa.keys import MalformedPointError
from ecdsa.util import sigdecode_string, sigencode_string_canonize

from tegula_market.adapters import typed_data
from tegula_market.adapters.keccak import keccak256
from tegula_market.model import Address, JobId, Signature, TegulaError, Terms
from tegula_market.vouchers import Payload

WORD = typed_data.WORD


class UnusableKey(TegulaError):
    """A key file that cannot be read or written, or is no key."""


@dataclass(frozen=True, slots=True)
class Key:
    """An Ethereum key."""

    _signing: SigningKey = field(repr=False)

    @property
    def address(self) -> Address:
        return _address(self._signing.verifying_key)

    @property
    def secret(self) -> bytes:
        return bytes(self._signing.to_string())

    @classmethod
    def generate(cls) -> "Key":
        return cls(SigningKey.generate(curve=SECP256k1))

    @classmethod
    def of_secret(cls, secret: bytes) -> "Key":
        """Raises: UnusableKey: not 32 bytes, or none of the curve's numbers."""
        try:
            return cls(SigningKey.from_string(secret, curve=SECP256k1))
        except (AssertionError, MalformedPointError):  # the cause is left out: it may quote the secret
            raise UnusableKey("this is no key: want 32 bytes between 1 and the order of secp256k1") from None

    def sign(self, digest: bytes) -> Signature:
        """Of a digest of 32 bytes; deterministic (RFC 6979), and the lower of the two s (EIP-2)."""
        both = self._signing.sign_digest_deterministic(
            digest, hashfunc=sha256, sigencode=sigencode_string_canonize
        )
        found = VerifyingKey.from_public_key_recovery_with_digest(
            both, digest, SECP256k1, hashfunc=sha256, sigdecode=sigdecode_string
        )
        v = 27 + [_address(key) for key in found].index(self.address)
        return Signature(both + bytes([v]))


def kept_key(path: Path) -> Key:
    """The key in a file of 64 hex digits; made, for its owner only, if the file is not there.

    Raises:
        UnusableKey: it cannot be read or written, or holds no key.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read_key(path)
    except OSError as error:
        raise UnusableKey(f"cannot keep a key in {path}: {error.strerror}") from error
    key = Key.generate()
    with os.fdopen(descriptor, "w") as file:
        file.write(key.secret.hex() + "\n")
    return key


def sign(payload: Payload, key: Key) -> Signature:
    return key.sign(hash_of(payload))


def hash_of(payload: Payload) -> bytes:
    """The EIP-712 digest of a payload, 32 bytes."""
    return typed_data.hash_of(payload, keccak256)


def job_id(terms: Terms) -> JobId:
    """keccak256 of the ABI-encoded terms, as TileEscrow.jobId computes it."""
    parties = (terms.requester, terms.signer, terms.coordinator, terms.arbiter, terms.token, terms.author)
    numbers = (terms.author_bps, terms.deadline, terms.window, terms.grace)
    words = (
        *(each.rjust(WORD, b"\0") for each in parties),
        *(each.to_bytes(WORD, "big") for each in numbers),
        terms.salt,
    )
    return JobId(keccak256(b"".join(words)))


def _read_key(path: Path) -> Key:
    try:
        return Key.of_secret(bytes.fromhex(path.read_text().strip()))
    except OSError as error:
        raise UnusableKey(f"cannot read the key in {path}: {error.strerror}") from error
    except ValueError:
        raise UnusableKey(f"{path} does not hold a key; move it away to have a new one made") from None


def _address(key: VerifyingKey) -> Address:
    return Address(keccak256(bytes(key.to_string()))[-20:])
