"""The provider's ledger for people and programs: earned, owed, claimed, refused and why. Pure.

Of each job and each token, in the token's units:

    earned      what verdicts and vouchers say, the higher of both
    unsigned    earned, and neither a voucher nor a root covers it yet
    owed        vouchered or rooted, and not claimed
    rooted      of that, what a root pays once it is final
    lost        vouchered or rooted, not claimed, and the requester has had the deposit back
    claimed     paid out on chain; `fees` is what that has cost, in wei
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tegula_market.model import Address, JobId, Wei
from tegula_worker.store import JobRecord
from tegula_worker.tallies import Refusal, Sums, Tally, Total


@dataclass(frozen=True, slots=True)
class JobLine:
    job: JobId
    token: Address
    earned: Wei
    unsigned: Wei
    owed: Wei
    rooted: Wei
    lost: Wei
    claimed: Wei
    fees: Wei
    accepted: int
    rejected: int
    rejection: str
    refused_vouchers: int
    refusal: str
    state: str
    """"running", "ended", "rooted" or "closed"."""


@dataclass(frozen=True, slots=True)
class TokenLine:
    token: Address
    jobs: int
    earned: Wei
    unsigned: Wei
    owed: Wei
    rooted: Wei
    lost: Wei
    claimed: Wei
    fees: Wei
    accepted: int
    rejected: int
    refused_vouchers: int


@dataclass(frozen=True, slots=True)
class Statement:
    tokens: tuple[TokenLine, ...]
    """Of all jobs ever."""
    jobs: tuple[JobLine, ...]
    """Of those that are remembered one by one, the newest deadline last."""
    refusals: tuple[Refusal, ...]
    """The most frequent first."""


def draw_up(records: Iterable[JobRecord], tallies: Iterable[Tally], sums: Sums) -> Statement:
    told = (tally for tally in tallies if tally.job != sums.folded)  # one that a kill left behind
    jobs = tuple(_lines({record.job: record for record in records}, told))
    tokens = {total.token: _of_total(total) for total in sums.totals}
    for line in jobs:
        tokens[line.token] = _plus(tokens.get(line.token, _of_total(Total(line.token))), line)
    refusals = tuple(sorted(sums.refusals, key=lambda refusal: -refusal.count))
    return Statement(tuple(tokens.values()), jobs, refusals)


def _lines(records: dict[JobId, JobRecord], tallies: Iterable[Tally]) -> Iterator[JobLine]:
    """Of jobs in which anything happened: those that were only asked for are not in it."""
    known = {tally.job: tally for tally in tallies}
    for job, record in records.items():
        terms = record.order.terms
        known.setdefault(job, Tally(job, terms.token, terms.deadline + terms.grace, Wei(0)))
    for tally in sorted(known.values(), key=lambda each: (each.until, each.job)):
        line = _line(tally, records.get(tally.job))
        if line.earned or line.rejected or line.refused_vouchers:
            yield line


def _line(tally: Tally, record: JobRecord | None) -> JobLine:
    """
    Args:
        record: None once the job is closed; the tally then has what it said.
    """
    vouchered = record.earned if record else tally.vouchered
    claimed = record.claimed if record else tally.claimed
    earned, open_ = max(tally.promised, vouchered), Wei(vouchered - claimed)
    leaf = record.standing if record else None
    return JobLine(
        tally.job,
        tally.token,
        Wei(earned),
        Wei(earned - vouchered),
        Wei(0) if record is None else open_,
        Wei(max(0, leaf.cumulative - claimed) if leaf else 0),
        open_ if record is None else Wei(0),
        claimed,
        tally.fees,
        tally.accepted,
        tally.rejected,
        tally.rejection,
        tally.refused_vouchers,
        tally.refusal,
        _state(record),
    )


def _state(record: JobRecord | None) -> str:
    if record is None:
        return "closed"
    if record.standing:
        return "rooted"
    return "ended" if record.ended else "running"


def _of_total(total: Total) -> TokenLine:
    unsigned, lost = Wei(total.earned - total.vouchered), Wei(total.vouchered - total.claimed)
    counts = total.accepted, total.rejected, total.refused_vouchers
    paid = total.claimed, total.fees
    nothing = Wei(0)
    return TokenLine(total.token, total.jobs, total.earned, unsigned, nothing, nothing, lost, *paid, *counts)


def _plus(before: TokenLine, line: JobLine) -> TokenLine:
    return TokenLine(
        before.token,
        before.jobs + 1,
        Wei(before.earned + line.earned),
        Wei(before.unsigned + line.unsigned),
        Wei(before.owed + line.owed),
        Wei(before.rooted + line.rooted),
        Wei(before.lost + line.lost),
        Wei(before.claimed + line.claimed),
        Wei(before.fees + line.fees),
        before.accepted + line.accepted,
        before.rejected + line.rejected,
        before.refused_vouchers + line.refused_vouchers,
    )
