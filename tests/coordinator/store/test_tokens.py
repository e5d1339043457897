from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from coordinator.store.test_log import SCRIPT, leading
from coordinator.store.test_schema import change
from tegula_coordinator.bearer import Scope, Token
from tegula_coordinator.store import StoreError, TokenTable
from tegula_market.model import Address

ANN = Token("ann", frozenset({Scope.READ, Scope.ORDER}), 1.0, 2.0, None, 30, 2, 10**12)
BOB = Token("bob", frozenset({Scope.RELAY}), 3.0, account=Address(b"\x0b" * 20))


@pytest.fixture
def table(url: str) -> Iterator[TokenTable]:
    leading(url).close()
    with closing(TokenTable(url)) as opened:
        yield opened


def test_what_was_added_is_found_by_digest(table: TokenTable) -> None:
    table.add(BOB, b"b" * 32)
    table.add(ANN, b"a" * 32)
    assert (table.find(b"a" * 32), table.find(b"b" * 32), table.find(b"c" * 32)) == (ANN, BOB, None)
    assert table.all() == [ANN, BOB]


def test_a_name_is_given_once(table: TokenTable) -> None:
    table.add(ANN, b"a" * 32)
    with pytest.raises(StoreError, match="there is a token ann already"):
        table.add(ANN, b"b" * 32)
    assert table.all() == [ANN]


def test_a_revoked_token_stays_with_the_time_it_ended(table: TokenTable) -> None:
    table.add(ANN, b"a" * 32)
    table.revoke("ann", 7.0)
    assert table.find(b"a" * 32) == replace(ANN, revoked=7.0)
    for name in ("ann", "nobody"):
        with pytest.raises(StoreError, match=f"no token {name} that could be revoked"):
            table.revoke(name, 8.0)
    assert table.all() == [replace(ANN, revoked=7.0)]


def test_tokens_are_written_while_a_coordinator_leads(url: str) -> None:
    with closing(leading(url)) as log, closing(TokenTable(url)) as table:
        for number in range(20):
            log.append(SCRIPT[:2])
            table.add(replace(ANN, name=f"ann{number}"), bytes([number]) * 32)
        assert len(list(log.replay())) == 40
        assert len(table.all()) == 20


def test_a_database_of_before_there_were_tokens_is_brought_up_to_date(url: str) -> None:
    with closing(leading(url)) as log:
        log.append(SCRIPT)
    later = [f"DROP TABLE {name}" for name in ("tokens", "audit", "checkpoints", "checkpoint_parts")]
    change(url, *later, "UPDATE alembic_version SET version_num = '0001'")
    with closing(TokenTable(url)) as table:
        assert not table.there()
        with pytest.raises(StoreError, match="cannot read or write the tokens"):
            table.all()
        with closing(leading(url)) as log:
            assert [r.event for r in log.replay()] == SCRIPT
        assert table.there()
        table.add(ANN, b"a" * 32)
        assert table.all() == [ANN]


def test_a_token_of_before_jobs_had_owners_reaches_all_of_them_still(url: str, table: TokenTable) -> None:
    table.add(ANN, b"a" * 32)
    later = [f"DROP TABLE {name}" for name in ("checkpoints", "checkpoint_parts")]
    back = "UPDATE alembic_version SET version_num = '0003'"
    change(url, "ALTER TABLE tokens DROP COLUMN account", *later, back)
    leading(url).close()
    assert table.find(b"a" * 32) == replace(ANN, scopes=ANN.scopes | {Scope.ALL})


def test_what_was_revoked_can_be_let_in_again(table: TokenTable) -> None:
    table.add(ANN, b"a" * 32)
    assert (table.revoked("ann"), table.revoked("bob")) == (False, False)
    with pytest.raises(StoreError, match="ann is not revoked"):
        table.readmit("ann")
    table.revoke("ann", 7.0)
    assert table.revoked("ann")
    table.readmit("ann")
    assert (table.revoked("ann"), table.find(b"a" * 32)) == (False, ANN)
