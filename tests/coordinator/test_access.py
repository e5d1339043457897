import asyncio
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from coordinator.playbook import ANN, BOB
from coordinator.store.test_log import leading
from tegula_coordinator import bearer
from tegula_coordinator.access import BELIEVED_SECONDS, Access
from tegula_coordinator.bearer import Scope, Token
from tegula_coordinator.derive import Derive
from tegula_coordinator.quotas import LEAST_UPLOAD, REFUSALS_NOTED, SIGNED_IN_ENDS, STRANGE_TRIES
from tegula_coordinator.refusals import NotAllowed, NotKnown, TooMany
from tegula_coordinator.store import Act, AuditLog, Entry, TokenTable
from tegula_market import codec
from tegula_market.model import Address, JobId

DERIVE = Derive(b"k" * 32)
SECRET = "a-secret-of-24-letters.."
STUDIO = Token("studio", frozenset({Scope.READ, Scope.ORDER}))
ACCOUNT = Address(b"\x0c" * 20)
GUEST = Token(f"0x{ACCOUNT.hex()}", STUDIO.scopes, expires=2e9, account=ACCOUNT, signed_in=True)
OTHER_GUEST = replace(GUEST, name=f"0x{'0d' * 20}", account=Address(b"\x0d" * 20))
GUESTS = {"guest": GUEST, "other guest": OTHER_GUEST, "late guest": replace(GUEST, expires=1.0)}
"""Who has signed in, by tokens."""
ALL_BYTES = 10 * LEAST_UPLOAD
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
def audit(tmp_path: Path) -> Iterator[AuditLog]:
    with closing(AuditLog(f"sqlite:///{tmp_path / 'book.db'}")) as opened:
        yield opened


@pytest.fixture
def access(table: TokenTable, audit: AuditLog, clock: Clock) -> Access:
    return Access(
        ["of-the-tokens-file"], table, audit, DERIVE, {BOB}.__contains__, GUESTS.get, ALL_BYTES, clock
    )


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
    assert admitted(access, secret, Scope.READ, workers=True) == f"worker-{ANN.hex()[:32]}"
    with pytest.raises(NotKnown):
        admitted(access, secret, Scope.READ)
    with pytest.raises(NotKnown):
        admitted(access, secret[:-1] + "g", Scope.READ, workers=True)


def test_who_is_banned_uploads_nothing(access: Access) -> None:
    ann, bob = DERIVE.blob_token(ANN), DERIVE.blob_token(BOB)
    assert admitted(access, ann, Scope.ORDER, workers=True) == f"worker-{ANN.hex()[:32]}"
    assert admitted(access, bob, Scope.READ, workers=True) == f"worker-{BOB.hex()[:32]}"
    with pytest.raises(NotAllowed, match="has banned this worker"):
        admitted(access, bob, Scope.ORDER, workers=True)


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


def test_who_guesses_is_not_looked_up_for_ever(access: Access, table: TokenTable, clock: Clock) -> None:
    other = "another-secret-of-letters"
    table.add(STUDIO, bearer.digest_of(SECRET))
    table.add(replace(STUDIO, name="other"), bearer.digest_of(other))
    assert admitted(access, other, Scope.READ) == "other"
    clock.now += 2 * BELIEVED_SECONDS

    def keep_guessing() -> None:
        for number in range(2 * STRANGE_TRIES + 1):
            with pytest.raises(NotKnown):
                admitted(access, f"guess {number}", Scope.READ)

    with pytest.raises(TooMany, match=f"unknown tokens from {HERE}") as caught:
        keep_guessing()
    assert 1 <= caught.value.retry_after <= 60
    assert admitted(access, "of-the-tokens-file", Scope.READ) == "tokens_file"
    assert admitted(access, SECRET, Scope.READ, ELSEWHERE) == "studio"
    assert admitted(access, other, Scope.READ) == "other"  # who was known is no stranger


def test_a_token_has_as_many_jobs_open_as_it_is_for(access: Access, audit: AuditLog) -> None:
    studio, live = replace(STUDIO, jobs=2), set[JobId]()
    first, second, third = (JobId(bytes([number]) * 32) for number in range(3))

    async def order(token: Token, job: JobId) -> None:
        async with access.ordering(token, job, live):
            await access.note(token, Act.ORDER, codec.encode(job))
            await asyncio.sleep(0)  # the chain is asked meanwhile
            live.add(job)

    async def all_at_once() -> list[BaseException | None]:
        return await asyncio.gather(
            *(order(studio, job) for job in (first, second, third)), return_exceptions=True
        )

    *taken, refused = asyncio.run(all_at_once())
    assert (taken, live) == ([None, None], {first, second})
    assert isinstance(refused, TooMany)
    assert "studio is for 2 open jobs; close or cancel one first" in str(refused)
    asyncio.run(order(studio, second))  # sent again, opened once
    asyncio.run(order(replace(STUDIO, name="free"), JobId(b"x" * 32)))
    live.remove(first)
    asyncio.run(order(studio, third))
    assert {entry.act for entry in audit.last(10)} == {Act.ORDER}


def test_refusals_are_noted_until_there_are_too_many(access: Access, audit: AuditLog) -> None:
    async def refuse() -> None:
        for number in range(2 * REFUSALS_NOTED):
            await access.note_refusal(NotKnown("no\nsuch token"), HERE, f"GET /{number}")
        await access.note_refusal(NotAllowed("not for this", "studio"), HERE, "POST /v1/jobs")

    asyncio.run(refuse())
    noted = audit.last(10_000)
    assert len(noted) == REFUSALS_NOTED
    assert (noted[0].who, noted[0].act, noted[0].subject, noted[0].detail) == (
        HERE, Act.REFUSED, "GET /0", "no?such token",
    )  # fmt: skip


def test_one_note_is_written_at_a_time(
    access: Access, audit: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or many commits, each with its own wait for the disk, would keep the event log from its turn."""
    writing, most, add = 0, 0, audit.add

    def slow(entry: Entry) -> None:
        nonlocal writing, most
        writing += 1
        most = max(most, writing)
        time.sleep(0.005)
        add(entry)
        writing -= 1

    monkeypatch.setattr(audit, "add", slow)

    async def scenario() -> None:
        noted = [access.note(STUDIO, Act.UPLOAD, str(number)) for number in range(8)]
        refused = [access.note_refusal(NotKnown("no"), HERE, str(number)) for number in range(8)]
        await asyncio.gather(*noted, *refused)

    asyncio.run(scenario())
    assert (most, len(audit.last(100))) == (1, 16)


def test_who_has_signed_in_may_do_what_the_account_may_until_it_ends(access: Access) -> None:
    assert admitted(access, "guest", Scope.ORDER) == GUEST.name
    with pytest.raises(NotAllowed, match="this wants relay"):
        admitted(access, "guest", Scope.RELAY)
    with pytest.raises(NotKnown, match="has expired; sign in again"):
        admitted(access, "late guest", Scope.READ)


def test_an_account_that_was_shut_out_is_believed_for_seconds_only(
    access: Access, table: TokenTable, clock: Clock
) -> None:
    assert admitted(access, "guest", Scope.READ) == GUEST.name
    table.add(replace(GUEST, revoked=clock.now), bearer.digest_of("nobody's"))
    clock.now += BELIEVED_SECONDS
    with pytest.raises(NotKnown, match=f"the account {GUEST.name} was revoked"):
        admitted(access, "guest", Scope.READ)
    assert admitted(access, "other guest", Scope.READ) == OTHER_GUEST.name
    table.readmit(GUEST.name)
    clock.now += BELIEVED_SECONDS
    assert admitted(access, "guest", Scope.READ) == GUEST.name


def test_an_account_that_signed_in_does_not_fill_the_audit_log(access: Access, audit: AuditLog) -> None:
    async def end(token: Token, count: int) -> None:
        for number in range(count):
            await access.note(token, (Act.CANCEL, Act.CLOSE)[number % 2], str(number))

    with pytest.raises(
        TooMany, match=f"for {SIGNED_IN_ENDS} cancels and closes an hour; try again"
    ) as caught:
        asyncio.run(end(GUEST, 2 * SIGNED_IN_ENDS + 1))  # an hour may begin in between
    assert 1 <= caught.value.retry_after <= 3600
    assert SIGNED_IN_ENDS <= len(audit.last(10_000)) <= 2 * SIGNED_IN_ENDS
    asyncio.run(end(OTHER_GUEST, 1))
    asyncio.run(end(STUDIO, SIGNED_IN_ENDS + 1))
