"""The escrow's source as block explorers verify it: the compiler's standard JSON input.

A checkout with npm's compiler makes it; the contracts of a package are compiled already.
"""

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tegula_market.adapters.evm import artifact
from tegula_market.model import TegulaError

ESCROW = "src/TileEscrow.sol"
PARTS = "language", "sources", "settings"


class NoSource(TegulaError):
    """There is no checkout, or no compiler in it."""


def standard_input(contracts: Path) -> dict[str, Any]:
    """
    Args:
        contracts: that folder of a checkout.
    Raises:
        NoSource
    """
    forge = contracts / "tools" / "forge"
    if not (contracts / ESCROW).is_file():
        raise NoSource(
            f"{contracts} has no {ESCROW}; name the contracts folder of a checkout: --contracts DIR"
        )
    with tempfile.TemporaryDirectory(prefix="tegula-") as scratch:
        places = ["--build-info-path", f"{scratch}/info", "--out", f"{scratch}/out"]
        done = subprocess.run(
            [forge.resolve(), "build", ESCROW, "--build-info", *places, "--cache-path", f"{scratch}/cache"],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise NoSource(f"the escrow's source does not compile here: {done.stderr.strip()[-500:]}")
        (info,) = Path(scratch, "info").glob("*.json")
        built = json.loads(info.read_text())
    code = built["output"]["contracts"][ESCROW]["TileEscrow"]["evm"]["bytecode"]["object"]
    if code != artifact("TileEscrow")["bytecode"].removeprefix("0x"):
        raise NoSource(f"{contracts} is of another version than this package; check out the same one")
    whole = built["input"]
    return {part: whole[part] for part in PARTS}  # the rest are folders of this machine


def find_contracts() -> Path | None:
    """In the checkout that this package runs from, or the working directory's."""
    for folder in (Path.cwd(), *Path(__file__).resolve().parents):
        if (folder / "contracts" / ESCROW).is_file():
            return folder / "contracts"
    return None
