"""What is kept of transactions until they are final."""

import multiprocessing
import threading
from pathlib import Path
from typing import Any

import pytest

from tegula_market.adapters.evm import ChainError, NotMined
from tegula_market.adapters.evm.outbox import Outbox, Version
from tegula_market.model import Address

ME, YOU = Address(b"\x01" * 20), Address(b"\x02" * 20)
SPAWN: Any = multiprocessing.get_context("spawn")


def version(nonce: int, tag: int = 0) -> Version:
    return Version(bytes([nonce, tag]) * 16, {"nonce": nonce, "value": 10**30}, b"raw")


def test_it_is_found_again_by_chain_and_sender(tmp_path: Path) -> None:
    box = Outbox(tmp_path / "sub" / "outbox.db")
    for chain, sender, one in (("a", ME, version(2)), ("a", ME, version(1)), ("b", ME, version(3, 1))):
        box.keep(chain, sender, one)
    box.keep("a", ME, version(1, 9))
    again = Outbox(tmp_path / "sub" / "outbox.db")
    assert again.left("a", ME) == [[version(1), version(1, 9)], [version(2)]]
    assert again.left("a", YOU) == []
    assert (tmp_path / "sub" / "outbox.db").stat().st_mode & 0o077 == 0


def test_mined_and_dropped(tmp_path: Path) -> None:
    box = Outbox()
    box.keep("a", ME, version(1))
    box.keep("a", ME, version(1, 1))
    box.mark("a", *box.left("a", ME), block=7)
    assert [one.block for one in box.left("a", ME)[0]] == [7, 7]
    box.drop("a", box.left("a", ME)[0])
    assert box.left("a", ME) == []


def test_a_test_chain_that_is_started_anew_is_sent_the_same_bytes() -> None:
    box = Outbox()
    for chain in ("first", "second"):
        box.keep(chain, ME, version(1))
    box.mark("second", [version(1)], block=7)
    box.drop("first", [version(1)])
    assert box.left("first", ME) == []
    assert [one.block for one in box.left("second", ME)[0]] == [7]


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    path.write_text("not a database, and longer than the head of one, which is a hundred bytes long" * 2)
    with pytest.raises(ChainError, match=r"no transaction is sent.*outbox\.db.*move it away"):
        Outbox(path).left("a", ME)


@pytest.mark.parametrize("on_disk", [True, False])
def test_two_threads_take_turns(tmp_path: Path, on_disk: bool) -> None:
    box = Outbox(tmp_path / "outbox.db" if on_disk else None)
    held, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        with box.turn(ME, 0):
            held.set()
            go_on.wait()

    other = threading.Thread(target=hold)
    other.start()
    held.wait()
    with pytest.raises(NotMined, match="still under way"), box.turn(ME, 0):
        pass
    with box.turn(YOU, 0):
        pass
    go_on.set()
    other.join()
    with box.turn(ME, 0):
        pass


def _hold(path: Path, held: Any) -> None:
    with Outbox(path).turn(ME, 0):
        held.set()
        threading.Event().wait()


@pytest.mark.slow
def test_a_killed_process_gives_up_its_turn(tmp_path: Path) -> None:
    path, held = tmp_path / "outbox.db", SPAWN.Event()
    other = SPAWN.Process(target=_hold, args=(path, held))
    other.start()
    held.wait(60)
    box = Outbox(path)
    with pytest.raises(NotMined, match="still under way"), box.turn(ME, 0):
        pass
    other.kill()
    other.join()
    with box.turn(ME, 0):
        pass
