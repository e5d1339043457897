from copy import deepcopy

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from tegula_market.ledger import Ledger, Overdrawn
from tegula_market.model import Address, InvalidValue, LeaseId, Wei

ANN, BOB = Address(b"a" * 20), Address(b"b" * 20)
LEASE, OTHER = LeaseId("job/0/1"), LeaseId("job/1/1")

amounts = st.integers(1, 60).map(Wei)
workers = st.sampled_from([ANN, BOB])


class Bookkeeping(RuleBasedStateMachine):
    """Any order of bookings keeps the invariants, against a plain sum kept beside it."""

    leases = Bundle("leases")

    def __init__(self):
        super().__init__()
        self.ledger = Ledger(Wei(100))
        self.funded = 100
        self.held = {}
        self.earned = {ANN: 0, BOB: 0}
        self.paid = {ANN: 0, BOB: 0}
        self.count = 0

    @rule(amount=amounts)
    def fund(self, amount):
        self.ledger.fund(amount)
        self.funded += amount

    @rule(target=leases, amount=amounts)
    def reserve(self, amount):
        self.count += 1
        lease = LeaseId(f"job/{self.count}/1")
        room = self.funded - sum(self.held.values()) - sum(self.earned.values())
        if amount > room:
            with pytest.raises(Overdrawn):
                self.ledger.reserve(lease, amount)
        else:
            self.ledger.reserve(lease, amount)
            self.held[lease] = amount
        return lease

    @rule(lease=leases, amount=amounts)
    def reserve_twice(self, lease, amount):
        if lease in self.held:
            with pytest.raises(Overdrawn):
                self.ledger.reserve(lease, amount)

    @rule(lease=leases)
    def release(self, lease):
        if self.held.pop(lease, None) is None:
            with pytest.raises(Overdrawn):
                self.ledger.release(lease)
        else:
            self.ledger.release(lease)

    @rule(target=leases, lease=leases, other=leases)
    def pass_on(self, lease, other):
        """A unit's reserve goes to its other lease, or to a new one, and stays what it was."""
        self.count += 1
        new = LeaseId(f"job/{self.count}/2")
        for to in (other, new):
            if lease not in self.held or to in self.held:
                with pytest.raises(Overdrawn):
                    self.ledger.pass_on(lease, to)
            else:
                self.ledger.pass_on(lease, to)
                self.held[to] = self.held.pop(lease)
        return new

    @rule(lease=consumes(leases), worker=workers)
    def owe_and_never_again(self, lease, worker):
        if lease in self.held:
            self.earned[worker] += self.held.pop(lease)
            self.ledger.owe(lease, worker)
        for ended in (self.ledger.owe, lambda lease, _: self.ledger.release(lease)):
            with pytest.raises(Overdrawn):
                ended(lease, worker)

    @rule(worker=workers, total=amounts)
    def pay(self, worker, total):
        if total > self.earned[worker]:
            with pytest.raises(Overdrawn):
                self.ledger.pay(worker, total)
            return
        self.ledger.pay(worker, total)
        before = deepcopy(self.ledger)
        self.ledger.pay(worker, total)
        assert self.ledger == before
        self.paid[worker] = max(self.paid[worker], total)

    @rule()
    def close(self):
        closed = deepcopy(self.ledger)
        if self.held:
            with pytest.raises(Overdrawn, match="end them first"):
                closed.close()
            assert closed == self.ledger
            return
        assert closed.close() == self.funded - sum(self.earned.values())
        assert (closed.free, closed.owed, closed.paid) == (0, self.ledger.owed, self.ledger.paid)
        assert closed.close() == 0

    @invariant()
    def books_balance(self):
        ledger = self.ledger
        assert ledger.funded == self.funded
        assert ledger.reserved == self.held
        assert {worker: ledger.owed.get(worker, 0) for worker in self.earned} == self.earned
        assert {worker: ledger.paid.get(worker, 0) for worker in self.paid} == self.paid
        assert all(paid <= ledger.owed[worker] for worker, paid in ledger.paid.items())
        assert ledger.total_paid <= ledger.total_owed
        assert ledger.total_owed + ledger.total_reserved + ledger.free == ledger.funded
        assert ledger.free >= 0


TestBookkeeping = Bookkeeping.TestCase


def test_a_ledger_that_does_not_balance_cannot_be_made():
    with pytest.raises(Overdrawn, match="exceed 10"):
        Ledger(Wei(10), reserved={LEASE: Wei(6)}, owed={ANN: Wei(5)})
    with pytest.raises(Overdrawn, match="exceeds 5 owed"):
        Ledger(Wei(10), owed={ANN: Wei(5), BOB: Wei(5)}, paid={ANN: Wei(6)})
    with pytest.raises(Overdrawn, match="exceeds 0 owed"):
        Ledger(Wei(10), paid={ANN: Wei(1)})
    with pytest.raises(Overdrawn):
        Ledger(Wei(-1))


def test_amounts_below_zero_cannot_hide_in_the_sums():
    with pytest.raises(InvalidValue):
        Ledger(Wei(10), reserved={LEASE: Wei(-5)}, owed={ANN: Wei(15)})
    with pytest.raises(InvalidValue):
        Ledger(Wei(10), owed={ANN: Wei(-5), BOB: Wei(15)})
    with pytest.raises(InvalidValue):
        Ledger(Wei(10), owed={ANN: Wei(5)}, paid={ANN: Wei(-1)})


@pytest.mark.parametrize("amount", [0, -1])
def test_amounts_are_above_zero(amount):
    ledger = Ledger(Wei(10))
    for booking in (
        lambda: ledger.fund(Wei(amount)),
        lambda: ledger.reserve(LEASE, Wei(amount)),
        lambda: ledger.pay(ANN, Wei(amount)),
    ):
        with pytest.raises(InvalidValue, match="above 0"):
            booking()


def test_one_lease_from_reserve_to_refund():
    ledger = Ledger(Wei(10))
    ledger.reserve(LEASE, Wei(4))
    ledger.reserve(OTHER, Wei(6))
    assert ledger.free == 0
    ledger.owe(LEASE, ANN)
    assert ledger.release(OTHER) == 6
    assert (ledger.free, ledger.owed) == (6, {ANN: 4})
    ledger.pay(ANN, Wei(4))
    assert (ledger.close(), ledger.funded, ledger.total_paid) == (6, 4, 4)
    with pytest.raises(Overdrawn):
        ledger.reserve(LEASE, Wei(1))


def test_what_is_refused_changes_nothing():
    ledger = Ledger(Wei(10), reserved={LEASE: Wei(6)}, owed={ANN: Wei(3)})
    before = deepcopy(ledger)
    for booking in (
        lambda: ledger.reserve(OTHER, Wei(2)),
        lambda: ledger.reserve(LEASE, Wei(1)),
        lambda: ledger.release(OTHER),
        lambda: ledger.pass_on(OTHER, LEASE),
        lambda: ledger.pass_on(LEASE, LEASE),
        lambda: ledger.pass_on(OTHER, LeaseId("job/2/1")),
        lambda: ledger.owe(OTHER, ANN),
        lambda: ledger.pay(ANN, Wei(4)),
        ledger.close,
    ):
        with pytest.raises(Overdrawn):
            booking()
        assert ledger == before
