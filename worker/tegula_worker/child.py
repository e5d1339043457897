"""A child process that takes JSON lines on stdin and answers them on a pipe of its own.

Its stdout and stderr belong to whatever it runs (Blender prints on both); their last line is told
when it dies.
"""

import asyncio
import json
import os
import signal
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Self

TAIL = 4_096
LONGEST_LINE = 300
LONGEST_REPLY = 65_536
PASSED_ON = ("PATH", "LANG", "LD_LIBRARY_PATH")
PASSED_ON_PREFIXES = (
    "CUDA_",
    "CYCLES_",
    "HIP_",
    "LC_",
    "NVIDIA_",
    "ONEAPI_",
    "OPTIX_",
    "ROCR_",
    "SYCL_",
    "ZE_",
)
"""What Cycles and GPU drivers read. The rest of the environment, secrets perhaps, stays outside."""


class ChildDied(Exception):
    """The child has ended, or answers what is no reply; it is of no more use."""


class Child:
    """One process, in a session of its own so that Ctrl-C in a terminal does not reach it."""

    _process: asyncio.SubprocessTransport
    _pipe: asyncio.ReadTransport

    def __init__(self, home: "tempfile.TemporaryDirectory[str]") -> None:
        self._home = home
        self._replies = asyncio.StreamReader(limit=LONGEST_REPLY)
        self._output = _Output()

    @classmethod
    async def start(cls, command: Sequence[str], environment: Mapping[str, str]) -> Self:
        """Start `command` with `--reply-fd N` at its end.

        Args:
            environment: variables beyond the few that are passed on.
        Raises:
            OSError: the program cannot be started.
        """
        child = cls(tempfile.TemporaryDirectory(prefix="tegula-worker-"))
        reply_fd, child_fd = os.pipe()
        loop = asyncio.get_running_loop()
        child._pipe, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(child._replies), os.fdopen(reply_fd, "rb", buffering=0)
        )
        try:
            child._process, _ = await loop.subprocess_exec(
                lambda: child._output,
                *(*command, "--reply-fd", str(child_fd)),
                pass_fds=[child_fd],
                env={**_environment(child._home.name), **environment},
                start_new_session=True,
            )
        except BaseException:
            child._pipe.close()
            child._home.cleanup()
            raise
        finally:
            os.close(child_fd)
        return child

    @property
    def pid(self) -> int:
        pid: int | None = self._process.get_pid()
        assert pid is not None
        return pid

    def send(self, **command: Any) -> None:
        stdin = self._process.get_pipe_transport(0)
        assert isinstance(stdin, asyncio.WriteTransport)
        stdin.write(json.dumps(command).encode() + b"\n")

    async def reply(self) -> dict[str, Any]:
        """The next reply.

        Raises:
            ChildDied: there is none.
        """
        try:
            reply = json.loads(await self._replies.readuntil(b"\n"))
        except asyncio.IncompleteReadError as error:
            raise ChildDied(await self._fate()) from error
        except (ValueError, RecursionError, asyncio.LimitOverrunError) as error:
            raise ChildDied("the rendering process answered what is not a reply") from error
        if not isinstance(reply, dict):
            raise ChildDied("the rendering process answered what is not a reply")
        return reply

    def kill(self) -> None:
        """End it, and whatever it has started, at once."""
        if self._process.get_returncode() is None:
            with suppress(ProcessLookupError):  # it has ended, and the loop hears of it in a moment
                os.killpg(self.pid, signal.SIGKILL)

    async def close(self) -> None:
        self.kill()
        await self._output.exited.wait()
        self._pipe.close()
        self._process.close()
        self._home.cleanup()

    async def _fate(self) -> str:
        async with asyncio.timeout(10):  # it closed its pipe, which a dying process does just before it ends
            await self._output.exited.wait()
        code = self._process.get_returncode() or 0
        fate = f"was ended by signal {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        hint = ", as a system does that runs out of memory" if code == -signal.SIGKILL else ""
        return f"the rendering process {fate}{hint}; it said last: {self._output.last_line}"


class _Output(asyncio.SubprocessProtocol):
    """Keeps the end of what a process prints, and notices when it has exited."""

    def __init__(self) -> None:
        self._tail = bytearray()
        self.exited = asyncio.Event()

    @property
    def last_line(self) -> str:
        lines = self._tail.decode(errors="replace").split("\n")
        spoken = [line.strip() for line in lines if line.strip()]
        printable = "".join(c for c in spoken[-1] if c.isprintable()) if spoken else "nothing"
        return printable[:LONGEST_LINE]

    def pipe_data_received(self, _fd: int, data: bytes) -> None:
        self._tail += data
        del self._tail[:-TAIL]

    def process_exited(self) -> None:
        self.exited.set()


def _environment(home: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k in PASSED_ON or k.startswith(PASSED_ON_PREFIXES)}
    return kept | {"HOME": home, "TMPDIR": home, "BLENDER_USER_RESOURCES": home}
