# ruff: noqa: INP001 (a script, not a package)
"""Lines and branches of contracts/src that no test of forge's reaches; there must be none."""

import subprocess
import sys
import tempfile
from pathlib import Path

CONTRACTS = Path(__file__).resolve().parent.parent
COUNTS = "LF", "LH", "BRF", "BRH"
"""Of an lcov report: lines found and hit, branches found and hit."""


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "lcov.info"
        # Gas is measured with the optimizer, which coverage turns off.
        tests = "--no-match-contract", "GasTest|Invariants", "--no-match-coverage", "node_modules|test|dev"
        lcov = "--report", "lcov", "--report-file", str(report)
        subprocess.run([CONTRACTS / "tools" / "forge", "coverage", *tests, *lcov], check=True)
        files = {block.split("\n", 1)[0]: block for block in report.read_text().split("SF:")[1:]}
    missed = 0
    for name, block in sorted(files.items()):
        counts = dict(line.split(":") for line in block.splitlines() if line.split(":")[0] in COUNTS)
        lines, lines_hit, branches, branches_hit = (int(counts.get(key, 0)) for key in COUNTS)
        sys.stdout.write(f"{name}: {lines_hit} of {lines} lines, {branches_hit} of {branches} branches\n")
        missed += lines - lines_hit + branches - branches_hit
    return 1 if missed or not files else 0


if __name__ == "__main__":
    sys.exit(main())
