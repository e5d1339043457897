"""Keys under a passphrase, as eth-account and other wallets read them: Web3 secret storage, version 3."""

import json
from pathlib import Path
from typing import Any

from eth_account import Account

from tegula_market.adapters.signing import Key, UnusableKey, write_new
from tegula_market.model import Address

WORK: int | None = None
"""Of scrypt, a power of two; None is eth-account's own, which takes a second and 256 MiB."""


class WrongPassphrase(UnusableKey):
    """The keystore is one, and this passphrase does not open it."""


def create(path: Path, key: Key, passphrase: str) -> None:
    """The key in a new file, on the disk when this returns.

    Raises:
        UnusableKey: the file exists already, or cannot be written.
    """
    write_new(path, json.dumps(Account.encrypt(key.account.key, passphrase, iterations=WORK)))


def load(path: Path, passphrase: str) -> Key:
    """
    Raises:
        WrongPassphrase: another one was used when it was made.
        UnusableKey: not there, no keystore, or readable by others.
    """
    stored = _read(path)
    try:
        return Key.of_secret(bytes(Account.decrypt(stored, passphrase)))
    except ValueError:  # the cause is left out, as with plain keys
        raise WrongPassphrase(f"the passphrase does not open {path}; try again with the right one") from None
    except (KeyError, TypeError, AttributeError):
        raise _no_keystore(path) from None


def address(path: Path) -> Address:
    """Whose key it holds, which can be read without the passphrase.

    Raises:
        UnusableKey: as with `load`.
    """
    try:
        found = Address(bytes.fromhex(_read(path)["address"].removeprefix("0x")))
    except (KeyError, ValueError, AttributeError):
        raise _no_keystore(path) from None
    if len(found) != 20:
        raise _no_keystore(path)
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_mode & 0o077:
            raise UnusableKey(f"{path} can be read by others; run: chmod 600 {path}")
        stored = json.loads(path.read_text())
    except OSError as error:
        raise UnusableKey(f"cannot read the key file {path}: {error.strerror}") from error
    except ValueError:
        stored = None
    if not isinstance(stored, dict):
        raise _no_keystore(path)
    return stored


def _no_keystore(path: Path) -> UnusableKey:
    return UnusableKey(f"{path} is no keystore (Web3 secret storage, version 3); put a copy of it back")
