"""A job that waits for a price, and a worker whose price comes down by night: both pure cores, and the wire
between them. Nobody waits in it: the clock is the test's."""

from datetime import datetime

from coordinator.playbook import ANN, JOB, NOW, a_book, payout
from orders import an_order
from tegula_coordinator import events
from tegula_coordinator.book import Book
from tegula_coordinator.book import step as follow
from tegula_coordinator.commands import Greet, SendLease, Tell
from tegula_coordinator.events import Event
from tegula_market import messages
from tegula_market.model import Ask, Digest, Lease, Signature, Wei
from tegula_worker import pricing
from tegula_worker import session as worker
from tegula_worker.commands import Command, Consider, Say, Work
from tegula_worker.events import Considered, Heard, Repriced, Started
from tegula_worker.pricing import Facts, PriceRule, Pricing
from tegula_worker.replies import Device
from tegula_worker.session import Session
from tegula_worker.spans import Span

ORDER = an_order()
RULES = Pricing(base=Wei(120), rules=(PriceRule((Span.parse("22:00-06:00"),), percent=50),))
"""The order pays 100 at most."""
HELLO = messages.Hello(payout(ANN), Signature(bytes(65)), ORDER.scene.blender, "CPU", 1, verifier=False)
EVENING, NIGHT, MORNING = (datetime(2026, 7, 6, hour) for hour in (20, 22, 7))  # noqa: DTZ001 local times


class Market:
    """One coordinator and one worker, who hear each other at once."""

    def __init__(self) -> None:
        self.book: Book = a_book(units=4)
        self.session = Session(HELLO)
        self.when = EVENING
        self.works: list[Lease] = []
        self.calls = 0

    def worker(self, event: worker.Event) -> None:
        self.session, commands = worker.step(self.session, event)
        for command in commands:
            self._does(command)

    def looks_at_its_rules(self, when: datetime) -> None:
        self.when = when
        self.worker(Repriced(ORDER.terms.token, self._price()))

    def coordinator(self, event: Event) -> None:
        for command in follow(self.book, event):
            match command:
                case Greet():
                    self._hears(messages.Welcome("token", 1.0))
                case Tell(_, message):
                    self._hears(message)
                case SendLease(lease):
                    self._hears(messages.Grant(lease, Digest(bytes(32))))
                case _:
                    pass

    def _price(self) -> Wei:
        return pricing.ask(RULES, Facts(self.when, Device.CPU))

    def _hears(self, message: messages.FromCoordinator) -> None:
        self.calls += isinstance(message, messages.Call)
        self.worker(Heard(NOW, messages.from_coordinator(messages.encode(message))))

    def _does(self, command: Command) -> None:
        match command:
            case Say(message):
                self._says(messages.from_worker(messages.encode(message)))
            case Consider(call):
                self.worker(Considered(call.order, messages.AskFor(call.job, self._price(), 1, 2**31, False)))
            case Work(lease, _):
                self.works.append(lease)
            case _:
                pass

    def _says(self, said: messages.FromWorker) -> None:
        match said:
            case messages.Hello():
                about = said.payout, said.blender, said.device, said.slots, said.verifier
                self.coordinator(events.WorkerJoined(NOW, ANN, *about))
            case messages.Post(token, price, slots):
                self.coordinator(events.AskPosted(NOW, ANN, token, price, slots))
            case messages.AskFor(job, price, slots, expiry):
                self.coordinator(events.AskArrived(NOW, Ask(ANN, job, price, slots, expiry), warm=False))
            case _:
                raise AssertionError(said)


def test_a_worker_whose_price_falls_by_night_gets_the_job_that_waited_and_no_more_of_it_by_day() -> None:
    market = Market()
    market.looks_at_its_rules(EVENING)
    market.worker(Started(NOW))
    opening = events.JobOpened(NOW, JOB, ORDER, Digest(bytes(32)), Signature(bytes(65)), Wei(1_000))
    market.coordinator(opening)
    market.coordinator(events.CallEnded(NOW + 2, JOB))
    assert (market.calls, market.works) == (1, []), "it asks 120"

    for hour in (20, 21):
        market.looks_at_its_rules(EVENING.replace(hour=hour))
    assert market.calls == 1

    market.looks_at_its_rules(NIGHT)
    market.coordinator(events.CallEnded(NOW + 4, JOB))
    (lease,) = market.works
    assert (market.calls, lease.unit, lease.price) == (2, 0, 120), "two megasamples at 60"
    market.looks_at_its_rules(NIGHT.replace(hour=23))
    assert market.calls == 2

    market.looks_at_its_rules(MORNING)
    market.coordinator(events.CallEnded(NOW + 6, JOB))
    market.coordinator(events.LeaseReturned(NOW + 7, ANN, lease.id, "CRASHED", "it crashed"))
    assert (market.calls, len(market.works)) == (3, 1), "it asks 120 again"
