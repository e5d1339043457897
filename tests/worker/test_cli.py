"""The program as a process of its own, with the real renderer."""

import asyncio
import json
import os
import re
import select
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import scenes
from fakes import blob_server
from tegula_market import messages
from tegula_market.adapters import chain
from tegula_market.model import Rect, SceneFile, SceneManifest
from worker.stage import Played, Stage

pytestmark = pytest.mark.slow


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with blob_server() as server:
        yield Stage(server, tmp_path / "data")


async def _start(stage: Stage) -> asyncio.subprocess.Process:
    """A verifier: it needs no chain."""
    run = ("run", "-v", "--verifier", "--coordinator", stage.server.url, "--data", str(stage.data))
    command = (sys.executable, "-c", "from tegula_worker.cli import app; app()", *run)
    return await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )


async def _renderer(
    stage: Stage, coordinator: Played, worker: asyncio.subprocess.Process, folder: Path
) -> int:
    """A descriptor of the process that renders a tile without end; it reads as ready when that has ended."""
    blend = scenes.build("spheres", folder).read_bytes()
    listed = SceneManifest("s.blend", (SceneFile("s.blend", stage.server.put(blend), len(blend)),))
    order = stage.order(listed)
    order = replace(order, scene=replace(order.scene, spp=1_000_000))
    job = chain.job_id(order.terms)
    await coordinator.say(
        messages.Probe(f"{job.hex()}/0/1", job, order, 0, (Rect(0, 0, 8, 8),), 0, twin=False)
    )
    assert worker.stderr is not None
    probed = False
    async for line in worker.stderr:
        probed = probed or b"event=probe" in line
        if probed and b"process that renders" in line:
            break
    return os.pidfd_open(int(re.findall(rb"pid=(\d+)", line)[0]))


def _ended(descriptor: int) -> bool:
    ready, _, _ = select.select([descriptor], [], [], 20)
    os.close(descriptor)
    return bool(ready)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_goodbye_and_leaves_nothing_running(
    stage: Stage, tmp_path: Path, number: signal.Signals
) -> None:
    async def play() -> None:
        async with stage.opened() as coordinator:
            worker = await _start(stage)
            hello = await coordinator.welcome(beat=60)
            assert (hello.verifier, hello.blender.count(".")) == (True, 2)
            child = await _renderer(stage, coordinator, worker, tmp_path)
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


def test_a_kill_leaves_no_renderer_behind(stage: Stage, tmp_path: Path) -> None:
    async def play() -> None:
        async with stage.opened() as coordinator:
            worker = await _start(stage)
            hello = await coordinator.welcome(beat=60)
            child = await _renderer(stage, coordinator, worker, tmp_path)
            worker.kill()
            await worker.communicate()
            assert _ended(child)
            again = await _start(stage)
            assert await coordinator.hear(messages.Hello) == hello
            again.terminate()
            await again.communicate()
            assert again.returncode == 0

    asyncio.run(play())
