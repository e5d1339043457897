"""Asking a coordinator that listens on loopback."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from coordinator.house import OPERATOR, house
from coordinator.served import served
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
