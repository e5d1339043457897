"""Scraped over HTTP, as Prometheus does it."""

from dataclasses import replace
from urllib.request import urlopen

from listening import free_port
from tegula_market import messages
from tegula_market.adapters import scraping
from tegula_market.model import ETHER, Digest, JobId, Outcome, Result, Signature, Verdict, Wei
from tegula_worker.commands import KeepResult, NoteVerdict, Say
from tegula_worker.metrics import Metrics
from tegula_worker.statement import draw_up
from tegula_worker.tallies import Sums, Tally
from worker.test_snapshot import MOMENT

LEASE = "ab" * 32 + "/0/1"


def _scraped(address: str) -> dict[str, float]:
    with urlopen(f"http://{address}/metrics") as response:
        lines = response.read().decode().splitlines()
    told = [line.rpartition(" ") for line in lines if not line.startswith("#")]
    return {name: float(value) for name, _, value in told}


def _verdict(outcome: Outcome) -> NoteVerdict:
    verdict = Verdict(LEASE, outcome, 0.0, 1.0, 64, 0.1, "equal", bytes(32))
    return NoteVerdict(messages.Decided(verdict, Wei(5)))


def test_a_scrape() -> None:
    made, address = Metrics(), f"127.0.0.1:{free_port()}"
    result = Result(LEASE, Digest(bytes(32)), 2.0, 0.0, "CPU", Signature(bytes(65)))
    for command in (
        KeepResult(result),
        _verdict(Outcome.ACCEPTED),
        _verdict(Outcome.ACCEPTED),
        _verdict(Outcome.REJECTED),
        Say(messages.Return(LEASE, "DISK_FULL", "no room")),
        Say(messages.Probed(LEASE, (), (), 1.0)),
        Say(messages.Heartbeat()),
    ):
        made.note(command)
    made.show(MOMENT)
    made.show(replace(MOMENT, idle=replace(MOMENT.idle, code="NO_CALLS")))  # type: ignore[type-var]
    tally = Tally(JobId(b"\xab" * 32), ETHER, 0, Wei(1), Wei(12_000), Wei(12_000), Wei(2_000), closed=True)
    made.account(draw_up([], [tally], Sums().refuse("ask", "OUTBID", "", 0)))
    with scraping.served(made.registry, address):
        read = _scraped(address)
    ether = '{token="0x' + "00" * 20 + '"}'
    expected = {
        'tegula_worker_tiles_total{outcome="accepted"}': 2,
        'tegula_worker_tiles_total{outcome="rejected"}': 1,
        'tegula_worker_tiles_total{outcome="returned"}': 1,
        'tegula_worker_returned_total{failure="DISK_FULL"}': 1,
        'tegula_worker_probes_total{outcome="rendered"}': 1,
        "tegula_worker_render_seconds_sum": 2,
        'tegula_worker_render_seconds_bucket{le="3.0"}': 1,
        'tegula_worker_render_seconds_bucket{le="1.0"}': 0,
        "tegula_worker_connected": 1,
        "tegula_worker_working": 1,
        "tegula_worker_unjudged": 1,
        'tegula_worker_idle{code="NO_CALLS"}': 1,
        'tegula_worker_device_celsius{device="CPU of a test"}': 50,
        'tegula_worker_device_aside{device="CUDA of a test"}': 1,
        f"tegula_worker_earned{ether}": 12_000,
        f"tegula_worker_claimed{ether}": 2_000,
        'tegula_worker_no_work{code="OUTBID",kind="ask"}': 1,
    }
    assert {name: read.get(name) for name in expected} == expected
    assert 'tegula_worker_idle{code="OUTBID"}' not in read, "it is not so any more"
