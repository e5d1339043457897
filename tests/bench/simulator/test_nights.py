"""A day and a night of a market, with fewer jobs than `make market-sim` plays."""

import pytest

from simulator import nights

pytestmark = pytest.mark.slow


def test_jobs_that_wait_for_the_nights_price_are_done_where_asks_are_posted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(nights, "BETWEEN", 30.0)
    hurried, patient = nights.kinds(nights.nights(3, posts=True), posts=True)
    assert (hurried.done, patient.done) == (1.0, 1.0)
    assert patient.by_day < 0.02, "only what machines that had not noticed the morning took"
    assert patient.price <= nights.LIMIT < hurried.price
    _, called_once = nights.kinds(nights.nights(3, posts=False), posts=False)
    assert called_once.done < 0.8, "those that were opened by day were called out once, by day"
