from pathlib import Path

import pytest

from tegula_coordinator import tokens
from tegula_coordinator.config import ConfigError


def test_one_a_line(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text("a-token-of-somebody\n\nanother-token-of-hers\n")
    assert tokens.read(path) == {"a-token-of-somebody", "another-token-of-hers"}
    with pytest.raises(ConfigError, match="want one operator's token, not 2"):
        tokens.operators(path)
    path.write_text("the-operators-token\n")
    assert tokens.operators(path) == "the-operators-token"


def test_what_cannot_be_used_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    with pytest.raises(ConfigError, match="cannot read tokens"):
        tokens.read(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot read tokens"):
        tokens.read(path)
    path.write_text("short")
    with pytest.raises(ConfigError, match="too easy to guess") as told:
        tokens.read(path)
    assert "short" not in str(told.value).removeprefix(str(path))
