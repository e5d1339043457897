"""Synthetic workers, and what their owners have in mind."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from tegula_market.audit import NEWCOMER
from tegula_market.model import Address, JobId, WorkerId

SLOTS = 2
FORGED = 0.25
"""What a forged tile costs and takes, of an honest one: a quarter of the samples."""
LESS, MORE = 0.9, 1.02
"""What a machine makes of its ask when it lost by it, and when it set the price."""
TRUSTED = NEWCOMER
"""Accepted tiles after which whoever waits to be trusted begins to forge: its batches begin to grow."""
KNOWN = 4
"""Accepted tiles until which an entrant asks half of its cost: it is paid the clearing price all the same."""
DEARER = 1.2
"""What a cartel asks, in its costs."""


@dataclass(slots=True)
class Machine:
    owner: str
    plan: "Plan"
    cost: int
    """Of rendering, in token units per megasample."""
    speed: float
    """Megasamples a second."""
    device: str
    ask: float
    name: WorkerId
    payout: Address
    names: list[Address] = field(default_factory=list)
    """Every payout address that it ever had."""
    busy_until: float = 0.0
    warm: JobId | None = None
    spent: float = 0.0
    tiles: int = 0
    """Leases that it was given."""
    accepted: int = 0
    joined: float = 0.0
    first_lease: float | None = None


def learn(machine: Machine, *, lost: bool) -> None:
    """An owner knows only what was taken: he comes down, to his cost, and up while he sets the price."""
    machine.ask = max(float(machine.cost), machine.ask * (LESS if lost else MORE))


def _asks_cost(machine: Machine, ceiling: int) -> int:
    return min(ceiling, round(machine.ask))


@dataclass(frozen=True, slots=True)
class Plan:
    """What an owner does with a machine; as it stands, an honest one's."""

    asks: Callable[[Machine, int], int] = _asks_cost
    """Machine and ceiling to a price."""
    forges: Callable[[Machine, Random], bool] = lambda _machine, _chance: False
    times_out: bool = False
    """It takes leases and says nothing more."""
    fresh: bool = False
    """It comes back under a new name as soon as the old one has a stain."""


HONEST = Plan()
ENTRANT = Plan(
    asks=lambda machine, ceiling: _asks_cost(machine, ceiling) // (2 if machine.accepted < KNOWN else 1)
)


def _nothing(_machine: Machine, _ceiling: int) -> int:
    return 1


def _dear(_machine: Machine, ceiling: int) -> int:
    return ceiling


def _always(_machine: Machine, _chance: Random) -> bool:
    return True


def _half_withheld(machine: Machine, ceiling: int) -> int:
    """Every second machine stands idle, so that the price is made by dearer ones."""
    return ceiling if machine.names[0][0] % 2 else _asks_cost(machine, ceiling)


CARTEL = "a fifth above cost"
ATTACKS: dict[str, Plan] = {
    "honest work at price 1": Plan(asks=_nothing),
    "price 1, forged": Plan(asks=_nothing, forges=_always),
    "price 1, forged, fresh names": Plan(asks=_nothing, forges=_always, fresh=True),
    "every third tile forged": Plan(forges=lambda _, chance: chance.random() < 1 / 3),
    "forged once trusted": Plan(forges=lambda machine, _: machine.accepted >= TRUSTED),
    "overbidding": Plan(asks=_dear),
    "withholding": Plan(asks=_half_withheld),
    CARTEL: Plan(asks=lambda machine, ceiling: min(ceiling, round(DEARER * machine.cost))),
    "timeouts": Plan(asks=_nothing, times_out=True),
    "timeouts, fresh names": Plan(asks=_nothing, times_out=True, fresh=True),
}
