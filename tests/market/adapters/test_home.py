"""Where a person's own records are kept."""

from pathlib import Path

import pytest

from tegula_market.adapters import home


def test_the_environment_goes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(home.VARIABLE, str(tmp_path))
    assert home.folder() == tmp_path
    monkeypatch.delenv(home.VARIABLE)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert home.folder() == tmp_path / ".config" / "tegula"
