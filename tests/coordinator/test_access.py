import asyncio
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from coordinator.playbook import ANN
from coordinator.store.test_log import leading
from tegula_coordinator import bearer
from tegula_coordinator.access import (
    BELIEVED_SECONDS,
    STRANGE_TRIES,
    Access,
    NotAllowed,
    NotKnown,
    TooMany,
)
from tegula_coordinator.bearer import Scope, Token
from tegula_coordinator.derive import Derive
from tegula_coordinator.store import TokenTable

DERIVE = Derive(b"k" * 32)
SECRET = "a-secret-of-24-letters.."
STUDIO = Token("studio", frozenset({Scope.READ, Scope.ORDER}))
HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"


class Clock:
    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def table(tmp_path: Path) -> Iterator[TokenTable]:
    url = f"sqlite:///{tmp_path / 'book.db'}"
    leading(url).close()
    with closing(TokenTable(url)) as opened:
        yield opened


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def access(table: TokenTable, clock: Clock) -> Access:
    return Access(["of-the-tokens-file"], table, DERIVE, clock)


def admitted(
    access: Access, secret: str | None, scope: Scope, peer: str = HERE, workers: bool = False
) -> str:
    return asyncio.run(access.admit(secret, scope, peer, workers)).name


def test_a_token_of_the_file_may_do_everything(access: Access) -> None:
    assert {admitted(access, "of-the-tokens-file", scope) for scope in Scope} == {"tokens_file"}


def test_a_token_does_what_its_scopes_say(access: Access, table: TokenTable) -> None:
    table.add(STUDIO, bearer.digest_of(SECRET))
    assert admitted(access, SECRET, Scope.READ) == admitted(access, SECRET, Scope.ORDER) == "studio"
    with pytest.raises(NotAllowed, match="studio is for order, read, and this wants relay; ask the operator"):
        admitted(access, SECRET, Scope.RELAY)


def test_a_worker_gets_at_blobs_alone(access: Access) -> None:
    secret = DERIVE.blob_token(ANN)
    assert admitted(access, secret, Scope.READ, workers=True) == "worker"
    with pytest.raises(NotKnown):
        admitted(access, secret, Scope.READ)
    with pytest.raises(NotKnown):
        admitted(access, secret[:-1] + "g", Scope.READ, workers=True)


@pytest.mark.parametrize("secret", [None, "", "nobody's", "\x00", "ä"])
def test_who_has_no_token_is_told_to_ask_for_one(access: Access, secret: str | None) -> None:
    with pytest.raises(NotKnown, match="ask the operator for one"):
        admitted(access, secret, Scope.READ)


def test_a_token_ends_when_it_expires(access: Access, table: TokenTable, clock: Clock) -> None:
    table.add(replace(STUDIO, expires=clock.now + 1), bearer.digest_of(SECRET))
    assert admitted(access, SECRET, Scope.READ) == "studio"
    clock.now += 1
    with pytest.raises(NotKnown, match="studio has expired"):
        admitted(access, SECRET, Scope.READ)


def test_a_token_that_was_revoked_is_believed_for_seconds_only(
    access: Access, table: TokenTable, clock: Clock
) -> None:
    table.add(STUDIO, bearer.digest_of(SECRET))
    assert admitted(access, SECRET, Scope.READ) == "studio"
    table.revoke("studio", clock.now)
    clock.now += BELIEVED_SECONDS
    with pytest.raises(NotKnown, match="studio was revoked"):
        admitted(access, SECRET, Scope.READ)


def test_a_token_makes_as_many_requests_a_minute_as_it_is_for(access: Access, table: TokenTable) -> None:
    other = "another-secret-of-letters"
    table.add(replace(STUDIO, requests=3), bearer.digest_of(SECRET))
    table.add(replace(STUDIO, name="other", requests=3), bearer.digest_of(other))

    def keep_asking() -> None:
        for _ in range(7):  # a minute may begin in between
            admitted(access, SECRET, Scope.READ)

    with pytest.raises(TooMany, match=r"studio is for 3 requests a minute; try again in \d+ sec") as caught:
        keep_asking()
    assert 1 <= caught.value.retry_after <= 60
    assert admitted(access, other, Scope.READ) == "other"


def test_who_guesses_is_not_looked_up_for_ever(access: Access, table: TokenTable) -> None:
    table.add(STUDIO, bearer.digest_of(SECRET))

    def keep_guessing() -> None:
        for number in range(2 * STRANGE_TRIES + 1):
            with pytest.raises(NotKnown):
                admitted(access, f"guess {number}", Scope.READ)

    with pytest.raises(TooMany, match=f"unknown tokens from {HERE}") as caught:
        keep_guessing()
    assert 1 <= caught.value.retry_after <= 60
    assert admitted(access, "of-the-tokens-file", Scope.READ) == "tokens_file"
    assert admitted(access, SECRET, Scope.READ, ELSEWHERE) == "studio"
