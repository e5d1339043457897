"""What a watcher remembers."""

from pathlib import Path

import pytest

from tegula_market.adapters.evm import ChainError
from tegula_market.adapters.evm.cursor import KEPT_BLOCKS, Cursor, Log, Mark


def mark(number: int, fork: int = 0) -> Mark:
    return Mark(number, number.to_bytes(31, "big") + bytes([fork]))


def log(number: int, place: int = 0) -> Log:
    return Log(mark(number), place, b"\x01" * 32, (b"\x02" * 32, b"\x03" * 32), b"data")


def test_it_outlives_the_program(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "cursor.db"
    Cursor(path).keep(-1, [log(3), log(3, 1)], [mark(3), mark(5)])
    assert Cursor(path).marks() == [mark(5), mark(3)]
    assert Cursor(path).above(2) == [log(3, 1), log(3)]
    assert Cursor(path).above(3) == []
    assert path.stat().st_mode & 0o077 == 0


def test_it_goes_back_and_on_at_once() -> None:
    cursor = Cursor()
    cursor.keep(-1, [log(3), log(7)], [mark(3), mark(7), mark(9)])
    cursor.keep(5, [log(6)], [mark(6, 1)])
    assert cursor.marks() == [mark(6, 1), mark(3)]
    assert cursor.above(0) == [log(6), log(3)]


def test_it_does_not_grow() -> None:
    cursor = Cursor()
    for number in (1, 2, KEPT_BLOCKS + 2):
        cursor.keep(number - 1, [log(number)], [mark(number)])
    assert [each.number for each in cursor.marks()] == [KEPT_BLOCKS + 2, 2]
    assert [each.block.number for each in cursor.above(0)] == [KEPT_BLOCKS + 2, 2]


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "cursor.db").mkdir()
    with pytest.raises(ChainError, match=r"cannot be remembered in .*cursor\.db"):
        Cursor(tmp_path / "cursor.db")
