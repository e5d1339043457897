"""A requester that goes away in the middle of a job: workers are paid by a root, to the unit."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from web3 import Web3

import scenes
from chains import ask, mine, travel
from end_to_end.kills import JOB_SECONDS
from end_to_end.processes import Command, tegula
from end_to_end.stage import Stage, job_in, kill, said, stage
from tegula.programs import Program
from tegula_blender.client import Client
from tegula_blender.job_view import JobPhase, JobView
from tegula_market import codec
from tegula_market.adapters import devchain, evm, signing
from tegula_market.adapters.chain import Escrow, Root, Status
from tegula_market.model import Address, JobId

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(devchain.find_anvil() is None, reason="moves anvil's time; run make setup with npm"),
]

SILENCE = 5.0


@dataclass
class Market:
    """A stage with two workers, and a requester that is a program of its own."""

    it: Stage
    folder: Path
    coordinator: Program
    workers: dict[Address, Program]
    requester: Command
    job: JobId
    before: int
    """What the requester had."""

    @property
    def web3(self) -> Web3:
        return evm.connect(self.it.chain.rpc)

    @property
    def escrow(self) -> Escrow:
        return Escrow.connect(self.it.chain.rpc, self.it.chain.escrow)

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def look(self) -> JobView:
        client = Client(self.it.market.url, self.it.market.token)
        try:
            return client.job(self.job)
        finally:
            client.disconnect()

    def balance(self, owner: Address) -> int:
        return self.escrow.balance(self.it.chain.dollar, owner)

    @property
    def purse(self) -> int:
        return self.balance(self.it.chain.key(1).address)

    def root(self) -> Root:
        found = self.escrow.root(self.job)
        assert found is not None
        return found

    def owed(self) -> dict[Address, int]:
        owed = {dues.worker: dues.cumulative for dues in self.look().owed}
        assert owed.keys() == self.workers.keys()
        return owed

    def claims_arrive(self, owed: dict[Address, int]) -> None:
        """Once the window is over each worker has what it earned, on chain and in its books."""
        travel(self.web3, self.root().final_at)
        for address, worker in self.workers.items():
            said(worker, "claimed", 60)
            assert self.balance(address) == owed[address]
        assert self.root().reserved == 0

    def refund(self) -> None:
        """The rest comes back by the requester's own hand, after deadline and grace."""
        travel(self.web3, int(time.time()) + 3600 + 5 * 86_400)
        (later := self.folder / "later").mkdir()  # what was killed has left files in the other one
        chain = ("--rpc", self.it.chain.rpc, "--key-file", str(self.folder / "payer.key"))
        ended = tegula(later, "refund", str(self.out), *chain)
        assert ended.code == 0, ended.stderr


@contextmanager
def in_the_middle(folder: Path, silence: float = SILENCE) -> Iterator[Market]:
    """A job of which one tile at least is accepted and most are not.

    Args:
        silence: seconds after which its requester is taken for gone.
    """
    blend = scenes.build("spheres", folder)
    with stage(root_after_seconds=silence) as it:
        coordinator = it.coordinator()
        it.verifier()
        workers = {address: program for program, address in (it.worker("ann", 40), it.worker("bob", 50))}
        signing.save_key(folder / "payer.key", it.chain.key(1))
        before = Escrow.connect(it.chain.rpc, it.chain.escrow).balance(
            it.chain.dollar, it.chain.key(1).address
        )
        arguments = {
            "coordinator": it.market.url,
            "token-file": it.token_file,
            "rpc": it.chain.rpc,
            "key-file": folder / "payer.key",
            "token-address": codec.encode(it.chain.dollar),
            "ceiling": 100,
            "out": folder / "out",
            "samples": 32,
            "tile": 60,
            "scale": 12,
            "deadline": 3600,
            "claim-seconds": 0,
        }
        given = [part for name, value in arguments.items() for part in (f"--{name}", str(value))]
        with Command(folder, "render", str(blend), *given) as requester:
            opened = said(coordinator, "job opened", JOB_SECONDS)
            job = job_in(opened)
            said(coordinator, "verdict", JOB_SECONDS)
            yield Market(it, folder, coordinator, workers, requester, job, before)


def test_workers_are_paid_though_the_requester_never_comes_back(tmp_path: Path) -> None:
    with in_the_middle(tmp_path) as market:
        market.requester.kill()
        said(market.coordinator, "root posted", JOB_SECONDS)
        view = market.look()
        assert view.phase is JobPhase.DONE, "workers went on without it"
        owed = market.owed()
        assert any(dues.vouchered < dues.cumulative for dues in view.owed)
        assert view.root is not None
        assert (view.root.hash, view.root.reserve) == (market.root().hash, sum(owed.values()))
        # A worker may hear of its last verdict only now.
        until(lambda: earned(market.it) == sorted(owed.values()))
        market.claims_arrive(owed)
        market.refund()
        assert market.purse == market.before - sum(owed.values())
        assert market.balance(market.it.chain.escrow) == 0
        assert market.escrow.account(market.job).status is Status.REFUNDED
        assert not (market.out / "unfinished-job.json").exists()


def test_a_requester_that_comes_back_closes_beside_the_root(tmp_path: Path) -> None:
    with in_the_middle(tmp_path) as market:
        market.requester.pause()
        said(market.coordinator, "root posted", JOB_SECONDS)
        owed = market.owed()
        market.requester.resume()
        ended = market.requester.wait()
        assert ended.code == 0, ended.stderr
        assert json.loads((market.out / "report.json").read_text())
        assert (market.out / "frame_0001.exr").is_file()
        assert market.escrow.account(market.job).status is Status.CLOSED
        assert market.purse == market.before - sum(owed.values()), "the rest is back at once"
        market.claims_arrive(owed)
        assert market.balance(market.it.chain.escrow) == 0
        assert market.it.replayed()["jobs"] == {market.job.hex(): "CLOSED"}


def test_a_requester_that_comes_back_before_the_root_goes_on(tmp_path: Path) -> None:
    with in_the_middle(tmp_path, silence=JOB_SECONDS) as market:
        market.requester.pause()
        said(market.coordinator, "verdict")
        market.requester.resume()
        ended = market.requester.wait()
        assert ended.code == 0, ended.stderr
        assert market.escrow.root(market.job) is None
        assert market.escrow.account(market.job).status is Status.CLOSED


def test_a_coordinator_killed_on_the_way_posts_one_root(tmp_path: Path) -> None:
    """Between its decision and the transaction, and between the transaction and the event."""
    with in_the_middle(tmp_path) as market:
        market.requester.kill()
        until(lambda: market.look().phase is JobPhase.DONE)
        owed, chain = market.owed(), market.it.chain
        os.kill(chain.pid, signal.SIGSTOP)
        said(market.coordinator, "root decided")
        kill(market.coordinator)
        os.kill(chain.pid, signal.SIGCONT)
        assert market.escrow.root(market.job) is None
        assert sent(market) == 0
        ask(market.web3, "evm_setAutomine", False)
        second = market.it.coordinator()
        until(lambda: sent(market, "pending") == 1)
        kill(second)
        ask(market.web3, "evm_setAutomine", True)
        mine(market.web3)
        assert market.root().reserved == sum(owed.values())
        third = market.it.coordinator()
        said(third, "root posted")
        assert sent(market, "pending") == 1
        market.claims_arrive(owed)


def earned(it: Stage) -> list[int]:
    """By each worker, as it has it in its books itself."""
    lines = [line for name in ("ann", "bob") for line in it.ledger(name)["jobs"]]
    return sorted(int(line["earned"]) for line in lines)


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + JOB_SECONDS
    while not is_so():
        assert time.monotonic() < end
        threading.Event().wait(0.1)


def sent(market: Market, block: str = "latest") -> int:
    """The coordinator's transactions."""
    address = Web3.to_checksum_address(market.it.coordinator_address)
    return market.web3.eth.get_transaction_count(address, block)  # type: ignore[arg-type]
