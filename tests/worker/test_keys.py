"""Keys are made once, are for their owner's eyes, and show in no message."""

from pathlib import Path

import pytest

from tegula_market.adapters.signing import UnusableKey
from tegula_worker import keys


def test_keys_are_made_once(tmp_path: Path) -> None:
    first = keys.load_or_create(tmp_path / "data")
    again = keys.load_or_create(tmp_path / "data")
    assert (first.curve, first.payout.address) == (again.curve, again.payout.address)
    for file in (tmp_path / "data").iterdir():
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.read_text().strip() not in repr(first)


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
