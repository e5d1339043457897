"""A coordinator that answers, lets the artist in, and has the escrow that it always had."""

import time
from dataclasses import dataclass

from tegula_market import vouchers
from tegula_market.adapters import light
from tegula_market.model import InvalidValue, TegulaError, Terms, Wei
from tegula_market.vouchers import Domain, TokenDomain

from ..client import Client, Refused
from ..job_view import About, AccountView
from ..money import Money
from .purse import Purse
from .state import Connection
from .words import count

GOOD_SECONDS = 600
"""For which a deposit can be taken, once it is signed."""


@dataclass(frozen=True, slots=True)
class Connected:
    url: str
    client: Client
    about: About
    account: AccountView
    """Of the artist."""
    purse: Purse

    @property
    def domain(self) -> Domain:
        return Domain(self.about.chain_id, self.about.escrow)

    @property
    def money(self) -> Money:
        return Money(self.account.symbol, self.account.decimals)

    def check_funds(self, amount: Wei) -> None:
        """Raises: InvalidValue: there is too little in the account."""
        held = self.client.account(self.purse.address).balance
        if held < amount:
            raise InvalidValue(
                f"The job can cost up to {self.money.text(amount)}, and your account"
                f" 0x{self.purse.address.hex()} has {self.money.text(held)}; add to it, or lower the budget."
            )

    def deposit(self, terms: Terms, amount: Wei) -> None:
        """Safe to repeat.

        Raises:
            Refused: the chain does not take it.
        """
        token = TokenDomain(
            self.account.name, self.account.version, self.about.chain_id, self.account.currency
        )
        until = int(time.time()) + GOOD_SECONDS
        parties = self.about.escrow, self.purse.address, light.job_id(terms)
        signature = self.purse.sign(vouchers.deposit_payload(token, *parties, amount, 0, until))
        self.client.deposit(terms, amount, 0, until, signature)


def connect(url: str, token: str, purse: Purse) -> Connected:
    """
    Raises:
        Unreachable, Refused, MalformedInput: nobody answers, the token is not known, no coordinator is there.
        AnotherVersion: it is too old or too new.
        InvalidValue: it names another escrow than before.
    """
    client = Client(url, token)
    about = client.about()
    client.check_token()
    purse.trust(url, Domain(about.chain_id, about.escrow))
    return Connected(url, client, about, client.account(purse.address), purse)


def tested(url: str, token: str, purse: Purse) -> Connection:
    """What a test of the preferences shows."""
    try:
        at = connect(url, token, purse)
        market = at.client.market()
    except TegulaError as error:
        return Connection(ok=False, sentence=_sentence(error), address=purse.address)
    workers, verifiers = len(market.workers), len(market.verifiers)
    said = f"Connected. {count(workers, 'worker')} and {count(verifiers, 'verifier')} are online."
    return Connection(True, said, purse.address, at.account.balance, at.money)


def _sentence(error: TegulaError) -> str:
    if isinstance(error, Refused) and error.status == 401:
        return "The coordinator does not know this token; ask its operator for one."
    return str(error)
