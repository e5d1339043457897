"""What the programs' tests do not tell: `end_to_end/test_local.py` runs the whole service."""

import asyncio
import os
import signal
import socket
from contextlib import closing
from pathlib import Path

import pytest

from tegula_coordinator import founding, service
from tegula_coordinator.config import Config, ConfigError
from tegula_market.adapters.wire import NotBound


def test_an_answer_is_sent_at_once() -> None:
    """Not 40 ms later: head and body of an answer are two writes."""
    with closing(service._bound("127.0.0.1:0")) as listener:
        with socket.create_connection(listener.getsockname()):
            accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_an_address_that_a_former_leader_has_not_given_up_yet_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tries = iter([ConfigError("taken"), NotBound("taken"), None])

    async def listen() -> str:
        if (error := next(tries)) is not None:
            raise error
        return "bound"

    async def no_pause(_: float) -> None:
        pass

    monkeypatch.setattr(service.asyncio, "sleep", no_pause)
    assert asyncio.run(service._soon(listen)) == "bound"


def test_an_address_that_stays_taken_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def listen() -> None:
        raise NotBound("taken")

    monkeypatch.setattr(service, "LISTEN_SECONDS", -1.0)
    with pytest.raises(NotBound):
        asyncio.run(service._soon(listen))


@pytest.mark.parametrize("name", ["tokens_file", "operator_token_file"])
def test_a_bad_file_of_tokens_is_told_before_a_coordinator_stands_by(tmp_path: Path, name: str) -> None:
    """Before it looks for the chain even, which is nowhere here."""
    keys = tmp_path / "keys"
    founding.keys(keys)
    (tmp_path / "short").write_text("short\n")
    files = {key: keys / file for key, file in founding.KEYS.items()} | {name: tmp_path / "short"}
    config = Config("http://127.0.0.1:1", **files, data=tmp_path / "data")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="short"):
        asyncio.run(service.serve(config))


def test_the_first_signal_lets_work_end_and_the_second_does_not() -> None:
    async def run() -> None:
        stop, hurry = service._signals()
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(stop.wait(), 10)
        assert not hurry.is_set()
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.wait_for(hurry.wait(), 10)

    asyncio.run(run())
