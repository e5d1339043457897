"""Jobs whose ceiling is below the day's price, and machines whose electricity is cheap by night.

A day has twenty minutes here, since a job takes twenty seconds: half of them are night. With posted asks, and
as it was without: a job is called out once, and an ask stands until its job ends.
"""

from dataclasses import dataclass
from random import Random
from statistics import fmean, median

from simulator import market
from simulator.machines import SLOTS, Machine, Plan
from simulator.world import CEILING, START, Ended, World, a_book
from tegula_coordinator import events
from tegula_market.model import ETHER, Wei

DAY = 1_200.0
DUSK, DAWN = DAY / 4, DAY * 3 / 4
"""After a quarter of a day's light; another quarter follows on the night."""
TARIFF, NIGHT = 0.5, 0.5
"""Share of the machines that have a cheaper price by night, and how much of the day's it is."""
LIMIT = Wei(18)
"""What patient jobs pay at most: less than any machine costs by day."""
BETWEEN = 7.5
"""Seconds between two jobs, of which every second one is patient, until the morning."""
HURRY = 120.0
"""To the deadline of a job that is in a hurry."""
MINUTE = 1.0
"""Within which all machines notice that it is night: as much of this day as a minute is of a real one."""
AS_IT_COSTS = Plan(asks=lambda machine, _ceiling: machine.cost)


@dataclass(frozen=True, slots=True)
class Kind:
    """How jobs of one kind fared."""

    posts: bool
    patient: bool
    jobs: int
    done: float
    """Share of their tiles."""
    by_day: float
    """Of their leases, granted outside the night."""
    price: float
    """Mean, of jobs that had one."""
    took: float
    """Seconds from its opening to its last tile, the median of those jobs that were finished."""
    earned: float
    """Profit of a machine, in jobs of both kinds."""


def nights(seed: int, *, posts: bool) -> World:
    chance = Random(seed)
    machines = [market.a_machine(number, chance) for number in range(market.MACHINES)]
    world = World(machines, Random(seed + 1), a_book(market.LEASE_SECONDS))
    for number, each in enumerate(machines):
        each.plan = AS_IT_COSTS
        world.at(START, lambda each=each: _begin(world, each, posts=posts))  # type: ignore[misc]
        if number < TARIFF * len(machines):
            by_day, by_night = each.cost, round(each.cost * NIGHT)
            for when, cost in ((DUSK, by_night), (DAWN, by_day)):
                at = START + when + chance.uniform(0, MINUTE)
                world.at(at, lambda each=each, cost=cost: _reprice(world, each, cost, posts=posts))  # type: ignore[misc]
    for number in range(int(DAWN / BETWEEN)):
        units, patient = chance.randint(*market.UNITS), number % 2 == 1
        ceiling, opens = LIMIT if patient else CEILING, number * BETWEEN
        seconds = DAY - opens if patient else HURRY
        world.at(
            START + 1 + opens,
            lambda units=units, seconds=seconds, ceiling=ceiling: world.open_job(units, seconds, ceiling),  # type: ignore[misc]
        )
    world.play()
    return world


def kinds(world: World, *, posts: bool) -> list[Kind]:
    return [_kind(world, posts=posts, patient=patient) for patient in (False, True)]


def is_patient(world: World, ended: Ended) -> bool:
    return world.book.jobs[ended.job].order.ceiling == LIMIT


def is_night(at: float) -> bool:
    return DUSK <= at - START < DAWN + MINUTE


def _begin(world: World, machine: Machine, *, posts: bool) -> None:
    world.join(machine)
    _reprice(world, machine, machine.cost, posts=posts)


def _reprice(world: World, machine: Machine, cost: int, *, posts: bool) -> None:
    machine.cost = cost
    if posts:
        world.tell(events.AskPosted(world.now, machine.name, ETHER, Wei(cost), SLOTS))


def _kind(world: World, *, posts: bool, patient: bool) -> Kind:
    ended = [each for each in world.ended.values() if is_patient(world, each) is patient]
    tiles = sum(each.units for each in ended)
    mine = {each.job for each in ended}
    leased = [at for at, job in world.granted if job in mine]
    prices = [each.price for each in ended if each.price is not None]
    return Kind(
        posts,
        patient,
        len(ended),
        1 - sum(each.missed for each in ended) / tiles,
        sum(not is_night(at) for at in leased) / max(1, len(leased)),
        fmean(prices) if prices else 0.0,
        median(each.at - each.opened for each in ended if not each.missed),
        market.profit(world, "honest"),
    )
