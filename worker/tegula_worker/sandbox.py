"""The walls around a render child: bubblewrap, a filter of system calls, limits.

A .blend is hostile input. Scripts in it are off, but Blender's readers are C, and a worker's keys are
money: so whatever a scene does to its Blender, it finds no network, no home, no other process and nothing
to write to but a /tmp that is gone with it. Its one way out is an open file for the image.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import structlog

from tegula_market.model import TegulaError
from tegula_worker import syscalls, walls

BUBBLEWRAP = "bwrap"
FINDING = ("PATH", "LD_LIBRARY_PATH")
"""How it and its libraries are found where they are not the system's."""
USR = Path("/usr")
CHECK_SECONDS = 30
FORBIDDING = {
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": ("1", "0"),
    "/proc/sys/kernel/unprivileged_userns_clone": ("0", "1"),
    "/proc/sys/user/max_user_namespaces": ("0", "10000"),
}
"""What keeps ordinary users from sandboxes: the value that does, and one that does not."""

log = structlog.get_logger(__name__)


class Isolation(StrEnum):
    """What a provider says of it, to the letter. Nobody comes to less than a sandbox by a slip."""

    BUBBLEWRAP = "bubblewrap"
    PREFERRED = "bubblewrap where possible, else this machine may be harmed"
    NONE = "none, this machine may be harmed"


class NoSandbox(TegulaError):
    """There are no walls to be had here; the message says what to do."""


def share_of_memory() -> int:
    """Three quarters of what this machine, or the container that this is, has."""
    here = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):  # nothing is said, or "max"
        here = min(here, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return here // 4 * 3


def _enough_processes() -> int:
    """Threads count, and Blender starts a few for each core."""
    return 512 + 16 * (os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class Sandbox:
    memory_bytes: int = field(default_factory=share_of_memory)
    """What all children in it, and all that they start, may hold together; their supervisor watches it."""
    private: Path | None = None
    """A folder that no child ever sees, though it may see folders in it."""
    processes: int = field(default_factory=_enough_processes)
    held: dict[int, int] = field(default_factory=dict, compare=False, repr=False)
    """Bytes by each child's process, as last seen."""

    @property
    def file_bytes(self) -> int:
        """The largest file, and all of /tmp, which is memory, too."""
        return self.memory_bytes // 6

    @contextmanager
    def around(
        self, command: Sequence[str], visible: Sequence[Path], *, gpu: bool
    ) -> Iterator[tuple[list[str], tuple[int, ...]]]:
        """The command inside the walls, and descriptors that it has to be started with.

        Args:
            visible: folders and files that are to be read, at their own paths.
            gpu: whether the machine's GPUs are to be seen.
        Raises:
            NoSandbox: what is to be seen holds what must not be.
            OSError: libseccomp is not there.
        """
        self._keep_apart(visible)
        _check_readable(visible)
        with os.fdopen(os.memfd_create("syscalls"), "r+b") as allowed:
            allowed.write(syscalls.program(gpu=gpu))
            allowed.seek(0)
            seen = walls.files(visible, self.file_bytes, gpu=gpu)
            limited = [*walls.user(gpu=gpu), *walls.limits(self.processes, self.file_bytes)]
            told = [*walls.namespaces(), *seen, "--seccomp", str(allowed.fileno()), "--", *limited]
            yield [BUBBLEWRAP, *told, *command], (allowed.fileno(),)

    def check(self, visible: Sequence[Path] = ()) -> None:
        """Whether there are walls here. Takes some hundredths of a second.

        Raises:
            NoSandbox: why not, and what to do.
        """
        if shutil.which(BUBBLEWRAP) is None:
            raise NoSandbox(_told("bubblewrap is not installed (apt-get install bubblewrap)"))
        try:
            with self.around(["true"], visible, gpu=False) as (command, descriptors):
                said = _errors_of(command, descriptors)
        except (OSError, AttributeError, subprocess.TimeoutExpired) as error:
            raise NoSandbox(_told(str(error))) from error
        if said is not None:
            raise NoSandbox(_told(f"{said.strip()[-300:]}; {_remedy()}"))

    def _keep_apart(self, visible: Sequence[Path]) -> None:
        home = [(Path("~").expanduser(), folder) for folder in visible]
        data = [] if self.private is None else [(self.private, folder) for folder in (USR, *visible)]
        for secret, folder in (*home, *data):
            if secret.resolve().is_relative_to(folder.resolve()):
                raise NoSandbox(
                    f"renders would see all of {folder}, and {secret} is there; move one of them"
                    " to another place"
                )


def _check_readable(visible: Sequence[Path]) -> None:
    """Root's children are not root."""
    for folder in visible if os.geteuid() == 0 else ():
        if folder.is_dir() and folder.stat().st_mode & 0o005 != 0o005:
            raise NoSandbox(
                f"a worker that runs as root renders as another user, who cannot read {folder};"
                f" run the worker as an ordinary user, or: chmod -R o+rX {folder}"
            )


def chosen(isolation: Isolation, sandbox: Sandbox) -> Sandbox | None:
    """What renders are to run in, which the log tells. Takes some hundredths of a second.

    Raises:
        NoSandbox: one is wanted, and there is none to be had here.
    """
    try:
        if isolation is not Isolation.NONE:
            sandbox.check()
            log.info("renders", sandbox=BUBBLEWRAP, memory_bytes=sandbox.memory_bytes)
            return sandbox
        reason = "the configuration says so"
    except NoSandbox as error:
        if isolation is Isolation.BUBBLEWRAP:
            raise
        reason = str(error)
    log.warning("renders", sandbox="none", reason=reason)
    return None


def _errors_of(command: Sequence[str], descriptors: tuple[int, ...]) -> str | None:
    """What a program that has failed says; None if it has not."""
    done = subprocess.run(
        command,
        pass_fds=descriptors,
        env={"PATH": os.defpath} | {name: os.environ[name] for name in FINDING if name in os.environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=CHECK_SECONDS,
    )
    return done.stderr if done.returncode else None


def _remedy() -> str:
    for setting, (closed, opened) in FORBIDDING.items():
        with suppress(OSError):  # another kernel, without the setting
            if Path(setting).read_text().strip() == closed:
                name = setting.removeprefix("/proc/sys/").replace("/", ".")
                return f"this system keeps sandboxes from ordinary users; allow them: sysctl {name}={opened}"
    return "in a container, it has to be allowed to make namespaces and to mount /proc"


def _told(reason: str) -> str:
    return (
        f"there is no sandbox for renders here: {reason}. To render strangers' scenes without one all the"
        f' same, configure sandbox = "{Isolation.NONE}"'
    )
