import pytest

from tegula_coordinator import bearer
from tegula_coordinator.bearer import Scope, Token
from tegula_market.model import Address, InvalidValue

READER = frozenset({Scope.READ})


@pytest.mark.parametrize("name", ["ann", "render.farm-2", "ann@studio", "7", "a" * 64])
def test_names_stand_in_answers_and_logs_as_they_are(name: str) -> None:
    assert Token(name, READER).name == name


@pytest.mark.parametrize("name", ["", "-ann", "an n", "ann\n", "ann\x1b[2J", "a" * 65, "änn"])
def test_a_name_that_could_be_mistaken_is_refused(name: str) -> None:
    with pytest.raises(InvalidValue, match="a token's name has 1 to 64"):
        Token(name, READER)


def test_a_token_for_nothing_is_refused() -> None:
    with pytest.raises(InvalidValue, match="read, order, relay"):
        Token("ann", frozenset())


def test_a_token_reaches_its_account_s_jobs_or_those_it_opened_or_all() -> None:
    ann, bob = Address(b"\x01" * 20), Address(b"\x02" * 20)
    for token, reached in {
        Token("ann", READER): {(ann, "ann"), (bob, "ann")},
        Token("bob", READER, account=ann): {(ann, "ann"), (ann, "")},
        Token("all", READER | {Scope.ALL}): {(ann, "ann"), (bob, "ann"), (ann, ""), (bob, "")},
        Token("all", READER | {Scope.ALL}, account=bob): {(ann, "ann"), (bob, "ann"), (ann, ""), (bob, "")},
    }.items():
        jobs = [(requester, opener) for requester in (ann, bob) for opener in ("ann", "")]
        assert {job for job in jobs if token.reaches(*job)} == reached, token


def test_no_two_are_the_same_and_a_digest_tells_none() -> None:
    made = {bearer.fresh() for _ in range(100)}
    assert len(made) == 100
    assert all(len(secret) >= 32 for secret in made)
    assert {len(bearer.digest_of(secret)) for secret in made} == {32}
    assert len({bearer.digest_of(secret) for secret in made}) == 100
