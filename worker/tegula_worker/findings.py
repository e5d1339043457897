"""What `tegula-worker doctor` finds: for each check whether all is well, what was seen, and what to do."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    check: str
    ok: bool
    said: str
    remedy: str = ""
    """What to do; empty if nothing is to be done, or if what was said tells it."""


def fine(check: str, said: str) -> Finding:
    return Finding(check, True, said)


def wrong(check: str, said: str, remedy: str = "") -> Finding:
    return Finding(check, False, said, remedy)
