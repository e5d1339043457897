"""Foundry's own tests of the escrow, and the proof that the committed bytecode is the source's."""

import importlib.util
import json
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
FORGE = CONTRACTS / "tools" / "forge"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not list(CONTRACTS.glob("node_modules/@foundry-rs/forge-*/bin/forge")),
        reason="forge is not installed: the contracts are not rebuilt or tested; run make setup with npm",
    ),
]


@pytest.fixture
def artifacts() -> ModuleType:
    spec = importlib.util.spec_from_file_location("artifacts", CONTRACTS / "tools" / "artifacts.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_contracts_pass_their_tests() -> None:
    """And gas is as its snapshot says. With ten times the runs: `make contracts-deep`."""
    run = subprocess.run([FORGE, "test"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-4000:]
    assert " 0 failed, 0 skipped" in run.stdout


def test_a_run_that_fails_is_noticed() -> None:
    """npm's shim of forge ends with 0 whatever forge says; the one that is used here must not."""
    run = subprocess.run([FORGE, "test", "--fork-url", "nowhere"], capture_output=True, check=False)
    assert run.returncode != 0


def test_the_committed_artifacts_are_the_sources(artifacts: ModuleType) -> None:
    assert artifacts.check(artifacts.built()) == 0


def test_a_stale_artifact_is_noticed(
    artifacts: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = artifacts.built()
    monkeypatch.setattr(artifacts, "PACKAGE", tmp_path)
    moved = {tmp_path / path.name: text for path, text in made.items()}
    assert artifacts.check(moved) == 1
    artifacts.write(moved)
    assert artifacts.check(moved) == 0
    stale = json.loads((tmp_path / "TileEscrow.json").read_text())
    (tmp_path / "TileEscrow.json").write_text(json.dumps({**stale, "bytecode": stale["bytecode"] + "00"}))
    assert artifacts.check(moved) == 1
    assert "run: make contracts" in capsys.readouterr().err
