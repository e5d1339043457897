"""What the provider's ledger is made of: a tally of each job, sums of those long gone, why there was no work.

Pure values and what changes them; nothing of it grows without bound.

Counts can be one off after a kill; amounts cannot, since each is the highest that was ever said.
"""

from dataclasses import dataclass, replace

from tegula_market.model import Address, JobId, Wei

NOTHING = Wei(0)
KEPT_JOBS = 1000
"""Finished ones, each with a tally of its own; older ones are summed up."""
KEPT_REFUSALS = 64
"""Kinds and codes. More there are not, unless a coordinator invents some."""
KEPT_SIGHTINGS = 32
OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class Tally:
    job: JobId
    token: Address
    until: int
    """Unix seconds: deadline and grace are over."""
    asked: Wei
    """The lowest price for a megasample that was ever asked in it; 0 before any was."""
    promised: Wei = NOTHING
    """What verdicts say was earned, signed for or not."""
    vouchered: Wei = NOTHING
    claimed: Wei = NOTHING
    fees: Wei = NOTHING
    """Paid for claims, in wei."""
    accepted: int = 0
    rejected: int = 0
    rejection: str = ""
    """Why the last of them was."""
    refused_vouchers: int = 0
    refusal: str = ""
    closed: bool = False
    """Nothing more can come of it."""

    @property
    def earned(self) -> int:
        return max(self.promised, self.vouchered)

    def ask(self, price: Wei) -> "Tally":
        return replace(self, asked=Wei(min(self.asked or price, price)))

    def accept(self, cumulative: Wei) -> "Tally":
        promised = Wei(max(self.promised, cumulative))
        return replace(self, promised=promised, accepted=self.accepted + 1)

    def reject(self, reason: str) -> "Tally":
        return replace(self, rejected=self.rejected + 1, rejection=reason)

    def refuse_voucher(self, reason: str) -> "Tally":
        return replace(self, refused_vouchers=self.refused_vouchers + 1, refusal=reason)


@dataclass(frozen=True, slots=True)
class Total:
    """Of the jobs in one token that have no tally any more."""

    token: Address
    jobs: int = 0
    earned: Wei = NOTHING
    vouchered: Wei = NOTHING
    claimed: Wei = NOTHING
    fees: Wei = NOTHING
    accepted: int = 0
    rejected: int = 0
    refused_vouchers: int = 0

    def plus(self, tally: Tally) -> "Total":
        return Total(
            self.token,
            self.jobs + 1,
            Wei(self.earned + tally.earned),
            Wei(self.vouchered + tally.vouchered),
            Wei(self.claimed + tally.claimed),
            Wei(self.fees + tally.fees),
            self.accepted + tally.accepted,
            self.rejected + tally.rejected,
            self.refused_vouchers + tally.refused_vouchers,
        )


@dataclass(frozen=True, slots=True)
class Refusal:
    """How often there was no work for this reason, and how it was put last."""

    kind: str
    """"call" that was declined, "ask" that was not taken, "lease" that was given back."""
    code: str
    count: int
    sentence: str
    at: int
    """Unix seconds, the last time."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A clearing price that this worker saw."""

    price: Wei


@dataclass(frozen=True, slots=True)
class Speed:
    size: int
    """Pixel-samples of a tile that was rendered here."""
    milliseconds: int


@dataclass(frozen=True, slots=True)
class Sums:
    """All that is not one job's."""

    totals: tuple[Total, ...] = ()
    folded: JobId | None = None
    """The job that was summed up last: its tally may still lie there after a kill."""
    refusals: tuple[Refusal, ...] = ()
    cleared: tuple[Sighting, ...] = ()
    speeds: tuple[Speed, ...] = ()

    @property
    def speed(self) -> int:
        """Pixel-samples a second over the tiles rendered of late; 0 if there are none."""
        spent = sum(each.milliseconds for each in self.speeds)
        return 1000 * sum(each.size for each in self.speeds) // spent if spent else 0

    @property
    def prices(self) -> tuple[int, ...]:
        return tuple(each.price for each in self.cleared)

    def fold(self, tally: Tally) -> "Sums":
        totals = {total.token: total for total in self.totals}
        totals[tally.token] = totals.get(tally.token, Total(tally.token)).plus(tally)
        return replace(self, totals=tuple(totals.values()), folded=tally.job)

    def refuse(self, kind: str, code: str, sentence: str, at: int) -> "Sums":
        known = {(each.kind, each.code): each for each in self.refusals}
        if (kind, code) not in known and len(known) >= KEPT_REFUSALS:
            code = OTHER
        before = known.pop((kind, code), None)
        count = before.count + 1 if before else 1
        return replace(self, refusals=(*known.values(), Refusal(kind, code, count, sentence, at)))

    def see(self, price: int) -> "Sums":
        return replace(self, cleared=(*self.cleared, Sighting(Wei(price)))[-KEPT_SIGHTINGS:])

    def measure(self, size: int, milliseconds: int) -> "Sums":
        return replace(self, speeds=(*self.speeds, Speed(size, milliseconds))[-KEPT_SIGHTINGS:])
