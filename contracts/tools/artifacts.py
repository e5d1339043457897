# ruff: noqa: INP001 (a script, not a package)
"""ABI and bytecode of the contracts as package data of tegula_market: `artifacts.py write` or `check`.

Users then need no compiler. The build is reproducible (foundry.toml), so `check` compares whole files.
"""

import json
import subprocess
import sys
from pathlib import Path

CONTRACTS = Path(__file__).resolve().parent.parent
PACKAGE = CONTRACTS.parent / "market" / "tegula_market" / "adapters" / "artifacts"
NAMES = ("TileEscrow", "DevDollar")


def main() -> int:
    match sys.argv[1:]:
        case ["write"]:
            return write(built())
        case ["check"]:
            return check(built())
    sys.stderr.write(f"{__doc__}\n")
    return 2


def built() -> dict[Path, str]:
    """The artifacts as the source makes them now, by where they belong."""
    build = subprocess.run([CONTRACTS / "tools" / "forge", "build", "--quiet", "src"], check=False)
    if build.returncode:
        sys.exit(build.returncode)
    return {PACKAGE / f"{name}.json": _artifact(name) for name in NAMES}


def write(artifacts: dict[Path, str]) -> int:
    PACKAGE.mkdir(exist_ok=True)
    for path, text in artifacts.items():
        path.write_text(text)
    return 0


def check(artifacts: dict[Path, str]) -> int:
    stale = [path for path, text in artifacts.items() if not path.exists() or path.read_text() != text]
    for path in stale:
        sys.stderr.write(f"{path} is not what contracts/src compiles to; run: make contracts\n")
    return 1 if stale else 0


def _artifact(name: str) -> str:
    made = json.loads((CONTRACTS / "out" / f"{name}.sol" / f"{name}.json").read_text())
    kept = {"contract": name, "abi": made["abi"], "bytecode": made["bytecode"]["object"]}
    return json.dumps(kept, indent=1) + "\n"


if __name__ == "__main__":
    sys.exit(main())
