"""The filter, loaded by a process that then asks for this and that."""

import ctypes
import errno
import json
import subprocess
import sys

import pytest

from tegula_worker import syscalls

ASK = """
import ctypes, json, sys
libc = ctypes.CDLL(None, use_errno=True)
raw, calls = bytes.fromhex(sys.argv[1]), json.loads(sys.argv[2])

class Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))

NO_NEW_PRIVILEGES, SECCOMP, FILTER = 38, 22, 2
assert libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0
assert libc.prctl(SECCOMP, FILTER, ctypes.byref(Program(len(raw) // 8, raw)), 0, 0) == 0
said = []
for call in calls:
    ctypes.set_errno(0)
    libc.syscall(*map(ctypes.c_long, call))
    said.append(ctypes.get_errno())
print(json.dumps(said))
"""
AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_ALG = 1, 2, 10, 16, 17, 38


def number(name: str) -> int:
    found: int = ctypes.CDLL(syscalls.LIBRARY).seccomp_syscall_resolve_name(name.encode())
    return found


def asked(*calls: tuple[str | int, ...], gpu: bool = False) -> list[int]:
    """The errno of each call; 0 if it was let through and worked."""
    wanted = json.dumps([[number(str(name)), *rest, *[0] * (6 - len(rest))] for name, *rest in calls])
    command = [sys.executable, "-I", "-S", "-c", ASK, syscalls.program(gpu=gpu).hex(), wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said: list[int] = json.loads(done.stdout)
    return said


def test_what_programs_need_is_let_through() -> None:
    assert asked(("getpid",), ("socket", AF_UNIX, 1, 0), ("sched_yield",)) == [0, 0, 0]


def test_all_on_the_list_is_refused() -> None:
    """With arguments that do nothing where they are let through."""
    known = [name for name in syscalls.FORBIDDEN if number(name) >= 0]
    assert {"ptrace", "mount", "unshare", "bpf", "keyctl", "io_uring_setup", "userfaultfd"} <= set(known)
    said = asked(*((name,) for name in known))
    assert dict(zip(known, said, strict=True)) == dict.fromkeys(known, errno.EPERM)


@pytest.mark.parametrize("family", [AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_ALG, AF_UNIX + 2**32])
def test_only_local_sockets(family: int) -> None:
    assert asked(("socket", family, 1, 0)) == [errno.EPERM]


@pytest.mark.parametrize("flag", syscalls.NEW_NAMESPACES)
def test_no_new_namespaces(flag: int) -> None:
    assert asked(("clone", flag), ("clone3", 0, 0)) == [errno.EPERM, errno.ENOSYS]


def test_nothing_is_typed_into_a_terminal() -> None:
    high = 2**32
    assert asked(("ioctl", 0, 0x5412), ("ioctl", 0, high | 0x5412)) == [errno.EPERM, errno.EPERM]


def test_memory_without_an_owner_is_for_gpu_drivers_only() -> None:
    assert asked((syscalls.HIDDEN_MEMORY,)) == [errno.EPERM]
    assert asked((syscalls.HIDDEN_MEMORY,), gpu=True) == [errno.EFAULT]


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syscalls, "LIBRARY", "libnosuch.so.2")
    with pytest.raises(OSError, match=r"libnosuch\.so\.2"):
        syscalls.program.__wrapped__(gpu=False)
