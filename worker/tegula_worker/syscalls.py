"""What a render child may not ask of the kernel: a filter compiled by libseccomp, the C library.

A list of what is forbidden, not of what is allowed: GPU drivers call what no list foresees. What is on it
either makes new walls, reaches beyond the old ones, or is where kernels have been broken out of most.
"""

import ctypes
import errno
import os
import socket
from collections.abc import Sequence
from functools import cache

LIBRARY = "libseccomp.so.2"
ALLOW = 0x7FFF0000
REFUSE = 0x00050000
"""To be or-ed with the errno that the caller sees."""
NOT_EQUAL, MASKED_EQUAL = 1, 7
WORD = 0xFFFFFFFF

FORBIDDEN = (
    # other processes' memory, descriptors and secrets
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp", "add_key",
    "request_key", "keyctl",
    # other walls, and files past these
    "unshare", "setns", "mount", "umount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree",
    "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr", "open_by_handle_at", "name_to_handle_at",
    "fanotify_init", "quotactl", "quotactl_fd", "swapon", "swapoff", "mknod", "mknodat",
    # the kernel itself
    "bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register",
    "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "reboot", "acct",
    "syslog", "lookup_dcookie", "iopl", "ioperm", "modify_ldt", "vm86", "uselib", "sysfs", "vmsplice",
    # the clock
    "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "stime",
    # memory that no process is seen to hold
    "shmget", "msgget", "semget", "mq_open",
)  # fmt: skip
HIDDEN_MEMORY = "memfd_create"
"""As above, but some GPU drivers want it; without a GPU it is forbidden, too."""
NEW_NAMESPACES = (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)
"""Flags of clone(2): mount, cgroup, uts, ipc, user, pid, net."""
PUSH_INPUT = (0x5412, 0x541C)
"""ioctls that type into a terminal: TIOCSTI, TIOCLINUX."""


class Comparison(ctypes.Structure):
    """libseccomp's struct scmp_arg_cmp."""

    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


@cache
def program(*, gpu: bool) -> bytes:
    """The filter as the kernel wants it. Programs of another architecture than this one's are killed by it.

    Raises:
        OSError: libseccomp is not there, or refuses.
    """
    library = ctypes.CDLL(LIBRARY)
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(ALLOW)))
    try:
        for name in FORBIDDEN if gpu else (*FORBIDDEN, HIDDEN_MEMORY):
            _refuse(library, context, name, errno.EPERM)
        for flag in NEW_NAMESPACES:
            _refuse(library, context, "clone", errno.EPERM, (0, MASKED_EQUAL, flag, flag))
        # Its flags lie in memory, where a filter cannot look; without it, libraries use clone.
        _refuse(library, context, "clone3", errno.ENOSYS)
        _refuse(library, context, "socket", errno.EPERM, (0, NOT_EQUAL, socket.AF_UNIX, 0))
        for request in PUSH_INPUT:
            _refuse(library, context, "ioctl", errno.EPERM, (1, MASKED_EQUAL, WORD, request))
        return _exported(library, context)
    finally:
        library.seccomp_release(context)


def _refuse(
    library: ctypes.CDLL, context: ctypes.c_void_p, name: str, error: int, *where: Sequence[int]
) -> None:
    """A name that this machine's kernel or library does not have is left out."""
    number = library.seccomp_syscall_resolve_name(name.encode())
    if number < 0:
        return
    array = (Comparison * len(where))(*(Comparison(*each) for each in where))
    action = ctypes.c_uint32(REFUSE | error)
    _check(library.seccomp_rule_add_array(context, action, number, len(where), array), name)


def _exported(library: ctypes.CDLL, context: ctypes.c_void_p) -> bytes:
    with os.fdopen(os.memfd_create("filter"), "r+b") as file:
        _check(library.seccomp_export_bpf(context, file.fileno()), "export")
        file.seek(0)
        return file.read()


def _check(result: int, what: str) -> None:
    if result < 0:
        raise OSError(-result, f"libseccomp refuses {what}: {os.strerror(-result)}")
