"""Child processes that never outlive their parent, not even if it is killed."""

import ctypes
import signal

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None, use_errno=True)


def dies_with_parent() -> None:
    """For `preexec_fn`: the kernel kills this process when the thread that started it ends (Linux)."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
