"""`tegula verify` and `tegula evidence`, the renderer left out; tests/end_to_end/test_evidence.py has it."""

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from fakes import TOKEN, blob_server
from tegula import programs
from tegula.cli import app
from tegula_market import codec
from tegula_market.adapters import bundles
from tegula_market.evidence import Evidence
from tegula_market.model import Outcome, lease_id
from trials import JOB, UNIT, Court

RUNNER = CliRunner()
LEASE = lease_id(JOB, UNIT, 1)


@pytest.fixture
def court(tmp_path: Path) -> Court:
    (tmp_path / "court").mkdir()
    return Court(tmp_path / "court")


def bundled(court: Court, stated: Evidence) -> str:
    path = court.folder / "bundle.zip"
    bundles.write(path, stated, court.path)
    return str(path)


def run(*arguments: str) -> Result:
    result = RUNNER.invoke(app, arguments)
    assert "Traceback" not in result.output
    return result


def test_a_verdict_that_holds(court: Court) -> None:
    result = run("verify", bundled(court, court.evidence(court.trial(times=1.02, whole=True))))
    assert result.exit_code == 0, result.output
    told = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert told["lease"] == LEASE
    assert told["verdict"].startswith("REJECTED: of ")
    assert "all of it, twice" in result.stdout
    assert told["answer"].startswith("the same answer: the worker signed this image")


def test_a_verdict_that_does_not_hold_is_exit_code_1(court: Court) -> None:
    stated = court.evidence(court.trial())
    lie = replace(stated, verdict=replace(stated.verdict, outcome=Outcome.REJECTED))
    result = run("verify", bundled(court, lie))
    assert result.exit_code == 1
    assert "does not hold: the verdict's outcome was REJECTED; it is ACCEPTED" in result.stdout


def test_what_cannot_be_read_is_a_sentence_and_exit_code_2(court: Court, tmp_path: Path) -> None:
    (tmp_path / "rubbish.zip").write_bytes(b"rubbish")
    for path in (tmp_path / "rubbish.zip", tmp_path / "nowhere.zip"):
        result = run("verify", str(path))
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith(f"tegula: {path.name}")


@pytest.mark.parametrize(("times", "code", "answer"), [(1.0, 0, "so do pixels"), (1.5, 1, "another answer")])
def test_pixels_of_this_computer_are_judged_in_the_verifiers_place(
    court: Court, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: float, code: int, answer: str
) -> None:
    """Args: times: what this computer makes of the scene."""
    trial = court.trial()
    path = bundled(court, court.evidence(trial))
    asked: list[str] = []

    def probe(command: tuple[str, ...]) -> str:
        asked.extend(command[1:])
        images = court.probes(trial, times)
        for name in images:
            Path(command[command.index("--out") + 1], f"{name.hex()}.exr").write_bytes(
                court.path(name).read_bytes()
            )
        return codec.dumps(replace(trial, images=images)).decode() + "\n"

    monkeypatch.setattr(programs, "output_of", probe)
    result = run("verify", path, "--scene", "a-folder")
    assert result.exit_code == code, result.output
    assert answer in result.stdout
    assert (asked[0], asked[1], asked[-2:]) == ("probe", path, ["--scene", "a-folder"])


def test_a_bundle_is_fetched_by_its_lease(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    with blob_server() as server:
        server.evidence[LEASE] = b"a bundle"
        options = ("--coordinator", server.url, "--token-file", str(tmp_path / "token"))
        out = tmp_path / "bundle.zip"
        assert run("evidence", f"0x{LEASE}", *options, "--out", str(out)).stdout.strip() == str(out)
        assert out.read_bytes() == b"a bundle"
        none = run("evidence", lease_id(JOB, 0, 9), *options, "--out", str(out))
        assert (none.exit_code, "404" in none.stderr) == (2, True)
        server.faults.append(425)
        later = run("evidence", LEASE, *options, "--out", str(out))
        assert (later.exit_code, "425" in later.stderr) == (2, True)
    nonsense = run("evidence", "tile 7", *options, "--out", str(out))
    assert "no lease id: 'tile 7'" in nonsense.stderr
