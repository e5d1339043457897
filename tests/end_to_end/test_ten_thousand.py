"""Ten thousand tiles of $0.001 for twenty workers, while programs are killed and the requester is away.

The programs are the real ones: a coordinator with its SQLite file, ZeroMQ with CURVE, HTTP, anvil that makes
a block each second, twenty workers with a keystore each, a verifier, the session of the extension. Only what
is rendered is painted (`painter.py`).
"""

import json
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

from end_to_end import painted, painter
from end_to_end.processes import still_running
from end_to_end.stage import Stage, job_in, kill, said, stage, welcomed
from tegula.programs import Program
from tegula_blender.client import Client
from tegula_blender.job_view import JobView, UnitPhase
from tegula_blender.session.purse import Purse
from tegula_blender.session.shelf import Shelf
from tegula_market import codec
from tegula_market.adapters import devchain, evm, exr, keystore
from tegula_market.adapters.chain import Escrow
from tegula_market.model import Address, JobId, Outcome, Rect, Wei

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]  # three minutes where nothing else runs

HERE = Path(__file__).parent
WHOLE = "TEGULA_TEN_THOUSAND" in os.environ
"""Set by `make ten-thousand`; among the other tests nine hundred tiles and eight workers have to do."""
WORKERS = 20 if WHOLE else 8
FRAMES, EDGE = ((1, 2, 3, 4), 500) if WHOLE else ((1,), 300)
TILE, SAMPLES = 10, 10
TILES = len(FRAMES) * (EDGE // TILE) ** 2
PRICE = 1_000
"""Of a tile, in units of the dollar: $0.001."""
ASK = PRICE * 10**6 // (TILE * TILE * SAMPLES)
BUDGET = "12" if WHOLE else "1"
"""Dollars, of which some come back."""
POCKET = Wei(100 * devchain.DOLLAR)
BLOCK_SECONDS = 1
PASSPHRASE = "pass word"
CHEAP = 2**10
"""scrypt's work: a test is no place to wait for twenty strong keystores."""
KILLS = (
    {"worker": 20, "verifier": 3, "coordinator": 3}
    if WHOLE
    else dict.fromkeys(("worker", "verifier", "coordinator"), 2)
)
LONGEST_ABSENCE = 300
"""Tiles that others finish before a worker that was killed comes back."""
CLAIMERS = 3
"""Workers that are killed when the job has just been closed, and claim."""
AWAY = 2
"""Times that the requester is away, for half of all tiles in sum."""
ABSENCE = TILES // AWAY // 2
"""Tiles that others finish meanwhile."""
HEARTBEAT_SECONDS = 1.0
"""Many are killed, and whoever is taken for dead though it lives does no harm."""
LOOK_SECONDS = 0.25
STUCK_SECONDS = 120.0
"""Without a tile accepted, or a claim."""
CLAIM_SECONDS = 120.0

Act: TypeAlias = Callable[[], None]


@dataclass
class Troupe:
    """All programs but the chain."""

    it: Stage
    folder: Path
    coordinator: Program
    verifier: Program
    workers: dict[str, Program]
    addresses: dict[str, Address]
    requester: Program | None = None
    blows: Counter[str] = field(default_factory=Counter)

    @classmethod
    def assembled(cls, it: Stage, folder: Path) -> "Troupe":
        it.patient = False
        coordinator, verifier = it.coordinator(), it.verifier(slots=8)
        started = {name: it.worker(name, ASK, **_keystore(it, name)) for name in _names()}
        workers = {name: program for name, (program, _) in started.items()}
        for program in (verifier, *workers.values()):
            welcomed(program)
        addresses = {name: address for name, (_, address) in started.items()}
        return cls(it, folder, coordinator, verifier, workers, addresses)

    def kill_worker(self, name: str) -> None:
        kill(self.workers[name])
        self.blows["worker"] += 1

    def start_worker(self, name: str) -> None:
        self.workers[name], _ = self.it.worker(name, ASK, **_keystore(self.it, name))

    def restart_verifier(self) -> None:
        kill(self.verifier)
        self.verifier = self.it.verifier(slots=8)
        self.blows["verifier"] += 1

    def restart_coordinator(self) -> None:
        kill(self.coordinator)
        self.coordinator = self.it.coordinator()
        self.blows["coordinator"] += 1

    def order(self) -> None:
        """Begins the job, or goes on with it."""
        market, asked = self.it.market, self.folder / "request.json"
        if not asked.exists():
            asked.write_text(json.dumps(painted.request(self.folder, EDGE, FRAMES, SAMPLES, TILE, BUDGET)))
        arguments = str(self.folder / "session"), market.url, market.token, str(asked)
        self.requester = self.it.run("requester", [sys.executable, str(HERE / "requester.py"), *arguments])

    def leave(self) -> None:
        assert self.requester is not None
        kill(self.requester)
        self.requester = None
        self.blows["requester"] += 1

    def end(self) -> None:
        there = (*self.workers.values(), self.verifier, self.coordinator)
        for program in there:
            program.process.send_signal(signal.SIGTERM)
        for program in there:
            assert program.process.wait() == 0, program._last_words()


class Plan:
    """What happens after how many accepted tiles; from a seed."""

    def __init__(self, troupe: Troupe, seed: int) -> None:
        self._troupe, self._random, self._order = troupe, random.Random(seed), count()
        self._acts: list[tuple[int, int, Act]] = []
        self._accepted = self._gone = 0
        self._absent: set[str] = set()
        """Workers that were killed and are not back: a second one would find its folder taken."""
        self.missed = 0
        """Tiles that were accepted while the requester was away."""
        for at in self._moments(KILLS["worker"]):
            self._add(at, self._strike_a_worker)
        for at in self._moments(KILLS["verifier"]):
            self._add(at, troupe.restart_verifier)
        for at in self._moments(KILLS["coordinator"]):
            self._add(at, troupe.restart_coordinator)
        share = TILES // AWAY
        for turn in range(AWAY):
            gone = turn * share + self._random.randrange(share // 20, share // 4)
            self._add(gone, self._leave)
        heapify(self._acts)

    def follow(self, accepted: int) -> None:
        """Does all that is due."""
        self._accepted = accepted
        while self._acts and self._acts[0][0] <= accepted:
            _, _, act = heappop(self._acts)
            act()

    def _moments(self, number: int) -> list[int]:
        return [self._random.randrange(TILES // 50, TILES - 2 * LONGEST_ABSENCE) for _ in range(number)]

    def _add(self, at: int, act: Act) -> None:
        heappush(self._acts, (at, next(self._order), act))

    def _leave(self) -> None:
        self._troupe.leave()
        self._gone = self._accepted
        self._add(min(TILES, self._gone + ABSENCE), self._return)

    def _return(self) -> None:
        self._troupe.order()
        self.missed += self._accepted - self._gone

    def _strike_a_worker(self) -> None:
        name = self._random.choice(sorted(self._troupe.workers.keys() - self._absent))
        self._troupe.kill_worker(name)
        self._absent.add(name)
        back = min(TILES, self._accepted + self._random.randrange(LONGEST_ABSENCE))
        self._add(back, lambda: self._come_back(name))

    def _come_back(self, name: str) -> None:
        self._troupe.start_worker(name)
        self._absent.remove(name)

    def interrupt_claims(self) -> None:
        for name in self._random.sample(sorted(self._troupe.workers), CLAIMERS):
            self._troupe.kill_worker(name)
            self._troupe.start_worker(name)
            welcomed(self._troupe.workers[name])  # else it may be told to end before it is there


class Watcher:
    """Counts accepted tiles, whoever of the others is there."""

    def __init__(self, it: Stage, job: JobId) -> None:
        self._client, self._job = Client(it.market.url, it.market.token, patience=60.0), job
        self._seq = self.accepted = 0

    def look(self) -> int:
        events, self._seq = self._client.events(self._job, self._seq, wait=0)
        self.accepted += sum(_accepted(event.body) for event in events if event.kind == "Judged")
        return self.accepted

    def view(self) -> JobView:
        return self._client.job(self._job)

    def close(self) -> None:
        self._client.disconnect()


def test_all_tiles_are_paid_to_the_unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}", file=sys.stderr)  # pytest shows it if this fails
    monkeypatch.setattr(keystore, "WORK", CHEAP)
    began = time.monotonic()
    with stage(stand_in=HERE / "painter.py", heartbeat_seconds=HEARTBEAT_SECONDS) as it:
        troupe = Troupe.assembled(it, tmp_path)
        purse = Purse(_made(tmp_path / "session"))
        it.chain.mint(purse.address, POCKET)
        painted.ask(it, "evm_setIntervalMining", BLOCK_SECONDS)
        ready = time.monotonic()
        troupe.order()
        job = job_in(said(troupe.coordinator, "job opened"))
        watcher = Watcher(it, job)
        plan = Plan(troupe, seed)
        _play(watcher, plan)
        rendered = time.monotonic()
        assert troupe.requester is not None
        over = json.loads(troupe.requester.wait_for(lambda line: line.startswith("{"), CLAIM_SECONDS))
        plan.interrupt_claims()
        view = watcher.view()
        watcher.close()
        escrow = Escrow.connect(it.chain.rpc, it.chain.escrow)
        _await_claims(escrow, job)
        settled = time.monotonic()

        assert over["step"] == "done", over
        assert plan.missed >= AWAY * ABSENCE, "half, and what came between two looks"
        _assert_accepted_once(view)
        _assert_right_to_the_unit(it, escrow, view, troupe, purse.address)
        _assert_complete(tmp_path, job)
        assert it.replayed()["jobs"] == {job.hex(): "CLOSED"}
        troupe.end()
        assert still_running(it.scratch) == []
        spans = {"start": ready - began, "tiles": rendered - ready, "claims": settled - rendered}
        figures = {
            "seconds": {name: round(seconds) for name, seconds in spans.items()},
            "kills": dict(troupe.blows),
            "missed": plan.missed,
            "leases": max(unit.attempt for unit in view.units),
            "gas": _gas(it),
        }
    print(json.dumps(figures), file=sys.stderr)


def _play(watcher: Watcher, plan: Plan) -> None:
    progress, since = 0, time.monotonic()
    while progress < TILES:
        accepted = watcher.look()
        plan.follow(accepted)
        if accepted > progress:
            progress, since = accepted, time.monotonic()
        assert time.monotonic() < since + STUCK_SECONDS, f"stuck at {accepted} tiles"
        threading.Event().wait(LOOK_SECONDS)
    assert progress == TILES


def _await_claims(escrow: Escrow, job: JobId) -> None:
    end = time.monotonic() + CLAIM_SECONDS
    while sum(each.amount for each in escrow.payments(job)) < TILES * PRICE:
        assert time.monotonic() < end, "not everything was claimed"
        threading.Event().wait(LOOK_SECONDS)


def _assert_accepted_once(view: JobView) -> None:
    assert len(view.units) == TILES
    for unit in view.units:
        outcomes = Counter(verdict.outcome for verdict in unit.verdicts)
        assert (unit.phase, unit.price) == (UnitPhase.ACCEPTED, PRICE)
        assert (outcomes[Outcome.ACCEPTED], outcomes[Outcome.REJECTED]) == (1, 0)


def _assert_right_to_the_unit(
    it: Stage, escrow: Escrow, view: JobView, troupe: Troupe, requester: Address
) -> None:
    earned = Counter(unit.worker for unit in view.units)
    due = {address: earned[address] * PRICE for address in troupe.addresses.values()}
    held = {address: escrow.balance(it.chain.dollar, address) for address in due}
    paid: Counter[Address] = Counter()
    for payment in escrow.payments(view.job):
        paid[payment.worker] += payment.amount
    account = escrow.account(view.job)
    assert sum(due.values()) == TILES * PRICE
    assert held == due == dict(paid)
    assert {each.worker: (each.cumulative, each.vouchered) for each in view.owed} == {
        address: (amount, amount) for address, amount in due.items()
    }
    assert escrow.balance(it.chain.dollar, requester) == POCKET - TILES * PRICE
    assert (account.open, account.funded, account.paid) == (False, TILES * PRICE, TILES * PRICE)
    assert escrow.balance(it.chain.dollar, it.chain.escrow) == 0


def _assert_complete(folder: Path, job: JobId) -> None:
    """The requester has each pixel of each frame, as the workers painted it."""
    shelf = Shelf(folder / "session")
    record = shelf.find(job)
    assert record is not None
    for frame in FRAMES:
        ours = exr.read(shelf.folder(job) / f"frame_{frame:04}.exr")
        whole = painter.painted(record.order.scene, frame, Rect(0, 0, EDGE, EDGE))
        assert ours.channels.keys() == whole.channels.keys()
        assert all(np.array_equal(ours.channels[name], plane) for name, plane in whole.channels.items())


def _gas(it: Stage) -> dict[str, Any]:
    """Of all that was sent to the escrow, by what was done; nothing was sent in vain."""
    web3 = evm.connect(it.chain.rpc)
    contract = web3.eth.contract(abi=evm.artifact("TileEscrow")["abi"])
    used: dict[str, list[int]] = {}
    for number in range(web3.eth.block_number + 1):
        for each in web3.eth.get_block(number, full_transactions=True)["transactions"]:
            if (each["to"] or "").lower() == codec.encode(it.chain.escrow):
                receipt = web3.eth.get_transaction_receipt(each["hash"])
                act, _ = contract.decode_function_input(each["input"])
                used.setdefault(act.fn_name, []).append(receipt["gasUsed"])
                assert receipt["status"] == 1, act
    sent = {name: len(gas) for name, gas in used.items()}
    assert sent == {"openWithAuthorization": 1, "claim": WORKERS, "close": 1}
    sums = {name: sum(gas) for name, gas in used.items()}
    return {"a tile": sum(sums.values()) / TILES, **sums}


def _keystore(it: Stage, name: str) -> dict[str, str]:
    """An encrypted key in the worker's folder, if it has none."""
    home = it.home(name)
    word, key = home / "passphrase", home / "payout.json"
    if not key.exists():
        word.write_text(f"{PASSPHRASE}\n")
        word.chmod(0o600)
        keystore.create(key, it.key(), PASSPHRASE)
    return {"passphrase_file": str(word)}


def _accepted(judged: dict[str, Any]) -> int:
    verdicts = judged["verdict"], *judged["others"]
    return sum(verdict["outcome"] == Outcome.ACCEPTED for verdict in verdicts)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _names() -> list[str]:
    return [f"worker-{number:02}" for number in range(1, WORKERS + 1)]
