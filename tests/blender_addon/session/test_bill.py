from dataclasses import replace

import pytest

from requester_samples import DOLLAR, order, view
from tegula_blender.job_view import UnitPhase
from tegula_blender.session.bill import Bill, compared
from tegula_blender.session.state import Quote
from tegula_market.model import Wei

QUOTE = Quote((Wei(80), Wei(120)), (60.0, 240.0), Wei(200), (), DOLLAR)
BILL = Bill(paid=Wei(100), tiles=6, of=6, unpaid=0, rejected=0)


@pytest.mark.parametrize(
    ("bill", "said"),
    [
        (BILL, "It cost 0.0001 USD, as quoted (0.00008 to 0.00012 USD)."),
        (replace(BILL, paid=Wei(80)), "It cost 0.00008 USD, as quoted (0.00008 to 0.00012 USD)."),
        (
            replace(BILL, paid=Wei(150)),
            (
                "It cost 0.00015 USD, 0.00003 USD more than quoted: workers asked more than they had before"
                " the job, within your budget."
            ),
        ),
        (
            replace(BILL, paid=Wei(150), rejected=2),
            (
                "It cost 0.00015 USD, 0.00003 USD more than quoted: 2 tiles had to be rendered again, by"
                " workers that ask more than those who asked before."
            ),
        ),
        (
            replace(BILL, paid=Wei(40), tiles=2),
            "It cost 0.00004 USD, 0.00004 USD less than quoted: only 2 of 6 tiles are done.",
        ),
        (
            replace(BILL, paid=Wei(40), unpaid=3),
            (
                "It cost 0.00004 USD, 0.00004 USD less than quoted: 3 tiles earned nothing, since the same"
                " worker was caught with a wrong one."
            ),
        ),
        (
            replace(BILL, paid=Wei(70)),
            (
                "It cost 0.00007 USD, 0.00001 USD less than quoted: workers asked less than they had before"
                " the job."
            ),
        ),
    ],
)
def test_the_cost_is_compared(bill: Bill, said: str) -> None:
    assert compared(QUOTE, bill) == said


@pytest.mark.parametrize(
    ("seconds", "rejected", "said"),
    [
        (100, 0, "It took 100 seconds, as quoted (60 seconds to 4 minutes)."),
        (30, 0, "It took 30 seconds, less than the 60 seconds to 4 minutes quoted."),
        (600, 0, "It took 10 minutes, more than the 60 seconds to 4 minutes quoted."),
        (
            600,
            1,
            (
                "It took 10 minutes, more than the 60 seconds to 4 minutes quoted; tiles that were rejected"
                " took time twice."
            ),
        ),
    ],
)
def test_so_is_the_time(seconds: float, rejected: int, said: str) -> None:
    assert compared(QUOTE, replace(BILL, seconds=seconds, rejected=rejected)).endswith(said)


def test_a_single_price_is_said_once() -> None:
    assert (
        compared(replace(QUOTE, price=(Wei(100), Wei(100))), BILL)
        == "It cost 0.0001 USD, as quoted (0.0001 USD)."
    )


def test_a_bill_is_what_accepted_tiles_cost() -> None:
    seen = view(order())
    bill = Bill.of_job(seen, 7.0)
    # Six tiles of 0.016384 megasamples at 50: each rounded up to 1. One was rejected once.
    assert bill == Bill(Wei(6), tiles=6, of=6, unpaid=0, rejected=1, seconds=7.0)
    units = (
        replace(seen.units[0], phase=UnitPhase.CANCELLED),
        replace(seen.units[1], price=Wei(0)),
        *seen.units[2:],
    )
    assert Bill.of_job(replace(seen, units=units)) == Bill(Wei(4), tiles=5, of=6, unpaid=1, rejected=1)
