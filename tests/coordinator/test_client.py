"""The operator's commands against a coordinator that listens on loopback."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from coordinator.house import OPERATOR, House, an_honest_order, deliver, house
from coordinator.served import served
from listening import free_port
from tegula_coordinator import founding
from tegula_coordinator.cli import app
from tegula_coordinator.client import Client, CoordinatorAway, Denied, local
from tegula_coordinator.config import Config, ConfigError
from tegula_market import codec

Command = Callable[..., Result]


def configured(folder: Path, url: str, token: str = OPERATOR) -> Path:
    """The file of a coordinator that serves there."""
    (folder / "operator.token").write_text(token)
    path = folder / "coordinator.toml"
    chosen = {"rpc": "http://chain", "http": url.removeprefix("http://"), "data": "data", **founding.KEYS}
    path.write_text(founding.text(chosen))
    return path


def command(config: Path, *words: str) -> Result:
    name, *rest = words
    return CliRunner().invoke(app, [name, "--config", str(config), *rest])


async def commanded(it: House, folder: Path, *words: str) -> Result:
    """What the command says, run while the house answers."""
    async with served(it.app) as url:
        return await asyncio.to_thread(command, configured(folder, url), *words)


def test_the_status_of_a_job_under_way(tmp_path: Path) -> None:
    async def run() -> tuple[str, Result, Result]:
        async with house(tmp_path) as it, asyncio.timeout(30):
            job = await it.open(an_honest_order())
            await deliver(it, job, 0)
            shown = await commanded(it, tmp_path, "status", "--once")
            return codec.encode(job), shown, await commanded(it, tmp_path, "status", "--json")

    job, shown, as_json = asyncio.run(run())
    assert shown.exit_code == 0, shown.output
    assert "ready: database, blobs and chain answer" in shown.stdout
    assert "ether for gas: 0.500000" in shown.stdout
    told = json.loads(as_json.stdout)
    assert [(each["job"], each["tiles"], each["delivered"]) for each in told["jobs"]] == [(job, 4, 1)]
    assert {each["verifier"] for each in told["workers"]} == {True, False}
    assert told["free_bytes"] > 0


def test_a_token_that_is_not_the_operators(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as it, served(it.app) as url:
            config = configured(tmp_path, url, "somebody-elses-token")
            said = await asyncio.to_thread(command, config, "status", "--once")
            assert said.exit_code == 2
            assert "that is not the operator's token" in said.stderr
            with pytest.raises(Denied, match="Not Found"):
                await asyncio.to_thread(Client(url, OPERATOR).get, "/v1/nothing")

    asyncio.run(run())


def test_nobody_there(tmp_path: Path) -> None:
    said = command(configured(tmp_path, f"127.0.0.1:{free_port()}"), "status", "--once")
    assert said.exit_code == 2
    assert "no coordinator answers at http://127.0.0.1:" in said.stderr
    assert OPERATOR not in said.output


def test_something_else_there(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as it, served(it.app) as url:
            with pytest.raises(CoordinatorAway, match="is no coordinator"):
                await asyncio.to_thread(Client(url, OPERATOR).get, "/dashboard/")

    asyncio.run(run())


def test_without_an_operators_token(tmp_path: Path) -> None:
    config = Config("http://chain", *[tmp_path] * 3)
    with pytest.raises(ConfigError, match="operator_token_file = FILE"):
        Client.of(config)
    named = replace(config, operator_token_file=tmp_path / "none")
    with pytest.raises(ConfigError, match="cannot read tokens"):
        Client.of(named)


@pytest.mark.parametrize(
    ("http", "url"),
    [
        ("127.0.0.1:8700", "http://127.0.0.1:8700"),
        ("0.0.0.0:80", "http://127.0.0.1:80"),
        ("[::]:80", "http://[::1]:80"),
        ("market.example:80", "http://market.example:80"),
    ],
)
def test_where_it_is_on_this_machine(http: str, url: str) -> None:
    assert local(http) == url
