from tegula_coordinator import events
from tegula_coordinator.alarms import FEW, Alarms
from tegula_coordinator.events import Event
from tegula_market.model import JobId

JOB = JobId(bytes(32))


def ended(at: float) -> Event:
    return events.CallEnded(at, JOB)


def test_alarms_ring_in_the_order_of_their_time() -> None:
    alarms = Alarms(lambda _: True)
    for at in (3.0, 1.0, 2.0):
        alarms.set(ended(at))
    assert alarms.next() == 1.0
    assert alarms.due(0.5) == []
    assert alarms.due(2.0) == [ended(1.0), ended(2.0)]
    assert alarms.next() == 3.0
    assert alarms.due(9.0) == [ended(3.0)]
    assert alarms.next() is None


def test_those_of_one_time_ring_in_the_order_in_which_they_were_set() -> None:
    alarms, first, second = Alarms(lambda _: True), events.Restarted(1.0), ended(1.0)
    alarms.set(first)
    alarms.set(second)
    assert alarms.due(1.0) == [first, second]


def test_what_no_longer_matters_does_not_pile_up() -> None:
    alarms = Alarms(lambda event: event.at < 10)
    for number in range(100 * FEW):
        alarms.set(ended(float(number)))
    assert len(alarms) <= FEW
    assert [event.at for event in alarms.due(9.5)] == [float(number) for number in range(10)]


def test_what_matters_is_never_let_go() -> None:
    alarms = Alarms(lambda _: True)
    for number in range(5 * FEW):
        alarms.set(ended(float(number)))
    assert len(alarms.due(float(5 * FEW))) == 5 * FEW
