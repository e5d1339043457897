"""Home of keys: secp256k1 signatures under EIP-712 payloads and texts, with eth-account and libsecp256k1.

A key is read from a file and never shown: not by repr, not in errors, not in logs.
"""

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from coincurve import PrivateKey, PublicKey
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address
from eth_utils.exceptions import ValidationError

from tegula_market.adapters import durable, typed_data
from tegula_market.model import Address, Signature, TegulaError
from tegula_market.vouchers import Payload

HALF_ORDER = 0x7FFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFF_5D576E73_57A4501D_DFE92F46_681B20A0
"""Half the order of secp256k1: of the two s that verify, only the lower is taken (EIP-2)."""
V_OFFSET = 27
"""Of the v in Ethereum's signatures over the parity of the point that they were made with."""
NOBODY = Address(b"")
"""What `recover` gives for a signature that no key can have made. It is no address of 20 bytes: whoever puts
the zero address into terms must not have any rubbish taken for a signature."""


class UnusableKey(TegulaError):
    """A key file that cannot be read, is no key, or is open to others."""


@dataclass(frozen=True, slots=True)
class Key:
    """An Ethereum key."""

    account: LocalAccount = field(repr=False)

    @property
    def address(self) -> Address:
        return Address(bytes.fromhex(self.account.address[2:]))

    @classmethod
    def generate(cls) -> "Key":
        return cls(Account.create())

    @classmethod
    def of_secret(cls, secret: bytes) -> "Key":
        return cls(Account.from_key(secret))


def load_key(path: Path) -> Key:
    """The key in a file of 64 hex digits that only its owner can read.

    Raises:
        UnusableKey: not there, not a key, or readable by others.
    """
    try:
        if path.stat().st_mode & 0o077:
            raise UnusableKey(f"{path} can be read by others; run: chmod 600 {path}")
        secret = bytes.fromhex(path.read_text().strip().removeprefix("0x"))
        return Key.of_secret(secret)
    except OSError as error:
        raise UnusableKey(f"cannot read the key file {path}: {error.strerror}") from error
    except (ValueError, ValidationError):  # the cause is left out: it may quote the file
        raise UnusableKey(f"{path} does not hold a key: want 64 hex digits") from None


def create_key(path: Path) -> Key:
    """A new key in a new file, readable by its owner only.

    Raises:
        UnusableKey: the file exists already, or cannot be written.
    """
    key = Key.generate()
    save_key(path, key)
    return key


def save_key(path: Path, key: Key) -> None:
    """Raises: UnusableKey: the file exists already, or cannot be written."""
    write_new(path, bytes(key.account.key).hex() + "\n")


def write_new(path: Path, text: str) -> None:
    """A new file for its owner's eyes; on the disk when this returns, its name included.

    Raises:
        UnusableKey: the file exists already, or cannot be written.
    """
    try:
        descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=".")
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            path.hardlink_to(partial)  # unlike a rename, never over another file
        finally:
            Path(partial).unlink()
        durable.settle(path.parent)
    except FileExistsError:
        raise UnusableKey(f"{path} is there already; it is not overwritten") from None
    except OSError as error:
        raise UnusableKey(f"cannot write the key file {path}: {error.strerror}") from error


def sign(payload: Payload, key: Key) -> Signature:
    return _sign(hash_of(payload), key)


def sign_text(text: str, key: Key) -> Signature:
    """As a wallet does when it is asked for `personal_sign`."""
    return _sign(hash_of_text(text), key)


def hash_of(payload: Payload) -> bytes:
    """The EIP-712 digest of a payload, 32 bytes: what the contract computes and what is signed."""
    return typed_data.hash_of(payload, keccak)


def hash_of_text(text: str) -> bytes:
    """The digest of a text that somebody reads and signs, 32 bytes. Source: EIP-191, version 0x45."""
    data = text.encode()
    return keccak(b"\x19Ethereum Signed Message:\n%d%s" % (len(data), data))


def checksummed(address: Address) -> str:
    """With capitals that tell of a mistyped one (EIP-55)."""
    return to_checksum_address(address)


def recover(payload: Payload, signature: Signature) -> Address:
    return recover_hash(hash_of(payload), signature)


def recover_hash(digest: bytes, signature: Signature) -> Address:
    """Whose signature it is, or NOBODY; a peer's bad signature is data, not an error.

    The forms that the escrow refuses are nobody's here, too: a voucher must not look good and then not pay.
    """
    s, v = int.from_bytes(signature[32:64], "big"), signature[64:]
    if len(signature) != 65 or s > HALF_ORDER or v not in (b"\x1b", b"\x1c"):
        return NOBODY
    numbered = signature[:64] + bytes([v[0] - V_OFFSET])  # as libsecp256k1 counts
    try:
        signer = PublicKey.from_signature_and_message(numbered, digest, hasher=None)
    except ValueError:  # no point of the curve
        return NOBODY
    return Address(keccak(signer.format(compressed=False)[1:])[-20:])


def _sign(digest: bytes, key: Key) -> Signature:
    signed = PrivateKey(bytes(key.account.key)).sign_recoverable(digest, hasher=None)
    return Signature(signed[:64] + bytes([signed[64] + V_OFFSET]))
