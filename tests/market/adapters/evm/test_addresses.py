"""The address book; tests of deploying look it up on chains."""

import json
from pathlib import Path
from typing import Any

import pytest

from tegula_market.adapters import home
from tegula_market.adapters.evm import ChainError, addresses
from tegula_market.adapters.evm.addresses import AddressBook, Entry
from tegula_market.model import Address


def entry(chain_id: int, tag: int, block: int | None = 7) -> Entry:
    return Entry(chain_id, Address(bytes([tag]) * 20), b"\x08" * 32, block)


class Chain:
    def __init__(self, chain_id: int) -> None:
        self.eth = self
        self.chain_id = chain_id


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Looks up a chain where some entries are true."""

    def look(chain_id: int, *true: Entry) -> Entry | None:
        monkeypatch.setattr(addresses, "holds", lambda _, each: each in true)
        chain: Any = Chain(chain_id)
        return AddressBook(tmp_path / "book.json").find(chain)

    return look


def test_the_newest_that_is_true_of_the_chain(tmp_path: Path, found: Any) -> None:
    book = AddressBook(tmp_path / "book.json")
    old, new, other = entry(1, 1), entry(1, 2), entry(2, 1)
    for each in (old, new, other):
        book.write(each)
    assert found(1, old, new, other) == new
    assert found(1, old, other) == old
    assert found(2, old, new, other) == other
    assert found(1, other) is None
    assert found(3, old, new, other) is None


def test_an_escrow_is_in_it_once(tmp_path: Path) -> None:
    book = AddressBook(tmp_path / "book.json")
    for each in (entry(1, 1, 5), entry(1, 2), entry(1, 1, 9)):
        book.write(each)
    kept = json.loads((tmp_path / "book.json").read_text())["entries"]
    assert [(each["escrow"][:4], each["block"]) for each in kept] == [("0x02", 7), ("0x01", 9)]


def test_a_damaged_book_is_named(tmp_path: Path, found: Any) -> None:
    (tmp_path / "book.json").write_text("{}")
    with pytest.raises(ChainError, match=r"book\.json.*move it away"):
        found(1)


def test_it_is_among_a_persons_own_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(home.VARIABLE, str(tmp_path))
    AddressBook().write(entry(99, 1))
    assert (tmp_path / addresses.NAME).is_file()
