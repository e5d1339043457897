"""Plays events into a book and says what it commands: the tests of the book read like a script."""

from dataclasses import replace

from orders import an_order
from tegula_coordinator import events
from tegula_coordinator.book import Book, Timing, checkpoint, step
from tegula_coordinator.book.state import Earned
from tegula_coordinator.commands import Command, SendLease, SendProbe, Tell, WakeAt
from tegula_coordinator.events import Event
from tegula_market.messages import Message
from tegula_market.model import (
    Address,
    Ask,
    Digest,
    JobId,
    LeaseId,
    Order,
    Outcome,
    Result,
    Signature,
    SignedVoucher,
    Verdict,
    Voucher,
    Wei,
    WorkerId,
    lease_id,
)

JOB = JobId(b"\x0a" * 32)
ANN, BOB, EVE = (WorkerId(bytes([n]) * 32) for n in (1, 2, 3))
JUDGE = WorkerId(b"\x09" * 32)
SIGNATURE = Signature(bytes(65))
NOW = 1_000.0
PRESENT = 0
WINDOW = 86_400
SIZE = 2_000_000
"""Pixel-samples of every unit here: two megasamples, so a price of 40 makes 80 a unit."""


def arbitrated(**changes: int) -> Order:
    order = an_order()
    terms = replace(order.terms, grace=4 * WINDOW, window=WINDOW, arbiter=Address(b"\x0a" * 20), **changes)
    return replace(order, terms=terms)


def payout(worker: WorkerId) -> Address:
    return Address(worker[:20])


def a_book(units: int = 2) -> Book:
    return Book(lambda _order: (SIZE,) * units, Timing(call_seconds=2, lease_seconds=100))


def play(book: Book, *script: Event) -> list[Command]:
    """Commands of the last event; the events before it set the scene."""
    for event in script[:-1]:
        step(book, present(book, event))
    last = present(book, script[-1])
    again = reread(book)
    commands = step(book, last)
    assert book.earnings == summed_up(book)
    assert (step(again, last), again) == (commands, book), "a checkpoint was another book"
    return commands


def reread(book: Book) -> Book:
    """As a start from a checkpoint of it would have it."""
    again = Book(book.sizes, book.timing)
    checkpoint.restore(again, checkpoint.pack(book))
    assert again == book
    return again


def summed_up(book: Book) -> dict[Address, dict[Address, Earned]]:
    """What the book's running sums have to be, by its jobs."""
    sums: dict[Address, dict[Address, Earned]] = {}
    for job in book.jobs.values():
        token = job.order.terms.token
        for worker, owed in job.ledger.owed.items():
            before = sums.setdefault(worker, {}).get(token, Earned())
            signed = before.signed + job.ledger.paid.get(worker, 0)
            sums[worker][token] = Earned(Wei(before.owed + owed), Wei(signed))
    return sums


def present(book: Book, event: Event) -> Event:
    """With the number of the probe that is out."""
    if isinstance(event, events.Judged | events.Suspected | events.ProbeExpired) and event.probe == PRESENT:
        of = event.verdict.lease if isinstance(event, events.Judged) else event.lease
        if of in book.probers:
            return replace(event, probe=book.probers[of].number)
    return event


def joined(worker: WorkerId, *, slots: int = 1, blender: str = "4.5.15", at: float = NOW) -> Event:
    return events.WorkerJoined(at, worker, payout(worker), blender, "CPU", slots, verifier=worker == JUDGE)


def opened(*, funded: int = 1_000, order: Order | None = None) -> Event:
    return events.JobOpened(NOW, JOB, order or an_order(), Digest(bytes(32)), SIGNATURE, Wei(funded))


def asked(worker: WorkerId, price: int, *, slots: int = 1) -> Event:
    return events.AskArrived(NOW, Ask(worker, JOB, Wei(price), slots, 2_000_000_000), warm=False)


def posted(
    worker: WorkerId, price: int, *, slots: int = 1, token: Address | None = None, at: float = NOW
) -> Event:
    return events.AskPosted(at, worker, token or an_order().terms.token, Wei(price), slots)


def called() -> Event:
    return events.CallEnded(NOW + 2, JOB)


def lease(unit: int, attempt: int = 1) -> LeaseId:
    return lease_id(JOB, unit, attempt)


def result(of: LeaseId) -> Result:
    return Result(of, Digest(b"\x05" * 32), 1.0, 0.0, "CPU", SIGNATURE)


def delivered(worker: WorkerId, unit: int, attempt: int = 1) -> Event:
    """The lowest lot is the first unit's."""
    return events.ResultArrived(NOW + 3, worker, result(lease(unit, attempt)), Digest(bytes([unit]) * 32))


def judged(unit: int, outcome: Outcome, attempt: int = 1, *, others: tuple[int, ...] = ()) -> Event:
    """Of that unit, and of others of its batch; by the probe that is out when it is played."""
    verdict, *rest = (a_verdict(lease(each, attempt), outcome) for each in (unit, *others))
    return events.Judged(NOW + 4, verdict, tuple(rest), PRESENT, ())


def a_verdict(of: LeaseId, outcome: Outcome) -> Verdict:
    return Verdict(of, outcome, 0.0, 2.0, 256, 0.1, "because", bytes(32))


def suspected(unit: int, attempt: int = 1) -> Event:
    return events.Suspected(NOW + 4, lease(unit, attempt), PRESENT, 9.0, 2.0, "odd pixels")


def vouchered(worker: WorkerId, total: int) -> Event:
    voucher = Voucher(JOB, payout(worker), Wei(total))
    return events.VoucherSigned(NOW + 5, SignedVoucher(voucher, SIGNATURE, SIGNATURE))


def leases(commands: list[Command]) -> list[tuple[WorkerId, int, int]]:
    """Worker, unit and price of every lease that goes out."""
    return [(c.lease.worker, c.lease.unit, c.lease.price) for c in commands if isinstance(c, SendLease)]


def told(commands: list[Command], worker: WorkerId) -> list[type[Message]]:
    return [type(c.message) for c in commands if isinstance(c, Tell) and c.worker == worker]


def probes(commands: list[Command]) -> list[tuple[WorkerId, int]]:
    return [(c.verifier, c.unit) for c in commands if isinstance(c, SendProbe)]


def alarms(commands: list[Command]) -> list[Event]:
    return [c.event for c in commands if isinstance(c, WakeAt)]


def with_blender(order: Order, version: str) -> Order:
    return replace(order, scene=replace(order.scene, blender=version))
