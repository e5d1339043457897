"""The plumbing to a child process, with small Python programs in the renderer's place."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from listening import gone
from tegula_worker.child import Child, ChildDied

PRELUDE = """
import json, os, sys, time
replies = os.fdopen(int(sys.argv[-1]), "w", buffering=1)
"""


async def started(program: str) -> Child:
    return await Child.start([sys.executable, "-c", PRELUDE + program], {})


def died(program: str) -> str:
    """What is said of a child that was sent one command."""

    async def run() -> str:
        child = await started(program)
        try:
            child.send(number=1)
            with pytest.raises(ChildDied) as caught:
                await child.reply()
        finally:
            await child.close()
        return str(caught.value)

    return asyncio.run(run())


def test_commands_are_answered_in_turn() -> None:
    async def run() -> None:
        child = await started(
            "print('noise ' * 100_000)\nfor line in sys.stdin: print(line, end='', file=replies)"
        )
        for number in range(3):
            child.send(number=number)
            assert await child.reply() == {"number": number}
        await child.close()

    asyncio.run(run())


def test_a_child_that_ends_is_told_with_its_last_words() -> None:
    said = died("print('no memory\\x07 left'); print(); sys.stdout.flush(); os._exit(3)")
    assert said == "the rendering process ended with code 3; it said last: no memory left"


def test_a_child_that_is_killed_is_told_with_the_signal() -> None:
    assert "SIGSEGV" in died("os.kill(os.getpid(), 11)")
    assert "runs out of memory" in died("os.kill(os.getpid(), 9)")


@pytest.mark.parametrize("answer", ["'not JSON'", "'[]'", "'[' * 50_000", "'x' * 200_000"])
def test_what_is_no_reply_is_refused(answer: str) -> None:
    assert "not a reply" in died(f"replies.write({answer} + chr(10)); replies.flush(); sys.stdin.read()")


def test_the_environment_holds_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEGULA_KEY", "secret")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")

    async def run() -> dict[str, object]:
        child = await started("print(json.dumps(dict(os.environ)), file=replies); sys.stdin.read()")
        reply = await child.reply()
        await child.close()
        return reply

    seen = asyncio.run(run())
    assert "TEGULA_KEY" not in seen
    assert seen["CUDA_VISIBLE_DEVICES"] == "1"
    assert seen["HOME"] != os.environ.get("HOME")
    assert not Path(str(seen["HOME"])).exists()


def test_closing_ends_what_the_child_has_started_too() -> None:
    async def run() -> None:
        child = await started(
            "import subprocess\n"
            "grandchild = subprocess.Popen([sys.executable, '-c', 'input()'])\n"
            "print(json.dumps({'pid': grandchild.pid}), file=replies); sys.stdin.read()"
        )
        pidfd = os.pidfd_open((await child.reply())["pid"])
        await child.close()
        assert gone(pidfd)
        os.close(pidfd)

    asyncio.run(run())


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(FileNotFoundError):
        asyncio.run(Child.start(["/no/such/blender"], {}))


def test_a_child_that_has_ended_a_moment_ago_is_closed_all_the_same() -> None:
    """Reaped by the thread that watches it, before the loop has heard of it."""

    async def run() -> None:
        child = await started("os._exit(0)")
        handle = os.pidfd_open(child.pid)
        assert gone(handle)  # blocks, so the loop hears nothing meanwhile
        os.close(handle)
        while Path(f"/proc/{child.pid}").exists():  # noqa: ASYNC240 nothing else is to run meanwhile
            os.sched_yield()  # the watching thread is about to reap it
        await child.close()

    asyncio.run(run())
