"""The end of a job: how long jobs take with second leases for late tiles, and without; who loses by them."""

from dataclasses import dataclass
from statistics import fmean, quantiles

from simulator import market
from simulator.machines import HONEST
from simulator.world import World

LEASE_SECONDS, DEADLINE = 600.0, 1_200.0
"""Far beyond a tile's time, as leases are: else the lease's end would end what stands still."""
CASES: dict[str, tuple[float, float]] = {
    "none": (0.0, 0.0),
    "one lease in 200": (0.005, 0.0),
    "one lease in 50": (0.02, 0.0),
    "a fifth of the machines a tenth as fast": (0.0, 0.2),
}
"""What holds jobs up: the chance to stand still, and the share of slow machines."""


@dataclass(frozen=True, slots=True)
class End:
    case: str
    overtakes: bool
    mean: float
    """Seconds that a job takes."""
    ninth: float
    """And nine of ten jobs at most."""
    leases: float
    """For each tile."""
    lost: float
    """What overtaken machines spent, of what all have spent."""
    earned: float
    """By a machine, all in all."""
    slow_earned: float
    """By one of the slow ones, or of the first fifth where none is."""


def end(case: str, seed: int, jobs: int = market.JOBS, *, overtakes: bool) -> End:
    still, slow = CASES[case]
    world = market.simulate(
        HONEST,
        seed,
        jobs=jobs,
        deadline=DEADLINE,
        lease_seconds=LEASE_SECONDS,
        still=still,
        slow=slow,
        overtakes=overtakes,
    )
    took = [job.at - job.opened for job in world.ended.values()]
    tiles = sum(job.units for job in world.ended.values())
    spent = sum(machine.spent for machine in world.machines)
    return End(
        case,
        overtakes,
        fmean(took),
        quantiles(took, n=10)[-1],
        world.leases / tiles,
        world.lost / spent,
        market.profit(world, "honest"),
        _profit_of_slow(world),
    )


def _profit_of_slow(world: World) -> float:
    slow = world.machines[: round(market.MACHINES * market.SHARE)]
    return (world.earned(slow) - sum(machine.spent for machine in slow)) / len(slow)
