"""The stages of a check, on cards that are not here, with programs that fail, hang and crash."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tegula_worker.sandbox import Isolation
from tools.gpu_check import check
from tools.gpu_check.check import Done, Outcome, Stage

PROCESSOR = {"device": "CPU AMD EPYC", "id": "CPU", "megasamples_per_second": 0.5}
AS_CUDA = {"device": "CUDA NVIDIA H100", "id": "CUDA_NVIDIA H100_0000:21:00", "megasamples_per_second": 40.0}
AT_OPTIX = {"device": "OPTIX NVIDIA H100", "id": "CUDA_NVIDIA H100_0000:21:00_OptiX"}
AS_OPTIX = {**AT_OPTIX, "failure": "DRIVER", "reason": "the driver gave up; look at its version"}
OPTIX_AT_WORK = {**AT_OPTIX, "megasamples_per_second": 60.0}


def lines(*told: dict[str, object]) -> str:
    return "".join(json.dumps(each) + "\n" for each in told)


@pytest.fixture
def checked(tmp_path: Path) -> Callable[..., tuple[list[Done], list[Stage]]]:
    """check(what bench says, stages that fail): what was done, and what was run."""

    def go(bench: str, failing: tuple[str, ...] = ()) -> tuple[list[Done], list[Stage]]:
        ran: list[Stage] = []

        def run(stage: Stage, seconds: float) -> Done:
            assert seconds > 0
            ran.append(stage)
            if stage.name == "bench":
                (tmp_path / "bench.jsonl").write_text(bench)
            failed = stage.name in failing
            return Done(stage.name, Outcome.FAILED if failed else Outcome.PASSED, 1.0, "no" if failed else "")

        done = check.check(tmp_path, 600, check.SCENES, run)
        assert json.loads((tmp_path / "summary.json").read_text())[-1]["stage"] == done[-1].stage
        return done, ran

    return go


def test_without_a_card_the_processor_is_checked_and_the_rest_is_told(
    checked: Callable[..., tuple[list[Done], list[Stage]]],
) -> None:
    done, ran = checked(lines(PROCESSOR))
    assert [stage.name for stage in ran] == ["bench", "pairs", "scene", "local-CPU-by-CPU"]
    skipped = {each.stage: each.reason for each in done if each.outcome is Outcome.SKIPPED}
    assert skipped == {
        "all on CUDA": "Blender finds no CUDA device here",
        "all on OPTIX": "Blender finds no OPTIX device here",
    }


def test_each_card_is_checked_by_itself_and_by_the_processor(
    checked: Callable[..., tuple[list[Done], list[Stage]]],
) -> None:
    done, ran = checked(lines(PROCESSOR, AS_CUDA, OPTIX_AT_WORK))
    assert [stage.name for stage in ran][3:] == [
        "local-CUDA-by-CUDA",
        "local-CUDA-by-CPU",
        "local-OPTIX-by-OPTIX",
        "local-OPTIX-by-CPU",
    ]
    assert all(each.outcome is Outcome.PASSED for each in done)
    words = ran[4].command
    assert words[words.index("--device") + 1] == "CUDA"
    assert words[words.index("--verifier-device") + 1] == "CPU"
    pairs = ran[1].command
    assert [pairs[i + 1] for i, word in enumerate(pairs) if word == "--device"] == ["CPU", "CUDA", "OPTIX"]


def test_a_broken_kind_is_a_failure_and_the_other_goes_on(
    checked: Callable[..., tuple[list[Done], list[Stage]]],
) -> None:
    done, ran = checked(lines(PROCESSOR, AS_CUDA, AS_OPTIX), failing=("bench", "pairs"))
    assert [stage.name for stage in ran][3:] == ["local-CUDA-by-CUDA", "local-CUDA-by-CPU"]
    failed = {each.stage: each.reason for each in done if each.outcome is Outcome.FAILED}
    assert failed == {"bench": "no", "pairs": "no", "all on OPTIX": AS_OPTIX["reason"]}


def test_one_broken_card_of_two_leaves_the_kind_in_use(tmp_path: Path) -> None:
    bench = tmp_path / "bench.jsonl"
    bench.write_text(lines(PROCESSOR, {**AS_CUDA, "failure": "DRIVER", "reason": "gone"}, AS_CUDA))
    assert check.devices(bench) == (["CPU", "CUDA"], {})


@pytest.mark.parametrize("said", ["", '{"device": "CUDA NVI'])
def test_a_bench_that_crashed_leaves_the_processor(tmp_path: Path, said: str) -> None:
    bench = tmp_path / "bench.jsonl"
    bench.write_text(said)
    assert check.devices(bench) == (["CPU"], {})


def test_no_stage_begins_after_the_end(tmp_path: Path) -> None:
    def never(stage: Stage, _: float) -> Done:
        raise AssertionError(stage.name)

    done = check.check(tmp_path, 0, check.SCENES, never)
    late = [each for each in done if "no time was left" in each.reason]
    assert [each.stage for each in late] == ["bench", "pairs", "scene", "local-CPU-by-CPU"]
    assert all(each.outcome is Outcome.SKIPPED for each in late)


def test_what_a_stage_says_is_kept_and_its_last_line_is_why_it_failed(tmp_path: Path) -> None:
    script = "import sys; print('{}'); sys.exit('it broke\\nfor this reason')"
    done = check.run(Stage("x", (sys.executable, "-c", script), 1), 30, tmp_path)
    assert (done.outcome, done.reason) == (Outcome.FAILED, "exit 1: for this reason")
    assert (tmp_path / "x.jsonl").read_text() == "{}\n"
    assert "it broke" in (tmp_path / "x.log").read_text()


def test_one_that_dies_by_a_signal_is_told(tmp_path: Path) -> None:
    script = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
    done = check.run(Stage("x", (sys.executable, "-c", script), 1), 30, tmp_path)
    assert (done.outcome, done.reason) == (Outcome.FAILED, "exit -11: it said nothing")


def test_one_that_hangs_is_ended(tmp_path: Path) -> None:
    script = "import sys, threading; print('waiting', file=sys.stderr, flush=True); threading.Event().wait()"
    done = check.run(Stage("x", (sys.executable, "-c", script), 1), 2, tmp_path)
    assert done.outcome is Outcome.FAILED
    assert done.reason.startswith("ended after 2 seconds: ")


def test_results_are_not_mixed_with_older_ones(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text("[]")
    with pytest.raises(SystemExit, match="not empty"):
        check.main(tmp_path)


def test_the_words_for_no_sandbox_are_the_workers_own() -> None:
    assert check.SANDBOX == Isolation.PREFERRED
