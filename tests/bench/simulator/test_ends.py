"""Second leases in a market, smaller than `make market-sim` plays it."""

import pytest

from simulator import ends

JOBS = 20
pytestmark = pytest.mark.slow


def test_a_frame_ends_sooner_where_machines_stand_still_and_hardly_any_work_is_lost() -> None:
    waits = ends.end("one lease in 200", 3, JOBS, overtakes=False)
    overtakes = ends.end("one lease in 200", 3, JOBS, overtakes=True)
    assert overtakes.mean < 0.8 * waits.mean
    assert overtakes.lost < 0.01
    assert overtakes.earned > 0.9 * waits.earned


def test_slow_machines_that_keep_to_their_time_lose_next_to_nothing() -> None:
    case = "a fifth of the machines a tenth as fast"
    waits, overtakes = (ends.end(case, 3, JOBS, overtakes=each) for each in (False, True))
    assert overtakes.lost < 0.001
    assert overtakes.slow_earned > 0.95 * waits.slow_earned > 0
