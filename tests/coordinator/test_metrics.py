"""Of what has happened in a book, as Prometheus reads it."""

import inspect
import re
from dataclasses import replace

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from coordinator.playbook import (
    ANN,
    BOB,
    JUDGE,
    NOW,
    a_book,
    asked,
    called,
    delivered,
    joined,
    judged,
    lease,
    opened,
    present,
    vouchered,
)
from orders import an_order
from tegula_coordinator import events
from tegula_coordinator.book import Book, step
from tegula_coordinator.events import Event
from tegula_coordinator.metrics import FAILURES, Metrics
from tegula_market import codec
from tegula_market.model import Outcome
from tegula_worker import rendering
from tegula_worker.replies import Failure

TOKEN = '{token="' + codec.encode(an_order().terms.token) + '"}'


def played(book: Book, metrics: Metrics, *script: Event) -> None:
    """As the bookkeeper does it."""
    for event in script:
        now = present(book, event)
        follows = step(book, now)
        metrics.note(now, follows)
        for command in follows:
            metrics.sent(command)


def read(metrics: Metrics) -> dict[str, float]:
    found = {}
    for family in text_string_to_metric_families(generate_latest(metrics.registry).decode()):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            name = sample.name.removeprefix("tegula_coordinator_")
            found[f"{name}{{{labels}}}" if labels else name] = sample.value
    return found


def test_a_job_from_call_to_voucher() -> None:
    book, made = a_book(units=3), Metrics()
    played(book, made, joined(ANN), joined(BOB), opened(), asked(ANN, 40), called(), delivered(ANN, 0))
    made.show(book, NOW + 13)
    seen = read(made)
    expected = {
        'workers{device="CPU",kind="worker"}': 2,
        'tiles{phase="LEASED"}': 1,
        'tiles{phase="DELIVERED"}': 1,
        'tiles{phase="OPEN"}': 1,
        'jobs{phase="OPEN"}': 1,
        'under_way{kind="leases"}': 1,
        'under_way{kind="probes"}': 0,
        'oldest_seconds{queue="verifier"}': 10,
        'oldest_seconds{queue="lease"}': 0,
        'leases_total{step="granted"}': 2,
        'leases_total{step="delivered"}': 1,
        'events_total{kind="WorkerJoined"}': 2,
        "result_to_lease_seconds_count": 1,
        f"reserved{TOKEN}": 160,
        f"owed{TOKEN}": 0,
    }
    assert {name: seen.get(name) for name in expected} == expected
    played(
        book, made, joined(JUDGE), judged(0, Outcome.ACCEPTED), delivered(ANN, 1), judged(1, Outcome.REJECTED)
    )
    made.show(book, NOW + 14)
    seen = read(made)
    expected = {
        'workers{device="CPU",kind="verifier"}': 1,
        'tiles{phase="ACCEPTED"}': 1,
        'tiles{phase="DELIVERED"}': None,
        'verdicts_total{outcome="ACCEPTED"}': 1,
        'verdicts_total{outcome="REJECTED"}': 1,
        f"owed{TOKEN}": 80,
    }
    assert {name: seen.get(name) for name in expected} == expected
    played(book, made, vouchered(ANN, 80))
    made.show(book, NOW + 15)
    assert read(made)[f"owed{TOKEN}"] == 0


def test_leases_that_come_to_nothing_and_a_job_that_waits() -> None:
    book, made = a_book(units=2), Metrics()
    played(
        book, made, joined(ANN, slots=2), joined(BOB, slots=2), opened(), asked(ANN, 40, slots=2), called()
    )
    made.show(book, NOW)
    assert read(made)['oldest_seconds{queue="lease"}'] == 0
    played(
        book,
        made,
        events.LeaseReturned(NOW + 3, ANN, lease(0), "OUT_OF_MEMORY", "no room"),
        events.LeaseReturned(NOW + 4, ANN, lease(1), "OUT_OF_MEMORY", "no room"),
    )
    played(book, made, asked(BOB, 40, slots=2), called())
    expired = lease(0, attempt=2)
    played(book, made, events.LeaseExpired(NOW + 200, expired), events.WorkerLeft(NOW + 201, BOB, "silent"))
    for now in (300, 330):
        made.show(book, NOW + now)
    seen = read(made)
    expected = {
        'returned_total{failure="OUT_OF_MEMORY"}': 2,
        'leases_total{step="returned"}': 2,
        'leases_total{step="expired"}': 1,
        'oldest_seconds{queue="lease"}': 30,
        'workers{device="CPU",kind="worker"}': 1,
    }
    assert {name: seen.get(name) for name in expected} == expected


def test_a_worker_makes_no_series_of_its_own() -> None:
    book, made = a_book(units=2), Metrics()
    here = joined(ANN, slots=2), joined(BOB, slots=2)
    played(book, made, *here, opened(), asked(ANN, 40, slots=2), called())
    returned = events.LeaseReturned(NOW + 3, ANN, lease(0), "a word that no program says", "because")
    played(book, made, returned, replace(returned, lease=lease(1), failure="DISK_FULL"))
    seen = {name: value for name, value in read(made).items() if name.startswith("returned_total")}
    assert seen == {'returned_total{failure="other"}': 1, 'returned_total{failure="DISK_FULL"}': 1}


def test_every_failure_that_a_worker_says_is_counted_by_its_name() -> None:
    """Read from the worker's source, which nothing of the coordinator's may import."""
    kinds = set(re.findall(r'return "([A-Z_]+)"', inspect.getsource(rendering._failure)))
    assert kinds >= {"DISK_FULL", "INVALID_ORDER"}
    assert {failure.value for failure in Failure} | kinds == FAILURES


def test_the_disk_the_parts_and_the_loop() -> None:
    made = Metrics()
    made.disk(1000, 5000)
    made.disk(None, 4000)  # the store was away
    made.ready([("chain", True), ("verifier", False)])
    made.late(0.02)
    with made.appending():
        pass
    seen = read(made)
    expected = {
        "blob_bytes": 1000,
        "free_bytes": 4000,
        'ready{part="chain"}': 1,
        'ready{part="verifier"}': 0,
        'loop_lag_seconds_bucket{le="0.01"}': 0,
        'loop_lag_seconds_bucket{le="0.03"}': 1,
        "append_seconds_count": 1,
    }
    assert {name: seen.get(name) for name in expected} == expected
