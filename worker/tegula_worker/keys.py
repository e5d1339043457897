"""The worker's two keys, made once in its data folder: who it is, and who is paid."""

import os
from dataclasses import dataclass
from pathlib import Path

from tegula_market.adapters import signing
from tegula_market.adapters.signing import Key, UnusableKey
from tegula_market.adapters.wire import CurveKeys


@dataclass(frozen=True, slots=True)
class Keys:
    curve: CurveKeys
    payout: Key


def load_or_create(folder: Path) -> Keys:
    """
    Raises:
        UnusableKey: a file that is no key, can be read by others, or cannot be written.
    """
    curve, payout = folder / "curve.key", folder / "payout.key"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not curve.exists():
            _write_new(curve, CurveKeys.generate().secret.hex())
    except OSError as error:
        raise UnusableKey(f"cannot make keys in {folder}: {error.strerror}") from error
    return Keys(
        _load_curve(curve), signing.load_key(payout) if payout.exists() else signing.create_key(payout)
    )


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


def _write_new(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
