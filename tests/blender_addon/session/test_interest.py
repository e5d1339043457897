from dataclasses import replace

import pytest

from requester_samples import DOLLAR, order, view, with_units
from tegula_blender.job_view import AskView, JobPhase, JobView, UnitPhase
from tegula_blender.session.interest import lowest, nobody, too_dear
from tegula_market.model import Wei

ORDER = order()
ENDED = view(ORDER)


def offered(*asks: AskView, workers: int = 0) -> JobView:
    units = tuple(
        replace(unit, phase=UnitPhase.OPEN, worker=None, price=None, image=None) for unit in ENDED.units
    )
    return replace(ENDED, phase=JobPhase.OPEN, units=units, owed=(), asks=asks, workers=workers or len(asks))


def ask(price: int | None, code: str, reason: str = "") -> AskView:
    return replace(
        ENDED.asks[0], price=None if price is None else Wei(price), taken=False, code=code, reason=reason
    )


def reason(seen: JobView) -> str | None:
    """Of one that does not wait for a lower price."""
    return nobody(seen) or too_dear(seen, ORDER.ceiling, DOLLAR)


def test_the_lowest_ask_is_named_when_the_ceiling_is_under_them_all() -> None:
    said = reason(offered(ask(140, "ABOVE_CEILING"), ask(120, "ABOVE_CEILING")))
    assert said is not None
    assert "the lowest is 120 (0.00012 USD)" in said
    assert "raise --ceiling" in said


def test_a_worker_that_declined_does_not_hide_the_lowest_ask() -> None:
    said = reason(offered(ask(None, "DECLINED", "too hot"), ask(120, "ABOVE_CEILING")))
    assert said is not None
    assert "the lowest is 120" in said


def test_one_that_is_too_dear_may_come_down_and_the_lowest_ask_is_that_of_now() -> None:
    waiting = offered(ask(None, "DECLINED", "too hot"), ask(140, "ABOVE_CEILING"), ask(120, "ABOVE_CEILING"))
    assert (nobody(waiting), lowest(waiting)) == (None, 120)
    assert lowest(replace(waiting, lowest_ask=Wei(110))) == 110
    assert lowest(offered(ask(None, "DECLINED", "too hot"))) is None
    assert lowest(offered(ask(120, "ABOVE_CEILING"), ask(60, "OUTBID"))) is None


def test_reasons_are_named_once_when_all_decline() -> None:
    old = ask(None, "DECLINED", "runs Blender 4.2.1, not 4.5.15")
    assert reason(offered(old, old)) == "no worker takes this job: runs Blender 4.2.1, not 4.5.15"


def test_a_job_whose_only_worker_was_barred_goes_no_further() -> None:
    barred = offered(ask(40, "BARRED", "a tile was rejected"))
    assert reason(barred) == "no worker takes this job: a tile was rejected"


@pytest.mark.parametrize(
    "hopeful",
    [
        offered(),  # nobody there yet
        offered(ask(40, "")),  # before the first round, or taken
        offered(ask(120, "ABOVE_CEILING"), ask(40, "")),
        offered(ask(120, "ABOVE_CEILING"), workers=2),  # one has not answered yet
        offered(ask(120, "ABOVE_CEILING"), ask(60, "OUTBID")),
        replace(offered(ask(120, "ABOVE_CEILING")), phase=JobPhase.CANCELLED),
        with_units(
            offered(ask(120, "BARRED")), replace(ENDED.units[0], phase=UnitPhase.DELIVERED)
        ),  # its last tile is still being judged
    ],
)
def test_there_is_hope(hopeful: JobView) -> None:
    assert reason(hopeful) is None
