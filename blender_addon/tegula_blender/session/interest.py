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


def nobody(view: JobView) -> str | None:
    """Why the job goes no further, once every worker there has said no; None while one may take it.

    Who only asks more than the job pays may take it yet: prices come down.
    """
    if not _refused(view) or lowest(view) is not None:
        return None
    reasons = dict.fromkeys(ask.reason for ask in view.asks)
    return f"no worker takes this job: {'; '.join(reasons)}"


def too_dear(view: JobView, ceiling: Wei, money: Money) -> str | None:
    """Why a job goes no further that is not to wait for a lower price; None while one may take it."""
    least = lowest(view)
    if least is None:
        return None
    return (
        f"the ceiling of {ceiling} a megasample ({money.text(ceiling)}) is under every ask; the lowest is"
        f" {least} ({money.text(least)}): raise --ceiling"
    )


def lowest(view: JobView) -> Wei | None:
    """The lowest ask at present, in token units for a megasample, of a job that waits for a lower price: it
    goes no further, and is too dear to somebody. None of any other."""
    if not _refused(view):
        return None
    high = [ask.price for ask in view.asks if ask.code == Reason.ABOVE_CEILING and ask.price is not None]
    return (view.lowest_ask or min(high)) if high else None


def _refused(view: JobView) -> bool:
    """Every worker there has said no, and nothing is under way."""
    answered = 0 < len(view.asks) >= view.workers
    working = any(unit.phase in UNDER_WAY for unit in view.units)
    if view.phase is not JobPhase.OPEN or not answered or working:
        return False
    return all(ask.code in FINAL for ask in view.asks)
