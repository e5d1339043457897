"""Programs that run beside this one, with real processes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tegula import programs
from tegula.programs import ProgramFailed

READY_THEN_SLEEP = "import time; print('ready', flush=True); time.sleep(600)"
PARENT = """
import sys, time
from pathlib import Path
from tegula import programs
with programs.running("child", [sys.executable, "-c", {child!r}], Path({scratch!r})) as child:
    child.wait_for(lambda line: line == "ready", 30)
    print(child.process.pid, flush=True)
    time.sleep(600)
"""


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_waits_for_a_line_and_ends_the_program(tmp_path: Path) -> None:
    with programs.running("sleeper", python(READY_THEN_SLEEP), tmp_path) as program:
        assert program.wait_for(lambda line: line.startswith("rea"), 30) == "ready"
        assert program.process.poll() is None
    assert program.process.returncode == -signal.SIGTERM


def test_a_program_that_ends_early_is_quoted(tmp_path: Path) -> None:
    code = "import sys; sys.exit('the port is taken')"
    with (
        programs.running("coordinator", python(code), tmp_path) as program,
        pytest.raises(ProgramFailed, match=r"the coordinator ended by itself.*\n.*the port is taken"),
    ):
        program.wait_for(lambda _: False, 30)


def test_a_program_that_is_silent_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    with (
        programs.running("worker", python(READY_THEN_SLEEP), tmp_path) as program,
        pytest.raises(ProgramFailed, match="not ready in time"),
    ):
        program.wait_for(lambda line: line == "steady", 0)


def test_a_program_that_will_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "END_SECONDS", 0.1)
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + READY_THEN_SLEEP
    with programs.running("stubborn", python(stubborn), tmp_path) as program:
        program.wait_for(lambda line: line == "ready", 30)
    assert program.process.returncode == -signal.SIGKILL


def test_it_does_not_hear_ctrl_c(tmp_path: Path) -> None:
    with programs.running("sleeper", python(READY_THEN_SLEEP), tmp_path) as program:
        assert os.getsid(program.process.pid) != os.getsid(0)


def test_it_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        python(PARENT.format(child=READY_THEN_SLEEP, scratch=str(tmp_path))),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    with parent.stdout:
        child = os.pidfd_open(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    try:
        signal.pidfd_send_signal(child, 0)
    except ProcessLookupError:
        pass  # gone and reaped already
    else:
        import select

        assert select.select([child], [], [], 30)[0], "the child lives on"
    finally:
        os.close(child)


def test_settings_of_another_worker_stay_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEGULA_WORKER_PRICE", "1")
    code = "import os; print([name for name in os.environ if name.startswith('TEGULA_')])"
    assert programs.output_of(python(code)) == "[]\n"


def test_a_program_that_fails_is_quoted() -> None:
    with pytest.raises(ProgramFailed, match="no such thing"):
        programs.output_of(python("import sys; sys.exit('no such thing')"))


def test_commands_are_found_beside_this_python() -> None:
    assert Path(programs.find("tegula")).parent == Path(sys.executable).parent
    with pytest.raises(ProgramFailed, match="install it"):
        programs.find("tegula-nothing")
