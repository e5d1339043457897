"""Events through reorganisations, restarts and absences, on real chains."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from eth_utils.crypto import keccak
from requests.exceptions import ConnectionError as Away
from web3 import Web3

from chains import ENGINES, ask, bare_anvil, mine, running
from tegula_market.adapters import devchain, evm
from tegula_market.adapters.devchain import DevChain
from tegula_market.adapters.evm import Unreachable
from tegula_market.adapters.evm.cursor import Cursor
from tegula_market.adapters.evm.deploying import deploy
from tegula_market.adapters.evm.logs import Filter
from tegula_market.adapters.evm.outbox import Outbox
from tegula_market.adapters.evm.sending import Dispatch, Sender
from tegula_market.adapters.evm.watching import Changes, Watcher
from tegula_market.model import Address, Wei

pytestmark = pytest.mark.slow
TRANSFER = "0x" + keccak(text="Transfer(address,address,uint256)").hex()
OWNER = Address(b"\x33" * 20)


@pytest.fixture(params=ENGINES)
def local(request: pytest.FixtureRequest) -> Iterator[DevChain]:
    with running(request.param) as chain:
        yield chain


class Seen:
    """Keeps count of amounts as a program would: what is withdrawn is taken back."""

    def __init__(self) -> None:
        self.amounts: list[int] = []
        self.withdrawn: list[int] = []

    def take(self, changes: Changes) -> None:
        for log in changes.withdrawn:
            assert self.amounts.pop() == int.from_bytes(log.data, "big"), "newest first"
            self.withdrawn.append(int.from_bytes(log.data, "big"))
        self.amounts += [int.from_bytes(log.data, "big") for log in changes.arrived]


def watcher(local: DevChain, cursor: Cursor | None = None, depth: int = 0) -> tuple[Watcher, Web3]:
    web3 = evm.connect(local.rpc)
    return Watcher(web3, Filter(local.dollar, (TRANSFER,)), cursor or Cursor(), 0, depth), web3


def test_each_is_seen_once(local: DevChain) -> None:
    watch, _ = watcher(local)
    seen = Seen()
    for amount in (1, 2):
        local.mint(OWNER, Wei(amount))
    assert watch.look(seen.take)
    assert watch.look(seen.take)
    local.mint(OWNER, Wei(3))
    watch.look(seen.take)
    assert (seen.amounts, seen.withdrawn) == ([1, 2, 3], [])


def test_after_a_restart_it_goes_on(local: DevChain, tmp_path: Path) -> None:
    seen = Seen()
    local.mint(OWNER, Wei(1))
    watcher(local, Cursor(tmp_path / "c.db"))[0].look(seen.take)
    local.mint(OWNER, Wei(2))
    watcher(local, Cursor(tmp_path / "c.db"))[0].look(seen.take)
    assert seen.amounts == [1, 2]


def test_what_was_not_dealt_with_comes_again(local: DevChain, tmp_path: Path) -> None:
    def fail(_: Changes) -> None:
        raise KeyboardInterrupt

    seen = Seen()
    local.mint(OWNER, Wei(1))
    with pytest.raises(KeyboardInterrupt):
        watcher(local, Cursor(tmp_path / "c.db"))[0].look(fail)
    watcher(local, Cursor(tmp_path / "c.db"))[0].look(seen.take)
    assert seen.amounts == [1]


def test_with_depth_it_waits(local: DevChain) -> None:
    watch, web3 = watcher(local, depth=3)
    seen = Seen()
    local.mint(OWNER, Wei(1))
    mine(web3, 2)
    watch.look(seen.take)
    assert seen.amounts == []
    mine(web3)
    watch.look(seen.take)
    assert seen.amounts == [1]


@pytest.mark.parametrize("restarted", [False, True])
def test_a_reorganisation_withdraws_what_it_undid(local: DevChain, tmp_path: Path, restarted: bool) -> None:
    path, seen = tmp_path / "c.db", Seen()
    watch, web3 = watcher(local, Cursor(path))
    local.mint(OWNER, Wei(1))
    watch.look(seen.take)
    fork = ask(web3, "evm_snapshot")
    for amount in (2, 3):
        local.mint(OWNER, Wei(amount))
        watch.look(seen.take)
    assert seen.amounts == [1, 2, 3]
    ask(web3, "evm_revert", fork)
    local.mint(OWNER, Wei(4))
    if restarted:
        watch, _ = watcher(local, Cursor(path))
    watch.look(seen.take)
    assert (seen.amounts, seen.withdrawn) == ([1, 4], [3, 2])
    for amount in (5, 6):
        local.mint(OWNER, Wei(amount))
    watch.look(seen.take)
    assert seen.amounts == [1, 4, 5, 6]


def test_a_chain_that_became_shorter_is_no_error(local: DevChain) -> None:
    watch, web3 = watcher(local)
    seen, fork = Seen(), ask(web3, "evm_snapshot")
    for amount in (1, 2):
        local.mint(OWNER, Wei(amount))
        watch.look(seen.take)
    ask(web3, "evm_revert", fork)
    watch.look(seen.take)
    assert seen.amounts == []


def test_a_reorganisation_in_the_middle_of_a_look(local: DevChain) -> None:
    """What was read of a chain that is gone is not given away."""
    watch, web3 = watcher(local)
    seen, fork, real = Seen(), ask(web3, "evm_snapshot"), web3.eth.get_logs
    local.mint(OWNER, Wei(1))

    def reorganised(asked: Any) -> Any:
        patch.undo()
        found = real(asked)
        ask(web3, "evm_revert", fork)
        local.mint(OWNER, Wei(9))
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(web3.eth, "get_logs", reorganised)
        assert not watch.look(seen.take)
    assert seen.amounts == []
    assert watch.look(seen.take)
    assert seen.amounts == [9]


def test_anvils_own_reorganisation() -> None:
    with running("anvil") as local:
        watch, web3 = watcher(local)
        seen = Seen()
        for amount in (1, 2, 3):
            local.mint(OWNER, Wei(amount))
        watch.look(seen.take)
        ask(web3, "anvil_reorg", 2, [])
        watch.look(seen.take)
        assert (seen.amounts, seen.withdrawn) == ([1], [3, 2])


def test_a_chain_that_is_away_is_told_of_once(local: DevChain, caplog: pytest.LogCaptureFixture) -> None:
    watch, web3 = watcher(local)
    seen, stop = Seen(), Event()
    pauses: list[float] = []
    local.mint(OWNER, Wei(1))

    def gone(_asked: Any) -> Any:
        raise Away("refused")

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 8:
            patch.undo()
        if len(pauses) == 9:
            stop.set()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(web3.eth, "get_logs", gone)
        watch.follow(seen.take, stop, pause)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 4]
    assert caplog.text.count("cannot be watched") == 1
    assert caplog.text.count("can be watched again") == 1
    assert seen.amounts == [1]


def kept_until(state: Path) -> int:
    """The last block in anvil's file, which is not there at once, and is written over in pieces."""
    try:
        return int(json.loads(state.read_text())["best_block_number"])
    except (FileNotFoundError, json.JSONDecodeError):
        return -1


def test_anvil_killed_and_restarted(tmp_path: Path) -> None:
    """Blocks, cursor and outbox go on. The clock needs help: anvil 1.7.1 falls back to the wall's."""
    kept = "--state", str(tmp_path / "state.json"), "--state-interval", "1"
    state, seen, key = tmp_path / "state.json", Seen(), devchain.dev_key(0, 31_337)
    with bare_anvil(*kept) as (process, rpc):
        web3 = evm.connect(rpc)
        dollar = deploy(web3, "DevDollar", key)
        contract: Any = web3.eth.contract(
            Web3.to_checksum_address(dollar), abi=evm.artifact("DevDollar")["abi"]
        )
        mint = contract.functions.mint(Web3.to_checksum_address(OWNER), 5).build_transaction
        ask(web3, "evm_increaseTime", 5000)
        Sender(web3, Dispatch(Outbox(tmp_path / "o.db"))).send(mint, key)
        Watcher(web3, Filter(dollar, (TRANSFER,)), Cursor(tmp_path / "c.db"), 0).look(seen.take)
        last = web3.eth.get_block("latest")
        while kept_until(state) < last["number"]:
            assert web3.eth.block_number == last["number"]
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        gone = Watcher(web3, Filter(dollar, (TRANSFER,)), Cursor(tmp_path / "c.db"), 0)
        with pytest.raises(Unreachable):
            gone.look(seen.take)
    with bare_anvil(*kept) as (_, rpc):
        web3 = evm.connect(rpc)
        assert web3.eth.get_block("latest")["hash"] == last["hash"]
        ask(web3, "evm_setTime", max(last["timestamp"], int(time.time())) + 1)
        Sender(web3, Dispatch(Outbox(tmp_path / "o.db"))).send(mint, key)
        assert web3.eth.get_block("latest")["timestamp"] > last["timestamp"]
        Watcher(web3, Filter(dollar, (TRANSFER,)), Cursor(tmp_path / "c.db"), 0).look(seen.take)
    assert (seen.amounts, seen.withdrawn) == ([5, 5], [])
