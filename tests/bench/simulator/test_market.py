"""The market with attacks in it, smaller than `make market-sim` plays it."""

from functools import cache
from statistics import fmean

import pytest

from simulator import market
from simulator.machines import ATTACKS, CARTEL, ENTRANT, HONEST
from simulator.market import Compared
from simulator.world import World
from tegula_coordinator.book import JobPhase

JOBS = 40
pytestmark = pytest.mark.slow
LOSING = sorted(ATTACKS.keys() - {CARTEL})


@pytest.fixture(scope="module")
def honest() -> World:
    return market.simulate(HONEST, 3, jobs=JOBS, late=market.SHARE)


@cache
def compare(attack: str, share: float = market.SHARE) -> Compared:
    return market.compare(attack, 3, share, JOBS)


@pytest.mark.parametrize("attack", LOSING)
def test_every_attack_earns_less_than_honest_work_of_the_same_machines(attack: str) -> None:
    compared = compare(attack)
    assert compared.honest.attackers > 0
    assert compared.gain < 0
    assert compared.attacked.honest > 0
    assert compared.attacked.missed < 0.005


@pytest.mark.parametrize("attack", ["price 1, forged", "price 1, forged, fresh names"])
def test_whoever_only_forges_pays_for_it(attack: str) -> None:
    assert compare(attack).attacked.attackers < 0


def test_whoever_has_half_of_the_market_gains_by_asking_more_and_one_machine_does_not() -> None:
    """The limit of one price for all; docs/market.md has the figures."""
    assert compare(CARTEL, 0.005).gain < 0.1 * compare(CARTEL, 0.005).honest.attackers
    assert compare(CARTEL, 0.5).gain > 0


def test_clearing_prices_come_down_to_the_cost_of_the_dearest_machine_taken(honest: World) -> None:
    ratios = [each.price / each.dearest_cost for each in honest.rounds]
    assert fmean(ratios[-8:]) < 1.06 < fmean(ratios[:4])
    assert min(ratios) > 0.99, "nobody works below cost"


def test_every_tile_is_there_in_time_and_every_job_is_closed_to_the_unit(honest: World) -> None:
    assert len(honest.ended) == JOBS
    assert sum(job.missed for job in honest.ended.values()) == 0
    for job in honest.book.jobs.values():
        assert job.phase is JobPhase.CLOSED
        assert job.closed == job.ledger.total_owed == job.ledger.total_paid <= job.ledger.funded


def test_machines_have_work_as_they_are_cheap_and_fast(honest: World) -> None:
    price = market.figures(honest).price
    able = [each for each in market.standings(honest) if each.cost < 0.9 * price and not each.late]
    assert all(each.waited is not None for each in able)
    assert market.gini([each.tiles / each.speed for each in able]) < 0.2


def test_newcomers_come_in_by_asking_less_at_first() -> None:
    world = market.simulate(HONEST, 3, jobs=JOBS, late=market.SHARE, newcomers=ENTRANT)
    price = market.figures(world).price
    able = [each for each in market.standings(world) if each.late and each.cost < 0.9 * price]
    waits = [each.waited for each in able if each.waited is not None]
    assert len(waits) > 0.8 * len(able)
    assert fmean(each.profit for each in able) > 0


def test_the_same_seed_plays_the_same_market() -> None:
    one, two = (market.simulate(ATTACKS["price 1, forged, fresh names"], 5, jobs=3) for _ in range(2))
    assert (one.rounds, one.leases, one.now) == (two.rounds, two.leases, two.now)
    assert one.book.history == two.book.history != {}
