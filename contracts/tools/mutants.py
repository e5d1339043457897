# ruff: noqa: INP001 (a script, not a package)
"""Small faults, one at a time, in a copy of the escrow: how many do the tests notice? `mutants.py [SHARE]`

A fault that no test notices is a gap in the tests, or changes nothing that matters; each is named. Only a
copy is changed, so a run that is ended leaves nothing behind. SHARE is a part of all faults to try, as 0.2;
the choice is the same every time.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CONTRACTS = Path(__file__).resolve().parent.parent
COPY = CONTRACTS.parent / "build" / "mutants"
SOURCES = "Purse.sol", "Ledger.sol", "Deposits.sol", "Roots.sol", "TileEscrow.sol"
WANTED = 0.9
SECONDS = 600
SWAPS = (
    (r" < ", " <= "),
    (r" <= ", " < "),
    (r" > ", " >= "),
    (r" >= ", " > "),
    (r" == ", " != "),
    (r" != ", " == "),
    (r" && ", " || "),
    (r" \|\| ", " && "),
    (r" \+ ", " - "),
    (r" - ", " + "),
    (r" \* ", " + "),
    (r" / ", " * "),
    (r" \+= ", " = "),
    (r" -= ", " = "),
    (r"\btrue\b", "false"),
    (r"\bfalse\b", "true"),
    (r" = 0;", " = 1;"),
    (r"\b(\w+) \? ([^:]+) : ", r"!\1 ? \2 : "),
)
GUARD = re.compile(r"if \(.*\) (revert \w+\(\));")
STATEMENT = re.compile(
    r"^\s+(?!if|for|return|emit|error|event|using|import|uint|bytes|address|bool|mapping|[A-Z])\w.*;$"
)
"""What can be left out and still compiles: assignments and calls, not declarations."""


@dataclass(frozen=True)
class Fault:
    file: str
    line: int
    before: str
    after: str

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}: {self.before.strip()} -> {self.after.strip() or '(left out)'}"


def faults() -> Iterator[Fault]:
    for name in SOURCES:
        for number, line in enumerate((CONTRACTS / "src" / name).read_text().splitlines(), 1):
            if line.lstrip().startswith(("//", "///", "*", "import", "pragma")):
                continue
            code = line.split(" //")[0]
            if GUARD.search(code) or STATEMENT.match(code):
                yield Fault(name, number, line, "")
            for old, new in SWAPS:
                for found in re.finditer(old, code):
                    changed = code[: found.start()] + found.expand(new) + code[found.end() :]
                    yield Fault(name, number, line, changed)


def chosen(share: float) -> list[Fault]:
    def dice(fault: Fault) -> float:
        return int.from_bytes(hashlib.sha256(fault.place.encode()).digest()[:4], "big") / 2**32

    return [fault for fault in faults() if dice(fault) < share]


def noticed(fault: Fault) -> bool | None:
    """None: it does not compile, and so is no fault."""
    source = COPY / "src" / fault.file
    kept = source.read_text()
    lines = kept.splitlines()
    lines[fault.line - 1] = fault.after
    source.write_text("\n".join(lines) + "\n")
    try:
        return _tested()
    finally:
        source.write_text(kept)


def _tested() -> bool | None:
    quick = {"FOUNDRY_FUZZ_RUNS": "50", "FOUNDRY_DYNAMIC_TEST_LINKING": "true", "FOUNDRY_DENY": "never"}
    command = [COPY / "tools" / "forge", "test", "--fail-fast", "--no-match-contract", "Invariants|GasTest"]
    try:
        run = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=SECONDS, env={**os.environ, **quick}
        )
    except subprocess.TimeoutExpired:
        return True
    if "Compiler run failed" in run.stdout + run.stderr or "Compilation failed" in run.stdout + run.stderr:
        return None
    return run.returncode != 0


def main() -> int:
    share = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    shutil.rmtree(COPY, ignore_errors=True)
    shutil.copytree(
        CONTRACTS,
        COPY,
        symlinks=True,
        ignore=shutil.ignore_patterns("node_modules", "out", "cache", "snapshots"),
    )
    (COPY / "node_modules").symlink_to(CONTRACTS / "node_modules")
    if _tested() is not False:
        sys.exit("the tests fail without any fault; run: make contracts")
    tried = killed = 0
    for fault in chosen(share):
        found = noticed(fault)
        if found is None:
            continue
        tried, killed = tried + 1, killed + found
        sys.stdout.write(f"{'noticed ' if found else 'SURVIVED'} {fault.place}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{killed} of {tried} faults noticed: {killed / tried:.1%}\n")
    return 0 if killed >= WANTED * tried else 1


if __name__ == "__main__":
    sys.exit(main())
