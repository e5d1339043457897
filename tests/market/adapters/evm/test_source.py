"""The source that block explorers verify compiles to what is deployed."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tegula_market.adapters import evm
from tegula_market.adapters.evm import source
from tegula_market.adapters.evm.source import ESCROW, NoSource


@pytest.fixture
def contracts() -> Path:
    found = source.find_contracts()
    if found is None or not (found / "node_modules" / "solc").is_dir() or shutil.which("node") is None:
        pytest.skip("npm's compiler is missing: the source is not compiled again; run make setup with npm")
    return found


@pytest.mark.slow
def test_the_source_alone_makes_the_deployed_code(contracts: Path, tmp_path: Path) -> None:
    made = source.standard_input(contracts)
    assert made.keys() == {"language", "sources", "settings"}
    assert str(Path.home()) not in json.dumps(made)
    assert str(contracts) not in json.dumps(made)
    assert not any("test" in path for path in made["sources"])
    done = subprocess.run(
        [contracts / "tools" / "solc-js", "--base-path", tmp_path],  # where no file can be found
        input=json.dumps(made),
        capture_output=True,
        text=True,
        check=True,
    )
    compiled = json.loads(done.stdout)["contracts"][ESCROW]["TileEscrow"]["evm"]["bytecode"]["object"]
    assert compiled == evm.artifact("TileEscrow")["bytecode"].removeprefix("0x")


def test_without_a_checkout_it_says_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(NoSource, match="--contracts DIR"):
        source.standard_input(tmp_path)
