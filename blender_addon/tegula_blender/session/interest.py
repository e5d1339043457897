"""Whether any worker may still take a job, and what to change if none will. Pure."""

from tegula_market.auction import Reason
from tegula_market.model import Wei

from ..job_view import JobPhase, JobView, UnitPhase
from ..money import Money

FINAL = frozenset(
    {
        "DECLINED",
        "BARRED",
        Reason.NOT_A_NUMBER,
        Reason.NOT_POSITIVE,
        Reason.ABSURD,
        Reason.EXPIRED,
        Reason.ABOVE_CEILING,
    }
)
"""Codes of asks that the next round refuses, too. Who was outbid may yet fill a gap."""
UNDER_WAY = frozenset({UnitPhase.LEASED, UnitPhase.DELIVERED})


def nobody(view: JobView, ceiling: Wei, money: Money, remedy: str = "raise --ceiling") -> str | None:
    """Why the job goes no further, once every worker there has said no; None while one may take it.

    Args:
        remedy: what to do if the ceiling is under every ask.
    """
    answered = 0 < len(view.asks) >= view.workers
    working = any(unit.phase in UNDER_WAY for unit in view.units)
    if view.phase is not JobPhase.OPEN or not answered or working:
        return None
    if any(ask.code not in FINAL for ask in view.asks):
        return None
    high = [ask.price for ask in view.asks if ask.code == Reason.ABOVE_CEILING and ask.price is not None]
    if high:
        lowest = min(high)
        return (
            f"the ceiling of {ceiling} a megasample ({money.text(ceiling)}) is under every ask; the lowest is"
            f" {lowest} ({money.text(lowest)}): {remedy}"
        )
    reasons = dict.fromkeys(ask.reason for ask in view.asks)
    return f"no worker takes this job: {'; '.join(reasons)}"
