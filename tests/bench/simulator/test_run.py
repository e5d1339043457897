import csv
from pathlib import Path

import pytest

from simulator import ends, market, nights, run
from simulator.machines import ATTACKS


@pytest.mark.slow
def test_the_program_writes_a_table_and_a_plot_for_each_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "ATTACKS", {"overbidding": ATTACKS["overbidding"]})
    monkeypatch.setattr(market.compare, "__defaults__", (market.SHARE, 3))
    monkeypatch.setattr(market.simulate, "__defaults__", (market.SHARE, 6))
    monkeypatch.setattr(run, "BETWEEN", (3.0,))
    monkeypatch.setattr(ends, "CASES", {"one lease in 50": (0.02, 0.0)})
    monkeypatch.setattr(ends.end, "__defaults__", (3,))
    monkeypatch.setattr(nights, "BETWEEN", 60.0)
    run.main(tmp_path, 1)
    for name in ("attacks", "prices", "machines", "loads", "ends", "nights"):
        assert list(csv.DictReader((tmp_path / f"{name}.csv").read_text().splitlines()))
    for name in ("attacks", "prices", "fairness", "nights"):
        assert (tmp_path / f"{name}.png").stat().st_size > 10_000
    assert "overbidding, 20% of machines" in capsys.readouterr().out
