"""The worker's two keys, made once in its data folder: who it is, and who is paid.

The payout key lies in `payout.json` under a passphrase or in `payout.key` without one. It signs every result,
so the running worker has it in memory either way; the passphrase keeps it from whoever only gets at the disk.
"""

from dataclasses import dataclass
from pathlib import Path

import structlog

from tegula_market.adapters import keystore, signing
from tegula_market.adapters.signing import Key, UnusableKey
from tegula_market.adapters.wire import CurveKeys
from tegula_market.model import Address
from tegula_worker import passphrases
from tegula_worker.passphrases import Source

CURVE, PLAIN, ENCRYPTED = "curve.key", "payout.key", "payout.json"
PLAIN_SENTENCE = (
    "the payout key has no passphrase: whoever reads the disk has it. To encrypt it, run:"
    " tegula-worker keys --encrypt --data {data}"
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Keys:
    curve: CurveKeys
    payout: Key


def load_or_create(folder: Path, passphrase: Source = passphrases.nowhere) -> Keys:
    """
    Raises:
        UnusableKey: a file that is no key, can be read by others, or cannot be written; or no passphrase.
    """
    curve = _load_or_create_curve(folder)
    if not _has_payout(folder):
        _create(folder, passphrase(True))
    return Keys(curve, _load(folder, passphrase))


def shown(folder: Path) -> tuple[bytes, Address]:
    """The public parts of keys that are there, for which no passphrase is needed."""
    curve, encrypted = _load_or_create_curve(folder), folder / ENCRYPTED
    payout = keystore.address(encrypted) if encrypted.exists() else signing.load_key(folder / PLAIN).address
    return curve.public, payout


def create(folder: Path, passphrase: Source, *, plain: bool = False) -> None:
    """Makes what is not there yet.

    Args:
        plain: without a passphrase, even if one could be had.
    """
    _load_or_create_curve(folder)
    if not _has_payout(folder):
        _create(folder, None if plain else passphrase(True))


def is_plain(folder: Path) -> bool:
    return (folder / PLAIN).exists()


def encrypt(folder: Path, passphrase: Source) -> None:
    """Puts the plain payout key under a passphrase. The plain file goes when the other has been opened again.

    A kill at any moment leaves one of them at least, and the next call goes on from there.
    """
    plain, encrypted = folder / PLAIN, folder / ENCRYPTED
    if encrypted.exists() and not plain.exists():
        return
    key = signing.load_key(plain)
    said = passphrase(not encrypted.exists())
    if said is None:
        raise UnusableKey("name a file with a passphrase: --passphrase-file FILE; or encrypt from a terminal")
    if not encrypted.exists():
        keystore.create(encrypted, key, said)
    if keystore.load(encrypted, said).address != key.address:
        raise UnusableKey(f"{plain} and {encrypted} hold two keys; move one of them to another --data folder")
    plain.unlink()


def _has_payout(folder: Path) -> bool:
    return (folder / ENCRYPTED).exists() or (folder / PLAIN).exists()


def _create(folder: Path, passphrase: str | None) -> None:
    if passphrase is None:
        signing.create_key(folder / PLAIN)
    else:
        keystore.create(folder / ENCRYPTED, Key.generate(), passphrase)


def _load(folder: Path, passphrase: Source) -> Key:
    plain, encrypted = folder / PLAIN, folder / ENCRYPTED
    if encrypted.exists() and plain.exists():
        raise UnusableKey(
            f"{plain} lies beside {encrypted}; run: tegula-worker keys --encrypt --data {folder}"
        )
    if not encrypted.exists():
        log.warning("payout key is plain", reason=PLAIN_SENTENCE.format(data=folder))
        return signing.load_key(plain)
    said = passphrase(False)
    if said is None:
        raise UnusableKey(
            f"{encrypted} is under a passphrase; name the file that holds it (--passphrase-file FILE),"
            " or start from a terminal"
        )
    return keystore.load(encrypted, said)


def _load_or_create_curve(folder: Path) -> CurveKeys:
    path = folder / CURVE
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnusableKey(f"cannot make keys in {folder}: {error.strerror}") from error
    if not path.exists():
        signing.write_new(path, CurveKeys.generate().secret.hex() + "\n")
    return _load_curve(path)


def _load_curve(path: Path) -> CurveKeys:
    try:
        if path.stat().st_mode & 0o077:
            raise UnusableKey(f"{path} can be read by others; run: chmod 600 {path}")
        secret = bytes.fromhex(path.read_text().strip())
    except OSError as error:
        raise UnusableKey(f"cannot read the key file {path}: {error.strerror}") from error
    except ValueError:  # the cause is left out: it may quote the file
        secret = b""
    if len(secret) != 32:
        raise UnusableKey(f"{path} does not hold a key: want 64 hex digits")
    return CurveKeys.of_secret(secret)
