"""A market with one attack in it, and the same market in which those who attack are honest."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from statistics import fmean

from simulator.machines import ATTACKS, HONEST, Machine, Plan
from simulator.world import LEASE_SECONDS, START, World, a_book
from tegula_market.model import Address, WorkerId

MACHINES, JOBS = 200, 60
UNITS = (40, 120)
"""Tiles of a job, at least and at most."""
BETWEEN, DEADLINE = 3.0, 120.0
"""Seconds between jobs, and from a job's opening to its deadline. It fills half of the machines."""
COSTS, SPEEDS = (20, 60), (0.5, 2.0)
MARKUP = (1.2, 2.0)
"""What owners ask at first, in their costs: nobody knows the market yet."""
SHARE = 0.2
"""Of the machines that attack."""
SLOWER = 10.0
"""Times as long as others, as a processor takes beside a graphics card."""
DEVICES = ("CPU", "CUDA", "OPTIX")


@dataclass(frozen=True, slots=True)
class Figures:
    """Money in token units for a machine."""

    honest: float
    attackers: float
    price: float
    """Mean clearing price of the later half."""
    dearest_cost: float
    """What it would have been, had all asked their cost."""
    job_seconds: float
    missed: float
    """Share of the tiles that were not there at the deadline."""
    attempts: float
    """Leases for each tile."""


@dataclass(frozen=True, slots=True)
class Compared:
    attack: str
    share: float
    attacked: Figures
    honest: Figures
    """The same machines and jobs, all of them honest."""

    @property
    def gain(self) -> float:
        """Of attacking, against honest work of the same machines: below 0 it is a loss."""
        return self.attacked.attackers - self.honest.attackers


@dataclass(frozen=True, slots=True)
class Standing:
    """How one machine fared."""

    cost: int
    speed: float
    late: bool
    """It joined when half of the jobs were there."""
    tiles: int
    waited: float | None
    """Seconds from joining to its first tile; None if it never had one."""
    profit: float


def compare(attack: str, seed: int, share: float = SHARE, jobs: int = JOBS) -> Compared:
    attacked = figures(simulate(ATTACKS[attack], seed, share, jobs))
    return Compared(attack, share, attacked, _all_honest(seed, share, jobs))


@cache
def _all_honest(seed: int, share: float, jobs: int) -> Figures:
    return figures(simulate(HONEST, seed, share, jobs))


def simulate(
    plan: Plan,
    seed: int,
    share: float = SHARE,
    jobs: int = JOBS,
    *,
    late: float = 0.0,
    newcomers: Plan = HONEST,
    between: float = BETWEEN,
    deadline: float = DEADLINE,
    lease_seconds: float = LEASE_SECONDS,
    still: float = 0.0,
    slow: float = 0.0,
    overtakes: bool = True,
) -> World:
    """
    Args:
        plan: of the attackers, who are that share of the machines.
        late: share of the machines, all honest, that join when half of the jobs are there.
        still: chance with each lease that its machine stands still for a while.
        slow: share of the machines that take SLOWER times as long.
        overtakes: whether late tiles are leased a second time.
    """
    chance = Random(seed)
    machines = [a_machine(number, chance) for number in range(MACHINES)]
    for machine in machines[: round(MACHINES * slow)]:
        machine.speed /= SLOWER
    attackers = machines[: round(MACHINES * share)]
    for machine in attackers:
        machine.owner, machine.plan = "attacker", plan
    world = World(machines, Random(seed + 1), a_book(lease_seconds), still, overtakes)
    half = START + jobs * between / 2
    for number, machine in enumerate(machines):
        comes = START
        if number >= MACHINES * (1 - late):
            comes, machine.plan = half, newcomers
        world.at(comes, lambda machine=machine: world.join(machine))  # type: ignore[misc]
    for number in range(jobs):
        units = chance.randint(*UNITS)
        world.at(START + 1 + number * between, lambda units=units: world.open_job(units, deadline))  # type: ignore[misc]
    world.play()
    return world


def figures(world: World) -> Figures:
    ended = list(world.ended.values())
    later = world.rounds[len(world.rounds) // 2 :]
    tiles = sum(job.units for job in ended)
    return Figures(
        profit(world, "honest"),
        profit(world, "attacker"),
        fmean(each.price for each in later),
        fmean(each.dearest_cost for each in later),
        fmean(job.at - job.opened for job in ended),
        sum(job.missed for job in ended) / tiles,
        world.leases / tiles,
    )


def standings(world: World) -> list[Standing]:
    return [
        Standing(
            machine.cost,
            machine.speed,
            machine.joined > START,
            machine.tiles,
            None if machine.first_lease is None else machine.first_lease - machine.joined,
            world.earned([machine]) - machine.spent,
        )
        for machine in world.machines
    ]


def gini(values: Sequence[float]) -> float:
    """0 if all have the same, near 1 if one has all."""
    ranked = sorted(values)
    total, many = sum(ranked), len(ranked)
    return sum((2 * rank - many - 1) * value for rank, value in enumerate(ranked, 1)) / (many * total)


def profit(world: World, owner: str) -> float:
    """For a machine, all in all."""
    mine = [machine for machine in world.machines if machine.owner == owner]
    return (world.earned(mine) - sum(machine.spent for machine in mine)) / len(mine)


def a_machine(number: int, chance: Random) -> Machine:
    cost = chance.randint(*COSTS)
    return Machine(
        "honest",
        HONEST,
        cost,
        chance.uniform(*SPEEDS),
        DEVICES[number % len(DEVICES)],
        cost * chance.uniform(*MARKUP),
        WorkerId(bytes(32)),
        Address(bytes(20)),
    )
