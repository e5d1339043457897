"""What Prometheus scrapes. Counters begin at 0 with every start; amounts are in the token's units."""

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from tegula_market import messages
from tegula_worker.commands import Command, KeepResult, NoteVerdict, Say
from tegula_worker.snapshot import Snapshot
from tegula_worker.statement import Statement

SECONDS = (0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000)
"""Bounds of the histograms."""
AMOUNTS = "earned", "unsigned", "owed", "rooted", "claimed"


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        here: dict[str, Any] = {"namespace": "tegula_worker", "registry": self.registry}
        self._tiles = Counter("tiles", "Verdicts by outcome, and leases given back", ("outcome",), **here)
        self._returned = Counter("returned", "Leases given back, by failure", ("failure",), **here)
        self._probes = Counter("probes", "Probes rendered for the coordinator", ("outcome",), **here)
        self._render = Histogram("render_seconds", "Rendering a tile", buckets=SECONDS, **here)
        self._load = Histogram("load_seconds", "Opening its scene; 0 if warm", buckets=SECONDS, **here)
        self._connected = Gauge("connected", "Whether the coordinator knows this worker", **here)
        self._working = Gauge("working", "Tiles and probes under way", **here)
        self._unjudged = Gauge("unjudged", "Tiles that wait for their verdict", **here)
        self._idle = Gauge("idle", "1 for the reason why nothing is rendered", ("code",), **here)
        self._celsius = Gauge("device_celsius", "Where a sensor tells", ("device",), **here)
        self._aside = Gauge("device_aside", "1 if it is not used any more", ("device",), **here)
        self._no_work = Gauge("no_work", "Times, since the books began", ("kind", "code"), **here)
        self._amounts = {
            name: Gauge(name, f"{name.capitalize()} in all, in the token's units", ("token",), **here)
            for name in AMOUNTS
        }

    def note(self, command: Command) -> None:
        match command:
            case KeepResult(result):
                self._render.observe(result.render_seconds)
                self._load.observe(result.load_seconds)
            case NoteVerdict(messages.Decided(verdict)):
                self._tiles.labels(verdict.outcome.value.lower()).inc()
            case Say(messages.Return(_, failure)):
                self._tiles.labels("returned").inc()
                self._returned.labels(failure).inc()
            case Say(messages.Probed()):
                self._probes.labels("rendered").inc()
            case Say(messages.ProbeFailed()):
                self._probes.labels("failed").inc()
            case _:
                pass

    def show(self, moment: Snapshot) -> None:
        self._connected.set(moment.connected)
        self._working.set(len(moment.working))
        self._unjudged.set(len(moment.unjudged))
        for gauge in (self._idle, self._celsius, self._aside):
            gauge.clear()  # of what is not so any more
        if moment.idle is not None:
            self._idle.labels(moment.idle.code).set(1)
        for device in moment.devices:
            self._aside.labels(device.name).set(bool(device.aside))
            if device.celsius is not None:
                self._celsius.labels(device.name).set(device.celsius)

    def account(self, drawn: Statement) -> None:
        for line in drawn.tokens:
            for name, gauge in self._amounts.items():
                gauge.labels("0x" + line.token.hex()).set(getattr(line, name))
        for each in drawn.refusals:
            self._no_work.labels(each.kind, each.code).set(each.count)
