import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from coordinator.store.test_log import leading
from tegula_coordinator import bearer
from tegula_coordinator.cli import app
from tegula_coordinator.store import EventLog

DAY = 86_400


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "coordinator.toml"
    path.write_text('rpc = "http://127.0.0.1:1"\nkey_file = "k"\ncurve_key_file = "c"\ndata = "data"\n')
    return path


def printed(config: Path, *words: str) -> Any:
    ended = CliRunner().invoke(app, ["audit", "--config", str(config), *words])
    assert ended.exit_code == 0, (ended.output, ended.exception)
    return [json.loads(line) for line in ended.stdout.splitlines()]


def run(config: Path, *words: str, code: int = 0) -> Any:
    ended = CliRunner().invoke(app, ["token", *words, "--config", str(config)])
    assert ended.exit_code == code, (ended.output, ended.exception)
    if code:
        return ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


def database(config: Path) -> Path:
    return config.parent / "data" / "book.db"


def test_a_token_is_shown_once_and_kept_as_its_digest(config: Path) -> None:
    (made,) = run(config, "new", "studio", "--days", "7", "--requests", "60", "--jobs", "2")
    secret = made.pop("token")
    assert made["scopes"] == ["order", "read"]
    assert (made["expires"] - made["made"], made["requests"], made["jobs"]) == (7 * DAY, 60, 2)
    assert abs(made["made"] - time.time()) < 60
    assert run(config, "list") == [made]
    assert secret.encode() not in database(config).read_bytes()
    with closing(sqlite3.connect(database(config))) as connection:
        assert connection.execute("SELECT digest FROM tokens").fetchall() == [(bearer.digest_of(secret),)]


def test_a_token_is_made_and_revoked_while_a_coordinator_serves(config: Path) -> None:
    database(config).parent.mkdir()
    with closing(leading(f"sqlite:///{database(config)}")):
        run(config, "new", "studio", "--scope", "relay", "--scope", "read")
        assert run(config, "revoke", "studio") == []
        (shown,) = run(config, "list")
        assert shown["scopes"] == ["read", "relay"]
        assert abs(shown["revoked"] - time.time()) < 60
        noted = [(entry["who"], entry["act"], entry["subject"], entry["detail"]) for entry in printed(config)]
        assert noted == [("operator", "token", "studio", "made"), ("operator", "token", "studio", "revoked")]
        assert printed(config, "--who", "studio") == []
        assert [entry["detail"] for entry in printed(config, "--last", "1")] == ["revoked"]


def test_a_token_reaches_its_own_jobs_unless_it_is_made_to_reach_all(config: Path) -> None:
    account = "0x" + "aB" * 20
    (ann,), (farm,) = (
        run(config, "new", "ann", "--account", account),
        run(config, "new", "f", "--scope", "all"),
    )
    assert (ann["account"], ann["scopes"]) == (account.lower(), ["order", "read"])
    assert (farm["account"], farm["scopes"]) == (None, ["all", "order", "read"])


def test_an_account_that_signs_in_is_shut_out_and_let_in_again(config: Path) -> None:
    account = "0x" + "aB" * 20
    for _ in range(2):
        assert run(config, "revoke", account) == []
        (shown,) = run(config, "list")
        assert (shown["name"], shown["account"]) == (account.lower(), account.lower())
        assert abs(shown["revoked"] - time.time()) < 60
        assert "no token" in run(config, "revoke", account, code=2)
        assert run(config, "readmit", account) == []
        assert run(config, "list")[0]["revoked"] is None
    assert "is not revoked" in " ".join(run(config, "readmit", account, code=2).split())
    assert [entry["detail"] for entry in printed(config)] == ["revoked", "readmitted"] * 2


def test_beside_a_coordinator_of_an_older_version(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With PostgreSQL, where one leads and the command is told no more than that."""
    monkeypatch.setattr(EventLog, "lead", lambda _: False)
    assert "update the coordinator first" in " ".join(run(config, "new", "studio", code=2).split())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("new", "studio"), "there is a token studio already"),
        (("new", "two words"), "a token's name has"),
        (("new", "tokens_file"), "cannot have the name tokens_file"),
        (("new", "operator"), "cannot have the name operator"),
        (("new", "worker-0101"), "cannot have the name worker-0101"),
        (("new", "ann", "--scope", "everything"), "everything"),
        (("new", "ann", "--requests", "0"), "--requests"),
        (("new", "ann", "--days", "-1"), "--days"),
        (("new", "ann", "--account", "ann"), "--account"),
        (("new", "0x" + "01" * 20), "cannot have the name 0x"),
        (("revoke", "0x01"), "account"),
        (("readmit", "studio"), "account"),
        (("revoke", "nobody"), "no token nobody that could be revoked"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(config: Path, words: tuple[str, ...], says: str) -> None:
    before = run(config, "new", "studio")[0]["name"]
    assert says in run(config, *words, code=2)
    assert [token["name"] for token in run(config, "list")] == [before]
