"""Keys are made once, are for their owner's eyes, show in no message, and are never lost."""

from pathlib import Path

import pytest

from tegula_market.adapters import keystore, signing
from tegula_market.adapters.signing import Key, UnusableKey
from tegula_worker import keys


def _word(_new: bool) -> str:
    return "pass word"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keystore, "WORK", 2)


def test_keys_are_made_once(tmp_path: Path) -> None:
    first = keys.load_or_create(tmp_path / "data")
    again = keys.load_or_create(tmp_path / "data")
    assert (first.curve, first.payout.address) == (again.curve, again.payout.address)
    for file in (tmp_path / "data").iterdir():
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.read_text().strip() not in repr(first)


def test_with_a_passphrase_the_payout_key_is_never_plain(tmp_path: Path) -> None:
    made = keys.load_or_create(tmp_path, _word)
    assert {file.name for file in tmp_path.iterdir()} == {"curve.key", "payout.json"}
    assert bytes(made.payout.account.key).hex() not in (tmp_path / "payout.json").read_text()
    assert keys.load_or_create(tmp_path, _word).payout.address == made.payout.address
    assert keys.shown(tmp_path) == (made.curve.public, made.payout.address)
    with pytest.raises(UnusableKey, match="--passphrase-file FILE"):
        keys.load_or_create(tmp_path)
    with pytest.raises(keystore.WrongPassphrase):
        keys.load_or_create(tmp_path, lambda _new: "another")


def test_a_plain_key_on_request(tmp_path: Path) -> None:
    keys.create(tmp_path, _word, plain=True)
    before = keys.shown(tmp_path)
    keys.create(tmp_path, _word)
    assert keys.shown(tmp_path) == before
    assert not (tmp_path / "payout.json").exists()


def test_a_key_from_before_is_encrypted_and_stays_the_same(tmp_path: Path) -> None:
    before = keys.load_or_create(tmp_path)
    keys.encrypt(tmp_path, _word)
    assert not (tmp_path / "payout.key").exists()
    keys.encrypt(tmp_path, _word)
    assert keys.load_or_create(tmp_path, _word).payout.address == before.payout.address


def test_a_kill_while_it_is_encrypted_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = keys.load_or_create(tmp_path)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "hardlink_to", killed)
        with pytest.raises(KeyboardInterrupt):
            keys.encrypt(tmp_path, _word)
    assert keys.load_or_create(tmp_path).payout.address == before.payout.address
    with monkeypatch.context() as patch:
        patch.setattr(keystore, "load", killed)
        with pytest.raises(KeyboardInterrupt):
            keys.encrypt(tmp_path, _word)
    with pytest.raises(UnusableKey, match="keys --encrypt"):
        keys.load_or_create(tmp_path, _word)
    keys.encrypt(tmp_path, _word)
    assert keys.load_or_create(tmp_path, _word).payout.address == before.payout.address


def test_a_plain_key_is_kept_while_the_other_is_not_proved(tmp_path: Path) -> None:
    keys.load_or_create(tmp_path)
    with pytest.raises(UnusableKey, match="--passphrase-file FILE"):
        keys.encrypt(tmp_path, lambda _new: None)
    keystore.create(tmp_path / "payout.json", Key.generate(), "pass word")
    with pytest.raises(UnusableKey, match="two keys"):
        keys.encrypt(tmp_path, _word)
    with pytest.raises(keystore.WrongPassphrase):
        keys.encrypt(tmp_path, lambda _new: "another")
    assert signing.load_key(tmp_path / "payout.key")


@pytest.mark.parametrize("name", ["curve.key", "payout.key"])
def test_a_key_that_others_can_read_is_not_used(tmp_path: Path, name: str) -> None:
    keys.load_or_create(tmp_path)
    (tmp_path / name).chmod(0o640)
    with pytest.raises(UnusableKey, match="chmod 600"):
        keys.load_or_create(tmp_path)


@pytest.mark.parametrize("name", ["curve.key", "payout.key"])
@pytest.mark.parametrize("content", ["", "00" * 31, "not hex at all, yet a secret"])
def test_what_is_no_key_is_not_quoted(tmp_path: Path, name: str, content: str) -> None:
    keys.load_or_create(tmp_path)
    (tmp_path / name).write_text(content)
    with pytest.raises(UnusableKey, match="64 hex digits") as caught:
        keys.load_or_create(tmp_path)
    assert "secret" not in str(caught.value)


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnusableKey, match="cannot make keys"):
        keys.load_or_create(tmp_path / "file" / "data")
