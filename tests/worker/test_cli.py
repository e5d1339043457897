"""The program as a process of its own, with the real renderer."""

import asyncio
import json
import os
import select
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes import blob_server
from tegula_market import messages
from worker.stage import Stage

pytestmark = pytest.mark.slow


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with blob_server() as server:
        yield Stage(server, tmp_path / "data")


async def _start(stage: Stage) -> asyncio.subprocess.Process:
    """A verifier: it needs no chain."""
    run = ("run", "--verifier", "--coordinator", stage.server.url, "--data", str(stage.data))
    command = (sys.executable, "-c", "from tegula_worker.cli import app; app()", *run)
    return await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )


def _renderer_of(pid: int) -> int:
    """A descriptor of the worker's only child, which reads as ready when the child has ended."""
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return os.pidfd_open(int(child))


def _ended(descriptor: int) -> bool:
    ready, _, _ = select.select([descriptor], [], [], 20)
    os.close(descriptor)
    return bool(ready)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_goodbye_and_leaves_nothing_running(stage: Stage, number: signal.Signals) -> None:
    async def play() -> None:
        async with stage.opened() as coordinator:
            worker = await _start(stage)
            hello = await coordinator.welcome()
            assert (hello.verifier, hello.blender.count(".")) == (True, 2)
            child = _renderer_of(worker.pid)
            worker.send_signal(number)
            await coordinator.hear(messages.Bye)
            out, err = await asyncio.wait_for(worker.communicate(), 20)
            assert worker.returncode == 0, err.decode()
            assert json.loads(out)["worker"] == "0x" + coordinator.worker.hex()
            assert _ended(child)

    asyncio.run(play())


def test_a_refusal_is_a_sentence_and_exit_code_2(stage: Stage) -> None:
    async def play() -> None:
        async with stage.opened() as coordinator:
            worker = await _start(stage)
            await coordinator.hear(messages.Hello)
            await coordinator.say(messages.Refused("this key is not among the coordinator's verifiers"))
            _, err = await asyncio.wait_for(worker.communicate(), 20)
            assert worker.returncode == 2
            last = err.decode().splitlines()[-1]
            assert last == "tegula-worker: this key is not among the coordinator's verifiers"

    asyncio.run(play())


def test_a_kill_leaves_no_renderer_behind(stage: Stage) -> None:
    async def play() -> None:
        async with stage.opened() as coordinator:
            worker = await _start(stage)
            hello = await coordinator.welcome()
            child = _renderer_of(worker.pid)
            worker.kill()
            await worker.communicate()
            assert _ended(child)
            again = await _start(stage)
            assert await coordinator.hear(messages.Hello) == hello
            again.terminate()
            await again.communicate()
            assert again.returncode == 0

    asyncio.run(play())
