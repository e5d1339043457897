import io

from rich.console import Console

from requester_samples import DOLLAR
from tegula import progress
from tegula_blender.session.standing import Standing
from tegula_market.model import Wei


def console(*, terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=120)


def written(shown: Console) -> str:
    assert isinstance(shown.file, io.StringIO)
    return shown.file.getvalue()


def test_a_file_gets_one_line_a_step_and_a_tenth() -> None:
    log = console(terminal=False)
    with progress.shown(log, DOLLAR) as tell:
        tell(Standing("uploading the scene"))
        tell(Standing("uploading the scene"))
        for done in range(101):
            tell(Standing("rendering", done, 100, Wei(done), Wei(200), since=0.0))
    lines = written(log).splitlines()
    assert lines[0] == "uploading the scene"
    assert len(lines) == 1 + 11
    assert lines[1].startswith("rendering: 0/100 tiles, 0 USD of at most 0.0002 USD")
    assert lines[-1] == "rendering: 100/100 tiles, 0.0001 USD of at most 0.0002 USD"


def test_a_price_that_is_waited_for_is_told_when_it_changes() -> None:
    log = console(terminal=False)
    with progress.shown(log, DOLLAR) as tell:
        for price in (140, 140, 120):
            tell(Standing("waiting for a lower price", 0, 6, lowest=Wei(price), ceiling=Wei(100)))
    first, second = written(log).splitlines()
    assert "the lowest ask is 0.00014 USD a megasample" in first
    assert second.endswith("the lowest ask is 0.00012 USD a megasample, and the job pays 0.0001 USD at most")


def test_a_terminal_gets_a_bar_with_tiles_and_price() -> None:
    log = console(terminal=True)
    with progress.shown(log, DOLLAR) as tell:
        tell(Standing("rendering", 3, 12, Wei(3), Wei(24)))
    assert "3/12 tiles, 0.000003 USD of at most 0.000024 USD" in written(log)


def test_quiet_says_nothing() -> None:
    log = console(terminal=True)
    with progress.shown(log, DOLLAR, quiet=True) as tell:
        tell(Standing("rendering", 3, 12))
    assert written(log) == ""
