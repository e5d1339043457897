"""What a running worker shows of itself; test_agent.py has a whole one do it."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from orders import an_order
from tegula_market import messages
from tegula_market.digests import digest
from tegula_market.model import JobId, Wei, lease_id
from tegula_worker import display, snapshot
from tegula_worker.books import Books
from tegula_worker.commands import Reprobe
from tegula_worker.config import Config
from tegula_worker.display import Display
from tegula_worker.metrics import Metrics
from tegula_worker.objections import Code, Objection
from tegula_worker.pauses import Machine
from tegula_worker.snapshot import DeviceState, Idle, Standing, Working
from tegula_worker.store import Store
from tegula_worker.tallies import Tally
from tegula_worker.watch import Watch
from worker.fake_cards import CPU, FIRST
from worker.test_idleness import ASKED, JOB


class Hot:
    def read(self) -> Machine:
        return Machine(cpu_celsius=81, gpu_celsius=40)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def _display(folder: Path, clock: Clock, measured: Metrics) -> tuple[Display, Watch]:
    kept, watch = Store(folder), Watch(Config(), Hot())
    watch.look()

    def states(machine: Machine) -> tuple[DeviceState, ...]:
        return display.device_states(lambda: [(CPU, "")], machine)

    shown = (states, watch, Books(kept), kept, measured)
    return Display(folder, "http://c", *shown, scraped=True, clock=clock), watch


def test_a_moment(tmp_path: Path) -> None:
    clock, lease = Clock(), lease_id(JOB, 0, 1)
    made, watch = _display(tmp_path, clock, Metrics())
    watch.why = Objection(Code.CPU_HOT, "the CPU is at 81 °C")
    clock.now = 1060.0
    made.show(ASKED)
    seen = snapshot.read(tmp_path)
    assert seen is not None
    assert (seen.pid, seen.since, seen.at, seen.connected) == (os.getpid(), 1000, 1060, True)
    assert seen.devices == (DeviceState(CPU.words, 81),)
    assert seen.asks == (Standing(JOB, Wei(40)),)
    assert seen.idle == Idle("CPU_HOT", "the CPU is at 81 °C")

    made.note(Reprobe(messages.Probe(lease, JOB, an_order(), 0, (), 0, twin=False)))
    clock.now = 1070.0
    made.show(replace(ASKED, working=frozenset((lease,))))
    seen = snapshot.read(tmp_path)
    assert seen is not None
    assert (seen.working, seen.idle) == ((Working(lease, 1060),), None)


def test_the_books_are_not_read_at_every_heartbeat(tmp_path: Path) -> None:
    clock, measured = Clock(), Metrics()
    made, _ = _display(tmp_path, clock, measured)
    made.show(ASKED)
    job = JobId(digest(b"job"))
    Store(tmp_path, tidy=False).keep_tally(Tally(job, ASKED.hello.payout, 0, Wei(1), Wei(7), closed=True))
    token = {"token": "0x" + "00" * 20}
    made.show(ASKED)
    assert measured.registry.get_sample_value("tegula_worker_earned", token) is None
    clock.now += 31
    made.show(ASKED)
    assert measured.registry.get_sample_value("tegula_worker_earned", token) == 7


def test_a_status_without_room_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "no room")

    monkeypatch.setattr(snapshot, "write", full)
    made, _ = _display(tmp_path, Clock(), Metrics())
    made.show(ASKED)
    assert snapshot.read(tmp_path) is None
    assert list(tmp_path.glob(".status*")) == []


def test_books_that_cannot_be_read_stop_nobody(tmp_path: Path) -> None:
    """Whoever works with them says so."""
    made, _ = _display(tmp_path, Clock(), Metrics())
    (tmp_path / "tallies" / "odd.json").write_text("odd")
    made.show(ASKED)


def test_a_device_by_its_own_sensor() -> None:
    machine = Machine(cpu_celsius=81, gpu_celsius=40)
    states = display.device_states(lambda: [(CPU, ""), (FIRST, "it is gone")], machine)
    assert states == (DeviceState(CPU.words, 81), DeviceState(FIRST.words, 40, "it is gone"))
