"""Asking a coordinator that listens on loopback."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse

from coordinator.house import OPERATOR, house
from coordinator.served import served
from listening import called, listener
from tegula_coordinator.client import Client, CoordinatorAway, Denied, local
from tegula_coordinator.config import Config, ConfigError


def test_what_is_not_served_is_denied(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as it, served(it.app) as url:
            with pytest.raises(Denied, match="Not Found"):
                await asyncio.to_thread(Client(url, OPERATOR).get, "/v1/nothing")

    asyncio.run(run())


def test_something_else_there(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as it, served(it.app) as url:
            with pytest.raises(CoordinatorAway, match="is no coordinator"):
                await asyncio.to_thread(Client(url, OPERATOR).get, "/dashboard/")

    asyncio.run(run())


def test_the_token_goes_to_the_coordinator_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither through a proxy, nor replaced by what a .netrc has for the host."""
    (tmp_path / "netrc").write_text("default login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("no_proxy", "")

    async def run() -> None:
        async with house(tmp_path) as it, served(it.app) as url:
            with listener() as proxy:
                monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.getsockname()[1]}")
                assert await asyncio.to_thread(Client(url, OPERATOR).get, "/v1/operator") == {"ok": True}
                assert not called(proxy)

    asyncio.run(run())


def test_a_redirect_is_not_followed() -> None:
    async def elsewhere(_: object) -> JSONResponse:
        return JSONResponse({}, 307, {"location": "/there"})

    async def there(_: object) -> JSONResponse:
        return JSONResponse({})

    app = FastAPI()
    app.add_route("/", elsewhere)
    app.add_route("/there", there)

    async def run() -> None:
        async with served(app) as url:
            with pytest.raises(Denied, match="status 307"):
                await asyncio.to_thread(Client(url, OPERATOR).get, "/")

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
