"""A child process that takes JSON lines on stdin and answers them on a pipe of its own.

Its stdout and stderr belong to whatever it runs (Blender prints on both); their last line is told
when it dies. What it makes it writes into an open file, so that it needs no folder of this machine's.
"""

import asyncio
import json
import os
import signal
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psutil

from tegula_worker.residence import resident
from tegula_worker.sandbox import Sandbox

TAIL = 4_096
LONGEST_LINE = 300
LONGEST_REPLY = 65_536
PIECE = 1 << 20
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


LOOK_SECONDS = 0.2
"""Between two looks at a child's memory; a core fills half a gigabyte meanwhile."""
FAILED_BY_SIGNAL = 128
"""Plus its number: how bubblewrap tells that the program inside was ended by a signal."""


class ChildDied(Exception):
    """The child has ended, or answers what is no reply; it is of no more use."""


class ChildOutgrown(ChildDied):
    """It took too much memory, and was ended for it."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Where a child runs, and what it sees there."""

    sandbox: Sandbox
    visible: tuple[Path, ...]
    gpu: bool

    def around(self, command: Sequence[str]) -> AbstractContextManager[tuple[list[str], tuple[int, ...]]]:
        return self.sandbox.around(command, self.visible, gpu=self.gpu)


class Child:
    """One process, in a session of its own so that Ctrl-C in a terminal does not reach it."""

    _process: asyncio.SubprocessTransport
    _pipe: asyncio.ReadTransport

    def __init__(self, home: "tempfile.TemporaryDirectory[str]") -> None:
        self._home = home
        self._product = Path(home.name) / "product"
        self._look: asyncio.TimerHandle | None = None
        self._sandbox: Sandbox | None = None
        self._outgrown = ""
        self._replies = asyncio.StreamReader(limit=LONGEST_REPLY)
        self._output = _Output()

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        environment: Mapping[str, str],
        cell: Cell | None = None,
        scratch: Path | None = None,
    ) -> Self:
        """Start `command` with `--product-fd N --reply-fd N` at its end.

        Args:
            environment: variables beyond the few that are passed on.
            cell: None for a child that can do whatever this process can.
            scratch: gets the child's folder; None is where the system has temporary files.
        Raises:
            OSError: the program cannot be started.
            NoSandbox: the cell cannot be closed.
        """
        child = cls(tempfile.TemporaryDirectory(prefix="tegula-worker-", dir=scratch))
        reply_fd, child_fd = os.pipe()
        product_fd = os.open(child._product, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        loop = asyncio.get_running_loop()
        child._pipe, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(child._replies), os.fdopen(reply_fd, "rb", buffering=0)
        )
        told = [*command, "--product-fd", str(product_fd), "--reply-fd", str(child_fd)]
        try:
            with cell.around(told) if cell else nullcontext((told, ())) as (words, descriptors):
                starting = loop.subprocess_exec(
                    lambda: child._output,
                    *words,
                    pass_fds=[child_fd, product_fd, *descriptors],
                    env={**_environment(child._home.name), **environment},
                    start_new_session=True,
                )
                await child._begin(loop.create_task(starting))
        except asyncio.CancelledError:
            await child.close()
            raise
        except BaseException:
            child._pipe.close()
            child._home.cleanup()
            raise
        finally:
            os.close(child_fd)
            os.close(product_fd)
        if cell is not None:
            child._sandbox = cell.sandbox
            child._watch(cell.sandbox)
        return child

    async def _begin(self, starting: "asyncio.Task[tuple[asyncio.SubprocessTransport, _Output]]") -> None:
        """To its end even if it is cancelled: asyncio would kill the first process only, and bubblewrap has
        two, of which the second waits for the first until both are up."""
        try:
            await asyncio.shield(starting)
        finally:
            self._process, _ = await starting

    @property
    def pid(self) -> int:
        pid: int | None = self._process.get_pid()
        assert pid is not None
        return pid

    @property
    def ended(self) -> bool:
        return self._output.exited.is_set()

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
            raise await self._death() from error
        except (ValueError, RecursionError, asyncio.LimitOverrunError) as error:
            raise ChildDied("the rendering process answered what is not a reply") from error
        if not isinstance(reply, dict):
            raise ChildDied("the rendering process answered what is not a reply")
        return reply

    def take(self, out: Path) -> None:
        """Copy what the child has made. It may write on, so no more is taken than is there now."""
        with self._product.open("rb") as product, out.open("wb") as copy:
            left = os.fstat(product.fileno()).st_size
            while left and (piece := product.read(min(left, PIECE))):
                copy.write(piece)
                left -= len(piece)

    def kill(self) -> None:
        """End it, and whatever it has started, at once."""
        if self._process.get_returncode() is None:
            # Bubblewrap's second process leaves the group a moment before it asks to die with the first.
            seconds = _children(self.pid)
            with suppress(ProcessLookupError):  # it has ended, and the loop hears of it in a moment
                os.killpg(self.pid, signal.SIGKILL)
            for second in seconds:
                with suppress(psutil.NoSuchProcess):
                    second.kill()

    async def close(self) -> None:
        self.kill()
        await self._output.exited.wait()
        if self._look is not None:
            self._look.cancel()
        if self._sandbox is not None:
            self._sandbox.held.pop(self.pid, None)
        self._pipe.close()
        self._process.close()
        self._home.cleanup()

    def _watch(self, sandbox: Sandbox) -> None:
        """Of the children that together hold too much, the one that holds most is ended."""
        held, most = sandbox.held, sandbox.memory_bytes
        if self.ended:
            held.pop(self.pid, None)
            return
        held[self.pid] = resident(self.pid)
        if not self._outgrown and sum(held.values()) > most and held[self.pid] == max(held.values()):
            others = " with others, most of it itself" if len(held) > 1 else ""
            self._outgrown = f"the rendering process took more memory than {most:,} bytes{others}"
            self.kill()
        self._look = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._watch, sandbox)

    async def _death(self) -> ChildDied:
        async with asyncio.timeout(10):  # it closed its pipe, which a dying process does just before it ends
            await self._output.exited.wait()
        if self._outgrown:
            return ChildOutgrown(self._outgrown)
        code = self._process.get_returncode() or 0
        ended_by = _signal(code)
        fate = f"ended with code {code}" if ended_by is None else f"was ended by signal {ended_by.name}"
        starved = ended_by is signal.SIGKILL
        hint = ", as a system does that runs out of memory" if starved else ""
        # Inside a sandbox nobody else is who could have sent it.
        kind = ChildOutgrown if starved and code > 0 else ChildDied
        return kind(f"the rendering process {fate}{hint}; it said last: {self._output.last_line}")


def _children(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children()
    except psutil.NoSuchProcess:
        return []


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


def _signal(code: int) -> signal.Signals | None:
    """What ended a process, or the program inside its sandbox, if a signal did."""
    number = -code if code < 0 else code - FAILED_BY_SIGNAL
    return next((known for known in signal.Signals if known == number), None)
