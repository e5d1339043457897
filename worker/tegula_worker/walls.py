"""What bubblewrap is told: which files a render child sees, as whom it runs, and its limits.

A child sees the system's programs and libraries, its Blender, the folder of its scene, all of them
read-only, and a /tmp of its own that is gone with it. Everything it can write to has a size, since
what is written to /tmp is memory.
"""

import os
import random
import resource
from collections.abc import Iterable, Iterator
from pathlib import Path

SYSTEM_ROOTS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
"""Folders of their own, or links into /usr."""
SYSTEM = (
    "/nix/store", "/opt/rocm", "/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf",
    "/etc/ld.so.conf.d", "/etc/fonts", "/etc/localtime", "/etc/OpenCL", "/sys/devices/system",
)  # fmt: skip
"""What programs read of a system besides /usr, where it is there."""
GPU_NODES = ("nvidia*", "nvidia-caps/*", "dri/*", "kfd")
SCRATCH = "/tmp"  # noqa: S108 the child's own
PRIVATE = ("HOME", "TMPDIR", "BLENDER_USER_RESOURCES")
SHARED_MEMORY_BYTES = 64 << 20
OPEN_FILES = 4096


def namespaces() -> list[str]:
    """Root needs no user namespace: it runs the child as a user that nobody else is.

    Otherwise bubblewrap's own process inside would be of the child's user, which could take it over, and no
    filter of system calls is on that one. So the child is the first process inside.
    """
    walls = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    user = [] if os.geteuid() == 0 else ["--unshare-user", "--as-pid-1"]
    return [*user, *walls, "--die-with-parent", "--new-session", "--hostname", "tegula"]


def files(visible: Iterable[Path], file_bytes: int, *, gpu: bool) -> list[str]:
    """
    Args:
        visible: folders to be read at their own paths.
        file_bytes: the size of /tmp.
    """
    words = ["--ro-bind", "/usr", "/usr"]
    for path in map(Path, SYSTEM_ROOTS):
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            words += ["--ro-bind", str(path), str(path)]
    words += ["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys", "--dev", "/dev"]
    words += _memory("/dev/shm", SHARED_MEMORY_BYTES)  # noqa: S108 the child's own
    words += _memory(SCRATCH, file_bytes)
    for path in (*map(Path, SYSTEM), *visible):
        words += _read_only(path)
    if gpu:
        words += ["--ro-bind", "/sys", "/sys"]
        words += [word for node in gpu_nodes() for word in ("--dev-bind", str(node), str(node))]
    for name in PRIVATE:
        words += ["--setenv", name, SCRATCH]
    # The folders that bubblewrap makes itself are memory without a limit: nothing is written there.
    return [*words, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", SCRATCH]


def user(*, gpu: bool) -> list[str]:
    """As whom the child runs, without any privilege left.

    Root's children get a user of their own each: the limit on processes counts by user, and does not hold
    for root. GPU nodes often belong to a group.
    """
    if os.geteuid() != 0:
        return []
    number = str(_nobody_else())
    groups = {str(node.stat().st_gid) for node in gpu_nodes()} - {"0"} if gpu else set()
    kept = [f"--groups={','.join(sorted(groups))}"] if groups else ["--clear-groups"]
    dropped = ["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]
    return ["setpriv", f"--reuid={number}", f"--regid={number}", *kept, *dropped]


def limits(processes: int, file_bytes: int) -> list[str]:
    """And if the machine runs out of memory all the same, the system ends a render first."""
    wanted = {
        "core": (resource.RLIMIT_CORE, 0),
        "fsize": (resource.RLIMIT_FSIZE, file_bytes),
        "nofile": (resource.RLIMIT_NOFILE, OPEN_FILES),
        "nproc": (resource.RLIMIT_NPROC, processes),
    }
    told = [f"--{name}={_within(kind, most)}" for name, (kind, most) in wanted.items()]
    return ["choom", "-n", "1000", "--", "prlimit", *told, "--"]


def gpu_nodes() -> list[Path]:
    return sorted(
        node for pattern in GPU_NODES for node in Path("/dev").glob(pattern) if node.is_char_device()
    )


def _memory(path: str, size: int) -> list[str]:
    return ["--size", str(size), "--perms", "1777", "--tmpfs", path]


def _read_only(path: Path) -> Iterator[str]:
    """Folders on the way are named, since bubblewrap would make those of another's home unreadable."""
    for folder in reversed(path.parents[:-1]):
        yield from ("--perms", "0755", "--dir", str(folder))
    yield from ("--ro-bind-try", str(path), str(path))


def _within(kind: int, most: int) -> int:
    """A limit can be lowered by anybody, and raised by nobody."""
    _, hard = resource.getrlimit(kind)
    return most if hard == resource.RLIM_INFINITY else min(most, hard)


def _nobody_else() -> int:
    """One of the last quarter of the user ids that there are here; a container may have few."""
    *_, last = Path("/proc/self/uid_map").read_text().splitlines()
    first, _, count = map(int, last.split())
    return first + count - 2 - random.randrange(count // 4)  # noqa: S311 no secret, only seldom twice
