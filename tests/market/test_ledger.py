import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from tegula_market.ledger import Ledger, Overdrawn, close, fund, owe, pay, release, reserve
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
        self.ledger = fund(self.ledger, amount)
        self.funded += amount

    @rule(target=leases, amount=amounts)
    def reserve(self, amount):
        self.count += 1
        lease = LeaseId(f"job/{self.count}/1")
        room = self.funded - sum(self.held.values()) - sum(self.earned.values())
        if amount > room:
            with pytest.raises(Overdrawn):
                reserve(self.ledger, lease, amount)
        else:
            self.ledger = reserve(self.ledger, lease, amount)
            self.held[lease] = amount
        return lease

    @rule(lease=leases, amount=amounts)
    def reserve_twice(self, lease, amount):
        if lease in self.held:
            with pytest.raises(Overdrawn):
                reserve(self.ledger, lease, amount)

    @rule(lease=leases)
    def release(self, lease):
        if self.held.pop(lease, None) is None:
            with pytest.raises(Overdrawn):
                release(self.ledger, lease)
        else:
            self.ledger = release(self.ledger, lease)

    @rule(lease=consumes(leases), worker=workers)
    def owe_and_never_again(self, lease, worker):
        if lease in self.held:
            self.earned[worker] += self.held.pop(lease)
            self.ledger = owe(self.ledger, lease, worker)
        for ended in (owe, lambda ledger, lease, _: release(ledger, lease)):
            with pytest.raises(Overdrawn):
                ended(self.ledger, lease, worker)

    @rule(worker=workers, total=amounts)
    def pay(self, worker, total):
        if total > self.earned[worker]:
            with pytest.raises(Overdrawn):
                pay(self.ledger, worker, total)
            return
        self.ledger = pay(self.ledger, worker, total)
        assert pay(self.ledger, worker, total) == self.ledger
        self.paid[worker] = max(self.paid[worker], total)

    @rule()
    def close(self):
        if self.held:
            with pytest.raises(Overdrawn, match="end them first"):
                close(self.ledger)
            return
        closed, refund = close(self.ledger)
        assert refund == self.funded - sum(self.earned.values())
        assert (closed.free, closed.owed, closed.paid) == (0, self.ledger.owed, self.ledger.paid)
        assert close(closed) == (closed, 0)

    @invariant()
    def books_balance(self):
        ledger = self.ledger
        assert ledger.funded == self.funded
        assert dict(ledger.reserved) == self.held
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
        lambda: fund(ledger, Wei(amount)),
        lambda: reserve(ledger, LEASE, Wei(amount)),
        lambda: pay(ledger, ANN, Wei(amount)),
    ):
        with pytest.raises(InvalidValue, match="above 0"):
            booking()


def test_one_lease_from_reserve_to_refund():
    ledger = reserve(reserve(Ledger(Wei(10)), LEASE, Wei(4)), OTHER, Wei(6))
    assert ledger.free == 0
    ledger = release(owe(ledger, LEASE, ANN), OTHER)
    assert (ledger.free, dict(ledger.owed)) == (6, {ANN: 4})
    closed, refund = close(pay(ledger, ANN, Wei(4)))
    assert (refund, closed.funded, closed.total_paid) == (6, 4, 4)
    with pytest.raises(Overdrawn):
        reserve(closed, LEASE, Wei(1))
