"""Where a job is taken: a coordinator, a chain, and the purse that pays."""

from dataclasses import dataclass, field

from tegula_blender.job_view import About
from tegula_blender.money import Money
from tegula_market.adapters.chain import Dispatch, Escrow
from tegula_market.adapters.signed_in import SignedIn
from tegula_market.adapters.signing import Key
from tegula_market.model import ETHER, NOBODY, Address, InvalidValue


@dataclass(frozen=True, slots=True)
class Market:
    url: str
    """The coordinator's HTTP side."""
    token: str | SignedIn = field(repr=False)
    """The requester's bearer token, or what signs in with the key."""
    rpc: str
    key: Key
    """Pays the deposit, unless a wallet does, and gas."""
    currency: Address
    """ERC-20 contract, or ETHER."""
    escrow: Address | None = None
    """If set, the only escrow contract that is believed."""
    lasting: bool = True
    """Whether the chain outlives the job."""
    dispatch: Dispatch = field(default_factory=Dispatch)
    """Where transactions are kept until they are final, and what they may cost."""
    arbiter: Address | None = None
    """Who decides disputes about roots; NOBODY for none, None for whom the coordinator proposes."""
    author: Address = NOBODY
    """Of the application or scene asset that the job uses."""
    author_bps: int = 0
    """The author's part of each payment in 1/10,000."""
    operator: str = field(default="", repr=False)
    """The operator's token, of a market on this computer."""
    wallet: Address | None = None
    """An account whose key is in a browser, and which pays the deposit there."""
    unprotected: bool = False
    """Whether this very computer renders, and with nothing between a scene and it."""

    @property
    def requester(self) -> Address:
        """Who pays the deposit, and has the rest back."""
        return self.key.address if self.wallet is None else self.wallet


def money_of(escrow: Escrow, currency: Address) -> Money:
    """Raises: ChainError: no such token there, or the chain is away."""
    if currency == ETHER:
        return Money("ETH", 18)
    return Money(*escrow.describe(currency))


def arbiter(about: About, market: Market) -> Address:
    """Raises: InvalidValue: it is one of those whom it would judge."""
    chosen = about.arbiter if market.arbiter is None else market.arbiter
    if chosen in (about.coordinator, market.requester):
        raise InvalidValue(
            f"the arbiter 0x{chosen.hex()} is one of those whom it would judge; name another with --arbiter,"
            " or none"
        )
    return chosen


def check(about: About, market: Market) -> None:
    """Raises: InvalidValue: a coordinator that has another escrow than is believed."""
    if market.escrow is not None and market.escrow != about.escrow:
        raise InvalidValue(
            f"the coordinator works with the escrow 0x{about.escrow.hex()}, not with"
            f" 0x{market.escrow.hex()}; nothing was paid"
        )
