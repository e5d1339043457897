"""What a job has cost in the end, and how that compares with its quote. Pure."""

from dataclasses import dataclass

from tegula_market.model import Outcome, Wei

from ..job_view import JobView, UnitPhase
from .state import Quote
from .words import amounts, be, between, count, duration


@dataclass(frozen=True, slots=True)
class Bill:
    paid: Wei
    tiles: int
    """Accepted."""
    of: int
    unpaid: int
    """Accepted tiles that earned nothing: another of their batch was rejected."""
    rejected: int
    """Verdicts, which the same tile can have more than one of."""
    seconds: float | None = None
    """From the order to the last tile, if somebody has looked at the clock."""

    @classmethod
    def of_job(cls, view: JobView, seconds: float | None = None) -> "Bill":
        accepted = [unit for unit in view.units if unit.phase is UnitPhase.ACCEPTED]
        verdicts = (verdict for unit in view.units for verdict in unit.verdicts)
        return cls(
            paid=Wei(sum(unit.price or 0 for unit in accepted)),
            tiles=len(accepted),
            of=len(view.units),
            unpaid=sum(not unit.price for unit in accepted),
            rejected=sum(verdict.outcome is Outcome.REJECTED for verdict in verdicts),
            seconds=seconds,
        )


def compared(quote: Quote, bill: Bill) -> str:
    """What an artist is told when the job is over."""
    sentences = [_cost(quote, bill)]
    if bill.seconds is not None:
        sentences.append(_time(quote, bill, bill.seconds))
    return " ".join(sentences)


def _cost(quote: Quote, bill: Bill) -> str:
    low, high = quote.price
    paid, text = quote.money.text(bill.paid), quote.money.text
    if bill.paid > high:
        over = text(bill.paid - high)
        return f"It cost {paid}, {over} more than quoted: {_why_more(bill)}."
    if bill.paid < low:
        return f"It cost {paid}, {text(low - bill.paid)} less than quoted: {_why_less(bill)}."
    return f"It cost {paid}, as quoted ({amounts(low, high, quote.money)})."


def _why_more(bill: Bill) -> str:
    if bill.rejected:
        wrong = count(bill.rejected, "tile")
        return f"{wrong} had to be rendered again, by workers that ask more than those who asked before"
    return "workers asked more than they had before the job, within your budget"


def _why_less(bill: Bill) -> str:
    if bill.tiles < bill.of:
        return f"only {bill.tiles} of {count(bill.of, 'tile')} {be(bill.tiles)} done"
    if bill.unpaid:
        return (
            f"{count(bill.unpaid, 'tile')} earned nothing, since the same worker was caught with a wrong one"
        )
    return "workers asked less than they had before the job"


def _time(quote: Quote, bill: Bill, seconds: float) -> str:
    low, high = quote.seconds
    took = f"It took {duration(seconds)}"
    if low <= seconds <= high:
        return f"{took}, as quoted ({between(low, high)})."
    word = "more" if seconds > high else "less"
    again = "; tiles that were rejected took time twice" if bill.rejected and seconds > high else ""
    return f"{took}, {word} than the {between(low, high)} quoted{again}."
