import pytest

from tegula_market.adapters.sentences import explained
from tegula_market.model import TegulaError


def test_an_error_is_one_sentence_and_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, explained("tegula-worker"):
        raise TegulaError("name a price")
    assert ended.value.code == 2
    assert capsys.readouterr().err == "tegula-worker: name a price\n"


def test_errors_out_of_nested_task_groups_are_said_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    inner = ExceptionGroup("tasks", [TegulaError("one"), TegulaError("two")])
    with pytest.raises(SystemExit), explained("it"):
        raise ExceptionGroup("tasks", [inner])
    assert capsys.readouterr().err == "it: one\nit: two\n"


def test_our_own_faults_are_not_hidden() -> None:
    with pytest.raises(ValueError, match="a bug"), explained("it"):
        raise ValueError("a bug")


def test_nothing_is_said_when_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    with explained("it"):
        pass
    assert capsys.readouterr().err == ""
