"""Lets in whoever shows that an Ethereum account is theirs, by signing a text (EIP-4361).

The text is made here and kept until its signature comes, once: so nobody's text has to be read. The token
that follows is derived, as workers' are: nothing is kept of it, and a restart or an heir believes it, too.
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import urlsplit

from tegula_coordinator import bearer
from tegula_coordinator.bearer import Scope, Token
from tegula_coordinator.config import Config
from tegula_coordinator.derive import Derive
from tegula_coordinator.refusals import NotKnown
from tegula_market import codec
from tegula_market.adapters import signing
from tegula_market.model import Address, Signature, TegulaError

SCOPES = frozenset({Scope.READ, Scope.ORDER})
"""Never `relay`: whoever likes could spend the coordinator's ether."""
STATEMENT = "Use this coordinator of Tegula for jobs of this account. This signs no order and pays nothing."
GOOD_SECONDS = 300
"""For which a text can be signed."""
COMPACT = 64
"""Bytes of a usual signature without its last, which some wallets count from 0 and some from 27."""


class NotOffered(TegulaError):
    """The operator lets nobody in by a signature."""


class Contracts(Protocol):
    def approves(self, account: Address, digest: bytes, signature: bytes) -> bool:
        """Asks the chain, and blocks."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    account: Address
    nonce: str
    text: str
    until: float
    """Unix seconds."""


class SignIn:
    """
    Args:
        chain_id: of the chain that jobs are paid on.
        contracts: whether accounts that are contracts take a signature for theirs.
    """

    def __init__(
        self,
        config: Config,
        chain_id: int,
        derive: Derive,
        contracts: Contracts,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._config = config
        self._chain_id = chain_id
        self._derive = derive
        self._contracts = contracts
        self._clock = clock
        self._asked: dict[str, Asked] = {}
        """By nonce, the oldest first."""

    @property
    def offered(self) -> bool:
        return self._config.sign_in

    def ask(self, account: Address) -> Asked:
        """What the account is to sign.

        Raises:
            NotOffered.
        """
        self.check_offered()
        now = self._clock()
        while self._asked and (oldest := next(iter(self._asked.values()))).until <= now:
            del self._asked[oldest.nonce]
        nonce = secrets.token_hex(16)
        asked = Asked(account, nonce, self._text(account, nonce, now), int(now) + GOOD_SECONDS)
        self._asked[nonce] = asked
        return asked

    async def enter(self, nonce: str, signature: bytes) -> tuple[str, Token]:
        """The token for the text of that nonce, which is good for nothing after that, and what it is for.

        Raises:
            NotOffered, NotKnown.
            ChainError: it cannot be asked whether the account is a contract that signed.
        """
        self.check_offered()
        asked = self._asked.pop(nonce, None)
        if asked is None or asked.until <= self._clock():
            raise NotKnown("there is no such message, or no more; ask for another one and sign that")
        if not await self._signed(asked, signature):
            raise NotKnown(
                f"the message is not signed by {codec.encode(asked.account)}; ask for another one and sign it"
                " with that account"
            )
        until = int(self._clock() + self._config.sign_in_seconds)
        return self._derive.account_token(asked.account, until), self._token(asked.account, until)

    def token_of(self, secret: str) -> Token | None:
        """What somebody may do who signed in, whether it has expired or not; None if it is no such token."""
        found = self._derive.account_of(secret) if self.offered else None
        return None if found is None else self._token(*found)

    def check_offered(self) -> None:
        """Raises: NotOffered."""
        if not self.offered:
            raise NotOffered("nobody signs in with an account here; ask the operator for a token")

    def _token(self, account: Address, until: int) -> Token:
        name, config = codec.encode(account), self._config
        return Token(
            name,
            SCOPES,
            expires=until,
            requests=config.sign_in_requests,
            jobs=config.sign_in_jobs,
            upload_bytes=config.sign_in_upload_bytes,
            account=account,
            signed_in=True,
            digest=bearer.digest_of(name),  # uploads go on after the next sign-in
        )

    async def _signed(self, asked: Asked, signature: bytes) -> bool:
        digest, usual = signing.hash_of_text(asked.text), signature
        if len(signature) == COMPACT + 1 and signature[COMPACT] in (0, 1):
            usual = signature[:COMPACT] + bytes([signature[COMPACT] + signing.V_OFFSET])
        if signing.recover_hash(digest, Signature(usual)) == asked.account:
            return True
        return await asyncio.to_thread(self._contracts.approves, asked.account, digest, signature)

    def _text(self, account: Address, nonce: str, now: float) -> str:
        """In the words and the order of EIP-4361, by which wallets know it and compare it with the page."""
        url = urlsplit(self._config.public_http)
        # Without a scheme https is meant; the names of machines that have none are for trying it out.
        origin = url.netloc if url.scheme == "https" else f"{url.scheme}://{url.netloc}"
        return "\n".join(
            (
                f"{origin} wants you to sign in with your Ethereum account:",
                signing.checksummed(account),
                "",
                STATEMENT,
                "",
                f"URI: {self._config.public_http}",
                "Version: 1",
                f"Chain ID: {self._chain_id}",
                f"Nonce: {nonce}",
                f"Issued At: {_spelled(now)}",
                f"Expiration Time: {_spelled(int(now) + GOOD_SECONDS)}",
            )
        )


def _spelled(at: float) -> str:
    """Source: RFC 3339."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
