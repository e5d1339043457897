"""A job's money: what was funded, what leases hold, what workers are owed and have been paid.

A Ledger that breaks `paid <= owed` for any worker, or `owed + reserved <= funded`, cannot be made.
A lease reserves its price before it is sent, so that every accepted result can be paid for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tegula_market.model import Address, InvalidValue, LeaseId, TegulaError, Wei


class Overdrawn(TegulaError):
    """Money that is not there."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """Amounts of one job. Owed and paid are totals since the job began, as vouchers are."""

    funded: Wei
    reserved: Mapping[LeaseId, Wei] = field(default_factory=dict)
    owed: Mapping[Address, Wei] = field(default_factory=dict)
    paid: Mapping[Address, Wei] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for amounts in (self.reserved, self.owed, self.paid):
            # A negative amount would make room in a sum for one that is not there.
            if any(amount <= 0 for amount in amounts.values()):
                raise InvalidValue("every amount in a ledger is above 0")
        if self.free < 0:
            raise Overdrawn(f"{self.total_owed} owed and {self.total_reserved} reserved exceed {self.funded}")
        for worker, amount in self.paid.items():
            if amount > self.owed.get(worker, 0):
                raise Overdrawn(f"{amount} paid to 0x{worker.hex()} exceeds {self.owed.get(worker, 0)} owed")

    @property
    def total_reserved(self) -> Wei:
        return Wei(sum(self.reserved.values()))

    @property
    def total_owed(self) -> Wei:
        return Wei(sum(self.owed.values()))

    @property
    def total_paid(self) -> Wei:
        return Wei(sum(self.paid.values()))

    @property
    def free(self) -> Wei:
        """What new leases can still reserve."""
        return Wei(self.funded - self.total_owed - self.total_reserved)


def fund(ledger: Ledger, amount: Wei) -> Ledger:
    return replace(ledger, funded=Wei(ledger.funded + _positive(amount)))


def reserve(ledger: Ledger, lease: LeaseId, amount: Wei) -> Ledger:
    """Hold a lease's price.

    Raises:
        Overdrawn: less than that is free, or the lease holds an amount already.
    """
    if lease in ledger.reserved:
        raise Overdrawn(f"lease {lease} holds {ledger.reserved[lease]} already")
    return replace(ledger, reserved={**ledger.reserved, lease: _positive(amount)})


def release(ledger: Ledger, lease: LeaseId) -> Ledger:
    """Free what a lease held; its result was rejected or never came.

    Raises:
        Overdrawn: the lease holds nothing.
    """
    _held(ledger, lease)
    return replace(ledger, reserved=_without(ledger.reserved, lease))


def owe(ledger: Ledger, lease: LeaseId, worker: Address) -> Ledger:
    """Turn what an accepted lease held into what its worker is owed: to the unit, and once.

    Raises:
        Overdrawn: the lease holds nothing.
    """
    total = Wei(ledger.owed.get(worker, 0) + _held(ledger, lease))
    return replace(ledger, reserved=_without(ledger.reserved, lease), owed={**ledger.owed, worker: total})


def pay(ledger: Ledger, worker: Address, total: Wei) -> Ledger:
    """Take down that the escrow has paid the worker so much, all in all.

    A total that is not above the one known changes nothing: events of the chain are read again
    after a restart.

    Raises:
        Overdrawn: more than the worker is owed.
    """
    if _positive(total) <= ledger.paid.get(worker, 0):
        return ledger
    return replace(ledger, paid={**ledger.paid, worker: total})


def close(ledger: Ledger) -> tuple[Ledger, Wei]:
    """Give back what is left: the ledger without it, in which nothing is free, and the refund.

    Raises:
        Overdrawn: a lease still holds an amount, which its worker may be about to earn.
    """
    if ledger.reserved:
        raise Overdrawn(f"{len(ledger.reserved)} leases still hold {ledger.total_reserved}; end them first")
    return replace(ledger, funded=ledger.total_owed), ledger.free


def _positive(amount: Wei) -> Wei:
    if amount <= 0:
        raise InvalidValue(f"an amount of money is above 0, not {amount}")
    return amount


def _held(ledger: Ledger, lease: LeaseId) -> Wei:
    if lease not in ledger.reserved:
        raise Overdrawn(f"lease {lease} holds no amount")
    return ledger.reserved[lease]


def _without(amounts: Mapping[LeaseId, Wei], lease: LeaseId) -> dict[LeaseId, Wei]:
    return {other: amount for other, amount in amounts.items() if other != lease}
