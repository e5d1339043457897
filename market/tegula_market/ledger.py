"""A job's money: what was funded, what leases hold, what workers are owed and have been paid.

`paid <= owed` for any worker, and `owed + reserved <= funded`: a Ledger that breaks it cannot be made, and a
booking that would break it is refused and changes nothing. A lease reserves its price before it is sent, so
that every accepted result can be paid for. The sums are kept with the amounts: a booking costs the same,
however many there are.
"""

from dataclasses import dataclass, field

from tegula_market.model import Address, InvalidValue, LeaseId, TegulaError, Wei


class Overdrawn(TegulaError):
    """Money that is not there."""


@dataclass(slots=True)
class Ledger:
    """Amounts of one job. Owed and paid are totals since the job began, as vouchers are."""

    funded: Wei
    reserved: dict[LeaseId, Wei] = field(default_factory=dict)
    owed: dict[Address, Wei] = field(default_factory=dict)
    paid: dict[Address, Wei] = field(default_factory=dict)
    total_reserved: Wei = field(init=False)
    total_owed: Wei = field(init=False)

    def __post_init__(self) -> None:
        self.total_reserved, self.total_owed = Wei(sum(self.reserved.values())), Wei(sum(self.owed.values()))
        for amounts in (self.reserved, self.owed, self.paid):
            # A negative amount would make room in a sum for one that is not there.
            if any(amount <= 0 for amount in amounts.values()):
                raise InvalidValue("every amount in a ledger is above 0")
        if self.free < 0:
            raise Overdrawn(f"{self.total_owed} owed and {self.total_reserved} reserved exceed {self.funded}")
        for worker, amount in self.paid.items():
            self._check_paid(worker, amount)

    @property
    def total_paid(self) -> Wei:
        return Wei(sum(self.paid.values()))

    @property
    def free(self) -> Wei:
        """What new leases can still reserve."""
        return Wei(self.funded - self.total_owed - self.total_reserved)

    def fund(self, amount: Wei) -> None:
        self.funded = Wei(self.funded + _positive(amount))

    def reserve(self, lease: LeaseId, amount: Wei) -> None:
        """Hold a lease's price.

        Raises:
            Overdrawn: less than that is free, or the lease holds an amount already.
        """
        if lease in self.reserved:
            raise Overdrawn(f"lease {lease} holds {self.reserved[lease]} already")
        if _positive(amount) > self.free:
            raise Overdrawn(
                f"{self.total_owed} owed, {self.total_reserved} reserved and {amount} more"
                f" exceed {self.funded}"
            )
        self.reserved[lease] = amount
        self.total_reserved = Wei(self.total_reserved + amount)

    def release(self, lease: LeaseId) -> Wei:
        """Free what a lease held, which is returned; its result was rejected or never came.

        Raises:
            Overdrawn: the lease holds nothing.
        """
        if lease not in self.reserved:
            raise Overdrawn(f"lease {lease} holds no amount")
        amount = self.reserved.pop(lease)
        self.total_reserved = Wei(self.total_reserved - amount)
        return amount

    def pass_on(self, lease: LeaseId, to: LeaseId) -> None:
        """What a lease held, to another of the same unit: rendered twice, it is paid once.

        Raises:
            Overdrawn: the lease holds nothing, or the other one does already.
        """
        if to in self.reserved:
            raise Overdrawn(f"lease {to} holds {self.reserved[to]} already")
        self.reserve(to, self.release(lease))

    def owe(self, lease: LeaseId, worker: Address) -> None:
        """Turn what an accepted lease held into what its worker is owed: to the unit, and once.

        Raises:
            Overdrawn: the lease holds nothing.
        """
        amount = self.release(lease)
        self.owed[worker] = Wei(self.owed.get(worker, 0) + amount)
        self.total_owed = Wei(self.total_owed + amount)

    def pay(self, worker: Address, total: Wei) -> None:
        """Take down that the escrow has paid the worker so much, all in all.

        A total that is not above the one known changes nothing: events of the chain are read again
        after a restart.

        Raises:
            Overdrawn: more than the worker is owed.
        """
        if _positive(total) > self.paid.get(worker, 0):
            self._check_paid(worker, total)
            self.paid[worker] = total

    def close(self) -> Wei:
        """Give back what is left, the refund; nothing is free then.

        Raises:
            Overdrawn: a lease still holds an amount, which its worker may be about to earn.
        """
        if self.reserved:
            raise Overdrawn(f"{len(self.reserved)} leases still hold {self.total_reserved}; end them first")
        refund, self.funded = self.free, self.total_owed
        return refund

    def _check_paid(self, worker: Address, amount: Wei) -> None:
        if amount > self.owed.get(worker, 0):
            raise Overdrawn(f"{amount} paid to 0x{worker.hex()} exceeds {self.owed.get(worker, 0)} owed")


def _positive(amount: Wei) -> Wei:
    if amount <= 0:
        raise InvalidValue(f"an amount of money is above 0, not {amount}")
    return amount
