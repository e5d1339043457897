"""Anything fails, at any time, for as long as one likes: nothing is lost, and nothing is paid twice.

The programs are the real ones: a coordinator on PostgreSQL with its blobs in an S3 store, anvil that makes a
block each second, workers, two verifiers, sessions of the extension that order one job after the other. Only
what is rendered is painted (`painter.py`). `make soak` plays ten minutes; among the other tests it is one.
"""

import json
import os
import random
import shutil
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from buckets import s3
from databases import postgresql
from end_to_end import painted
from end_to_end.faults import Fate, Part, of_ground, of_parts
from end_to_end.processes import still_running
from end_to_end.stage import Stage, said, stage, welcomed
from tegula.programs import Program
from tegula_blender.client import Client
from tegula_blender.job_view import JobPhase, JobView, UnitPhase
from tegula_blender.session.purse import KEY, Purse
from tegula_blender.session.shelf import Record, Shelf
from tegula_coordinator import events
from tegula_coordinator.store import EventLog
from tegula_market.adapters import devchain
from tegula_market.adapters.chain import Escrow, Status
from tegula_market.model import Address, Outcome, Wei, lease_parts

SECONDS = float(os.environ.get("TEGULA_SOAK_SECONDS", "20"))
"""In which things fail; what is under way then comes to its end in peace."""
SEED = os.environ.get("TEGULA_SOAK_SEED")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(SECONDS + 900),
    pytest.mark.skipif(devchain.find_anvil() is None, reason="freezes anvil; run make setup with npm"),
]

HERE = Path(__file__).parent
LONG = SECONDS >= 120
WORKERS = 4 if LONG else 2
LANES = 2 if LONG else 1
"""Requesters at a time."""
PAUSES = (2.0, 8.0) if LONG else (0.5, 2.0)
LONGEST_OUTAGE = 60.0 if LONG else 8.0
"""Seconds, of the database or the store of blobs."""
EDGE, TILE, SAMPLES = (150, 10, 10) if LONG else (80, 10, 10)
TILES = (EDGE // TILE) ** 2
PRICE = 1_000
"""Of a tile, in units of the dollar."""
ASK = PRICE * 10**6 // (TILE * TILE * SAMPLES)
BUDGET = "1"
POCKET = Wei(1_000 * devchain.DOLLAR)
LOOK_SECONDS = 0.1
AGAIN_SECONDS = 3.0
"""Between two tries of a requester that cannot reach the coordinator before its deposit."""
STUCK_SECONDS = 300.0
"""Without a job done, once nothing fails any more."""
CLAIM_SECONDS = 240.0


@dataclass
class Lane:
    """One job after the other of one artist, each with a session of the extension of its own."""

    it: Stage
    folder: Path
    account: Path
    done: list[Record] = field(default_factory=list)
    again: int = 0
    """Sessions that could not go on, and were told to again."""
    rests_until: float = 0.0

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.part = Part(self.folder.name, self.order, self.order())

    @property
    def session(self) -> Path:
        return self.folder / f"job-{len(self.done)}"

    def order(self) -> Program:
        """Begins the next job, or goes on with it."""
        session, asked = self.session, self.folder / "request.json"
        if not session.exists():
            session.mkdir()
            shutil.copyfile(self.account / KEY, session / KEY)
            (session / KEY).chmod(0o600)
            wanted = painted.request(self.folder, EDGE, (1,), SAMPLES, TILE, BUDGET, seed=len(self.done))
            asked.write_text(json.dumps(wanted))
        market = self.it.market
        arguments = str(session), market.url, market.token, str(asked)
        return self.it.run(self.folder.name, [sys.executable, str(HERE / "requester.py"), *arguments])

    def look(self, *, more: bool) -> bool:
        """Whether a job has been done since; another is begun if there are to be more."""
        part = self.part
        if part.missing or part.program.process.poll() is None or time.monotonic() < self.rests_until:
            return False
        over = json.loads(part.program.wait_for(lambda line: line.startswith("{"), 10.0))
        if over["step"] != "done":  # before its deposit, or it can go on
            assert not any(record.settled for record in Shelf(self.session).records()), over
            self.again += 1
            print(f"{part.name}: {over['sentence']}", file=sys.stderr)
            self.rests_until = time.monotonic() + AGAIN_SECONDS
            part.revive()
            return False
        (record,) = Shelf(self.session).records()
        self.done.append(record)
        part.missing = not more
        if more:
            part.revive()
        return True

    @property
    def busy(self) -> bool:
        return not self.part.missing


@dataclass
class Market:
    it: Stage
    coordinator: Part
    verifiers: list[Part]
    workers: list[Part]
    addresses: list[Address]
    lanes: list[Lane]

    @classmethod
    def opened(cls, it: Stage, folder: Path) -> "Market":
        it.patient = False
        coordinator = Part("coordinator", it.standby, it.coordinator())
        verifiers = [_part("verifier", it.verifier), _part("second verifier", it.second_verifier)]
        hired = {name: it.worker(name, ASK) for name in (f"worker-{n}" for n in range(1, WORKERS + 1))}
        workers = [Part(name, partial(_rehired, it, name), hired[name][0]) for name in hired]
        for part in (*verifiers, *workers):
            welcomed(part.program)
        (account := folder / "account").mkdir()
        it.chain.mint(Purse(account).address, POCKET)
        painted.ask(it, "evm_setIntervalMining", 1)
        lanes = [Lane(it, folder / f"requester-{number}", account) for number in range(1, LANES + 1)]
        addresses = [address for _, address in hired.values()]
        return cls(it, coordinator, verifiers, workers, addresses, lanes)

    @property
    def parts(self) -> list[Part]:
        return [self.coordinator, *self.verifiers, *self.workers]

    @property
    def done(self) -> list[Record]:
        return [record for lane in self.lanes for record in lane.done]

    def end(self) -> None:
        for part in reversed(self.parts):
            part.end()


def test_whatever_fails_every_tile_is_paid_once(tmp_path: Path) -> None:
    by_chance = random.SystemRandom().randrange(2**32) if LONG else 0  # a short one is the same each time
    seed = int(SEED) if SEED else by_chance
    print(f"seed {seed}", file=sys.stderr)  # pytest shows it if this fails
    with postgresql() as database, s3() as store:
        url, blobs = database.fresh(), store.fresh()
        elsewhere = {
            "database": url,
            "blobs": blobs,
            "s3_endpoint": store.endpoint,
            "s3_credentials_file": str(store.credentials),
        }
        with stage(cuttable=True, stand_in=HERE / "painter.py", **elsewhere) as it:
            market = Market.opened(it, tmp_path)
            faults = [
                *of_parts([market.coordinator], "coordinator"),
                *of_parts(market.verifiers, "verifier"),
                *of_parts(market.workers, "worker"),
                *of_parts([lane.part for lane in market.lanes], "requester"),
                *of_ground(it, database, store, LONGEST_OUTAGE),
            ]
            fate = Fate(faults, seed, PAUSES)
            play(market, fate)
            views = seen(it, market.done)
            escrow = Escrow.connect(it.chain.rpc, it.chain.escrow)
            assert_accepted_once(views, url)
            await_claims(escrow, views, market)
            assert_right_to_the_unit(market, escrow, views)
            assert it.replayed()["jobs"] == {record.job.hex(): "CLOSED" for record in market.done}
            market.end()
            assert still_running(it.scratch) == []
            assert list(leftovers(it)) == []
            told = {part.name: part.came_back for part in market.parts if part.came_back}
            again = sum(lane.again for lane in market.lanes)
            leases = max(unit.attempt for view in views for unit in view.units)
            figures = {"jobs": len(views), "tiles": len(views) * TILES, "leases of a tile": leases}
            print(json.dumps({**figures, "sessions told again": again}), file=sys.stderr)
            print(json.dumps({"faults": fate.struck, "ended with a sentence": told}), file=sys.stderr)


def play(market: Market, fate: Fate) -> None:
    said(market.coordinator.program, "job opened")
    began = time.monotonic()
    end = progress = began + SECONDS
    while True:
        now = time.monotonic()
        if now < end:
            fate.go_on(now)
        else:
            fate.calm()
        for part in market.parts:
            part.look()
        for lane in market.lanes:
            if not fate.holds(lane.part.name) and lane.busy and lane.look(more=now < end):
                progress = max(progress, now)
        if now >= end and not any(lane.busy for lane in market.lanes):
            return  # after the calm: one that was killed is not done
        assert now < progress + STUCK_SECONDS, f"stuck after {len(market.done)} jobs\n{last_words(market)}"
        threading.Event().wait(LOOK_SECONDS)


def seen(it: Stage, done: list[Record]) -> list[JobView]:
    client = Client(it.market.url, it.market.token, patience=60.0)
    try:
        return [client.job(record.job) for record in done]
    finally:
        client.disconnect()


def await_claims(escrow: Escrow, views: list[JobView], market: Market) -> None:
    end = time.monotonic() + CLAIM_SECONDS
    while unpaid := [line for view in views for line in _unpaid(escrow, view)]:
        assert time.monotonic() < end, f"not claimed: {unpaid}\n{last_words(market)}"
        threading.Event().wait(1.0)


def _unpaid(escrow: Escrow, view: JobView) -> Iterator[str]:
    paid: Counter[Address] = Counter()
    for payment in escrow.payments(view.job):
        paid[payment.worker] += payment.amount
    for dues in view.owed:
        if paid[dues.worker] < dues.cumulative:
            yield f"{dues.worker.hex()} has {paid[dues.worker]} of {dues.cumulative} of job {view.job.hex()}"


def last_words(market: Market) -> str:
    lines = [(part.name, line) for part in market.parts for line in list(part.program._lines)[-20:]]
    return "\n".join(f"{name}: {line}" for name, line in lines)


def assert_accepted_once(views: list[JobView], url: str) -> None:
    """As the coordinator tells it, and as its log has it."""
    with closing(EventLog(url)) as log:
        verdicts = [
            verdict
            for recorded in log.replay()
            if isinstance(recorded.event, events.Judged)
            for verdict in (recorded.event.verdict, *recorded.event.others)
        ]
    assert Outcome.REJECTED not in {verdict.outcome for verdict in verdicts}
    accepted = Counter(lease_parts(v.lease)[:2] for v in verdicts if v.outcome is Outcome.ACCEPTED)
    assert accepted == {(view.job, unit): 1 for view in views for unit in range(TILES)}
    for view in views:
        assert view.phase is JobPhase.CLOSED
        assert [(unit.phase, unit.price) for unit in view.units] == [(UnitPhase.ACCEPTED, PRICE)] * TILES
        assert [dues.vouchered for dues in view.owed] == [dues.cumulative for dues in view.owed]


def assert_right_to_the_unit(market: Market, escrow: Escrow, views: list[JobView]) -> None:
    it, earned, paid = market.it, Counter[Any](), Counter[Any]()
    for view in views:
        here = Counter(unit.worker for unit in view.units)
        dues = {worker: number * PRICE for worker, number in here.items()}
        assert {each.worker: each.cumulative for each in view.owed} == dues
        earned.update(dues)
        for payment in escrow.payments(view.job):
            paid[payment.worker] += payment.amount
        account = escrow.account(view.job)
        assert account.status is Status.CLOSED
        assert account.funded == account.paid == TILES * PRICE
    requester = Purse(market.lanes[0].account).address
    assert paid == earned
    assert {address: escrow.balance(it.chain.dollar, address) for address in market.addresses} == {
        address: earned[address] for address in market.addresses
    }
    assert escrow.balance(it.chain.dollar, requester) == POCKET - len(views) * TILES * PRICE
    assert escrow.balance(it.chain.dollar, it.chain.escrow) == 0


def leftovers(it: Stage) -> Iterator[Path]:
    """What programs that were killed have left, and those that came after them have not swept."""
    yield from (path for path in it.scratch.rglob("*") if path.is_file())
    yield from (it.home("coordinator") / "data" / "incoming").iterdir()
    for number in range(1, WORKERS + 1):
        yield from (it.home(f"worker-{number}") / "images").iterdir()


def _part(name: str, start: Any) -> Part:
    """A verifier, which probes several tiles at a time."""
    start = partial(start, slots=4)
    return Part(name, start, start())


def _rehired(it: Stage, name: str) -> Program:
    program, _ = it.worker(name, ASK)
    return program
