import re
import stat
from dataclasses import fields, replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tegula_coordinator import config, founding
from tegula_coordinator.cli import app
from tegula_coordinator.config import Config, ConfigError
from tegula_market.adapters import signing

ROOT = Path(__file__).parents[2]


def test_what_init_makes_can_be_served_with(tmp_path: Path) -> None:
    folder = tmp_path / "market"
    made = founding.init(folder, "http://chain")
    read = config.load(folder / "coordinator.toml")
    assert (read.rpc, read.data) == ("http://chain", folder / "data")
    assert signing.load_key(read.key_file).address == made.coordinator
    for path in (read.curve_key_file, read.tokens_file, read.operator_token_file):
        assert path is not None
        assert path.parent == folder
        assert len(path.read_text().strip()) >= 32
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_every_key_is_there_with_its_default(tmp_path: Path) -> None:
    path = tmp_path / "coordinator.toml"
    required = {"rpc": "http://chain", "key_file": "k", "curve_key_file": "c", "tokens_file": "t"}
    text = founding.text(required)
    path.write_text(text)
    plain = config.load(path)
    path.write_text(re.sub(r"^#(?=\w)", "", text, flags=re.MULTILINE))
    every = config.load(path)
    given = set(re.findall(r"^(\w+) = ", path.read_text(), re.MULTILINE))
    assert given == {key.name for key in fields(Config)}
    assert every.data == tmp_path / plain.data, "a default is relative to where the program runs"
    examples = {"s3_credentials_file": tmp_path / "FILE", "operator_token_file": tmp_path / "FILE"}
    assert every == replace(plain, data=every.data, **examples)  # type: ignore[arg-type]


def test_every_key_is_explained_in_the_file_and_in_the_guide() -> None:
    guide = (ROOT / "docs/operator.md").read_text()
    table = guide[guide.index("| key of coordinator.toml") :].split("\n\n")[0]
    documented = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert sorted(documented) == sorted(key.name for key in fields(Config))
    assert all(config.meaning(key).endswith(".") for key in fields(Config))


@pytest.mark.parametrize("name", ["coordinator.toml", "tokens", "data"])
def test_nothing_is_written_over(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(ConfigError, match=f"has {name} already, and nothing was made"):
        founding.init(tmp_path, "http://chain")
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


@pytest.mark.parametrize("name", founding.KEYS.values())
def test_keys_are_made_all_or_none(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(ConfigError, match=f"has {name} already, and nothing was made"):
        founding.keys(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot make the folder"):
        founding.init(tmp_path / "file" / "below", "http://chain")


def test_the_command_says_what_comes_next_and_shows_no_secret(tmp_path: Path) -> None:
    folder = tmp_path / "my market"
    said = CliRunner().invoke(app, ["init", "--dir", str(folder)])
    assert said.exit_code == 0
    assert f"tegula-coordinator serve --config '{folder}/coordinator.toml'" in said.stderr
    assert set(said.stdout.split('"')) >= {"coordinator", "curve_key"}
    secrets = [(folder / name).read_text().strip() for name in founding.KEYS.values()]
    assert not [secret for secret in secrets if secret in said.output]
    again = CliRunner().invoke(app, ["init", "--dir", str(folder)])
    assert again.exit_code == 2
    assert "nothing was made" in again.stderr
