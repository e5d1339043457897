"""The program as a process of its own, with the real renderer."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import scenes
from fakes import blob_server
from listening import gone
from orders import an_order
from tegula_market import codec, messages
from tegula_market.model import JobId, Rect, SceneFile, SceneManifest, lease_id
from worker.stage import Played, Stage

pytestmark = pytest.mark.slow

QUIET = 60.0
"""Seconds between heartbeats: nothing is said again while this test waits for a render to begin."""


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


async def _endless_render(stage: Stage, coordinator: Played, pid: int, folder: Path) -> int:
    """A descriptor of the child that begins it, which reads as ready when the child has ended."""
    blend = scenes.build("spheres", folder).read_bytes()
    file = SceneFile("s.blend", stage.server.put(blend), len(blend))
    manifest = stage.server.put(codec.dumps(SceneManifest("s.blend", (file,))))
    order = an_order(manifest=manifest, spp=1_000_000)
    lease = lease_id(JobId(bytes(32)), 0, 1)
    await coordinator.say(
        messages.Probe(lease, JobId(bytes(32)), order, 0, (Rect(0, 0, 20, 20),), 0, twin=False)
    )
    children = Path(f"/proc/{pid}/task/{pid}/children")
    async with asyncio.timeout(60):
        while not (child := children.read_text().split()):  # noqa: ASYNC110, ASYNC240 no event tells
            await asyncio.sleep(0)
    return os.pidfd_open(int(child[0]))


def _ended(descriptor: int) -> bool:
    ended = gone(descriptor)
    os.close(descriptor)
    return ended


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_goodbye_and_leaves_nothing_running(
    stage: Stage, tmp_path: Path, number: signal.Signals
) -> None:
    async def play() -> None:
        async with stage.opened() as coordinator:
            worker = await _start(stage)
            hello = await coordinator.welcome(QUIET)
            assert (hello.verifier, hello.blender.count(".")) == (True, 2)
            child = await _endless_render(stage, coordinator, worker.pid, tmp_path)
            worker.send_signal(number)
            await coordinator.hear(messages.Bye)
            out, err = await asyncio.wait_for(worker.communicate(), 60)
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
            _, err = await asyncio.wait_for(worker.communicate(), 60)
            assert worker.returncode == 2
            last = err.decode().splitlines()[-1]
            assert last == "tegula-worker: this key is not among the coordinator's verifiers"

    asyncio.run(play())


def test_a_kill_leaves_no_renderer_behind(stage: Stage, tmp_path: Path) -> None:
    async def play() -> None:
        async with stage.opened() as coordinator:
            worker = await _start(stage)
            hello = await coordinator.welcome(QUIET)
            child = await _endless_render(stage, coordinator, worker.pid, tmp_path)
            worker.kill()
            await worker.communicate()
            assert _ended(child)
            again = await _start(stage)
            assert await coordinator.hear(messages.Hello) == hello
            again.terminate()
            await again.communicate()
            assert again.returncode == 0

    asyncio.run(play())
