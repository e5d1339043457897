"""A passphrase comes from a file that only its owner reads, or from a person, or not at all."""

from pathlib import Path

import pytest
import typer

from tegula_market.adapters.signing import UnusableKey
from tegula_worker import passphrases


def _file(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "passphrase"
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("text", ["pass word", "pass word\n", "pass word\r\n"])
def test_the_line_of_a_file(tmp_path: Path, text: str) -> None:
    for source in (passphrases.of_file, passphrases.of_file_or_terminal):
        assert source(_file(tmp_path, text))(True) == "pass word"


@pytest.mark.parametrize(
    ("text", "mode", "sentence"), [("\n", 0o600, "is empty"), ("mellon", 0o640, "chmod 600")]
)
def test_a_file_that_will_not_do(tmp_path: Path, text: str, mode: int, sentence: str) -> None:
    with pytest.raises(UnusableKey, match=sentence) as caught:
        passphrases.of_file(_file(tmp_path, text, mode))(False)
    assert "mellon" not in str(caught.value)
    with pytest.raises(UnusableKey, match="cannot read the passphrase file"):
        passphrases.of_file(tmp_path / "absent")(False)


def test_nobody_to_ask() -> None:
    assert passphrases.of_file(None)(True) is None
    assert passphrases.of_file_or_terminal(None)(False) is None


def test_a_person_types_a_new_one_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def prompt(text: str, **how: bool) -> str:
        asked.append((text, how["hide_input"], how["confirmation_prompt"]))
        return "pass word"

    monkeypatch.setattr(passphrases, "_is_terminal", lambda: True)
    monkeypatch.setattr(typer, "prompt", prompt)
    source = passphrases.of_file_or_terminal(None)
    assert (source(True), source(False)) == ("pass word", "pass word")
    assert asked == [
        ("new passphrase for the payout key", True, True),
        ("passphrase of the payout key", True, False),
    ]
