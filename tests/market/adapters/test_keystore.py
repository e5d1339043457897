"""A key under a passphrase: only that passphrase gives it back, and no message quotes either."""

import json
from pathlib import Path

import pytest
from eth_account import Account

from tegula_market.adapters import keystore
from tegula_market.adapters.keystore import WrongPassphrase
from tegula_market.adapters.signing import Key, UnusableKey

KEY = Key.of_secret(b"\x07" * 32)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keystore, "WORK", 2)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "payout.json"
    keystore.create(made, KEY, "pass word")
    return made


def test_it_comes_back_with_its_passphrase_only(path: Path) -> None:
    assert keystore.load(path, "pass word").address == keystore.address(path) == KEY.address
    for wrong in ("", "hunter2", "pass word ", "PASS WORD"):
        with pytest.raises(WrongPassphrase, match=r"payout\.json") as caught:
            keystore.load(path, wrong)
        assert "hunter2" not in str(caught.value)


def test_other_wallets_read_it_and_it_reads_theirs(path: Path, tmp_path: Path) -> None:
    stored = json.loads(path.read_text())
    assert (stored["version"], stored["crypto"]["kdf"]) == (3, "scrypt")
    assert bytes(Account.decrypt(stored, "pass word")) == bytes(KEY.account.key)
    theirs = tmp_path / "geth.json"
    theirs.write_text(json.dumps(Account.encrypt(KEY.account.key, "other", kdf="pbkdf2", iterations=2)))
    theirs.chmod(0o600)
    assert keystore.load(theirs, "other").address == KEY.address


def test_only_its_owner_reads_it_and_it_is_not_overwritten(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UnusableKey, match="there already"):
        keystore.create(path, Key.generate(), "pass word")
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    path.chmod(0o640)
    with pytest.raises(UnusableKey, match="chmod 600"):
        keystore.load(path, "pass word")


@pytest.mark.slow
def test_it_takes_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a guess costs whoever stole the file."""
    monkeypatch.setattr(keystore, "WORK", None)
    keystore.create(tmp_path / "key", KEY, "pass word")
    assert json.loads((tmp_path / "key").read_text())["crypto"]["kdfparams"]["n"] >= 2**17


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "mellon, friend",
        '{"version": 3, "crypto": {}}',
        '{"version": 3, "crypto": []}',
        "07" * 32,
    ],
)
def test_what_is_no_keystore_is_not_quoted(path: Path, text: str) -> None:
    path.write_text(text)
    for reading in (lambda: keystore.load(path, "pass word"), lambda: keystore.address(path)):
        with pytest.raises(UnusableKey, match="no keystore") as caught:
            reading()
        assert "mellon" not in str(caught.value)
    with pytest.raises(UnusableKey, match="cannot read"):
        keystore.load(path.with_name("nowhere"), "pass word")
