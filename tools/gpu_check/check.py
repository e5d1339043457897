"""The whole market on this machine's cards in ten minutes: `./run python -m tools.gpu_check.check`.

    bench         every device renders the known scene right, and how fast
    pairs         how far CPU, CUDA and OptiX are apart on five scenes, and their megasamples a second
    local         `tegula local` on each kind, its tiles checked by the same kind and by the processor

Each stage is a program of its own with a time limit: one that fails or hangs is told, and the others go on.
FOLDER gets what each wrote, its log, and `summary.json`. Exit 1 if anything failed. Without a card the
processor's stages are run, and what is skipped is said.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

ROOT = Path(__file__).parents[2]
SCENES = ("roof", "bmw27", "caustics", "volume", "hair")
CARDS = ("CUDA", "OPTIX")
CPU = "CPU"
SANDBOX = "bubblewrap where possible, else this machine may be harmed"
"""As the worker's configuration has it; the scenes are our own."""
SHARES = {"bench": 0.35, "pairs": 0.6, "scene": 0.5, "local": 0.5}
"""Of what is left of the time, that a stage may take. A driver builds kernels in the first."""


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Stage:
    name: str
    """Of its log, and of its folder."""
    command: tuple[str, ...]
    share: float
    """Of the time that is left."""


@dataclass(frozen=True, slots=True)
class Done:
    stage: str
    outcome: Outcome
    seconds: float
    reason: str = ""


Run = Callable[[Stage, float], Done]
"""run(stage, seconds)"""


def main(
    out: Annotated[Path, typer.Option(help="new folder for results")],
    minutes: Annotated[float, typer.Option(min=0.1, help="for all of it")] = 10,
    scenes: Annotated[list[str] | None, typer.Option("--scene", help="instead of the usual five")] = None,
) -> None:
    if out.exists() and any(out.iterdir()):
        sys.exit(f"{out} is not empty: name another folder, or remove it")
    out = out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    done = check(out, minutes * 60, tuple(scenes or SCENES), lambda stage, left: run(stage, left, out))
    for each in done:
        print(f"{each.outcome:8} {each.stage:24} {each.seconds:6.1f} s  {each.reason}")
    raise typer.Exit(1 if any(each.outcome is Outcome.FAILED for each in done) else 0)


def check(out: Path, seconds: float, scenes: Sequence[str], run: Run) -> list[Done]:
    """All stages, one after the other; what became of each is in `summary.json` at once."""
    ends = time.monotonic() + seconds
    done: list[Done] = []

    def keep(each: Done) -> None:
        done.append(each)
        (out / "summary.json").write_text(json.dumps([asdict(one) for one in done], indent=2) + "\n")

    def go(stage: Stage) -> None:
        left = ends - time.monotonic()
        late = Done(stage.name, Outcome.SKIPPED, 0, "no time was left for it: give more --minutes")
        keep(run(stage, left * stage.share) if left > 0 else late)

    go(_bench(out))
    kinds, broken = devices(out / "bench.jsonl")
    for missing in (kind for kind in CARDS if kind not in kinds):
        reason = broken.get(missing, f"Blender finds no {missing} device here")
        keep(Done(f"all on {missing}", Outcome.FAILED if missing in broken else Outcome.SKIPPED, 0, reason))
    for stage in _stages(out, kinds, scenes):
        go(stage)
    return done


def run(stage: Stage, seconds: float, out: Path) -> Done:
    """Its output goes into its log, and what it prints as results into NAME.jsonl."""
    started = time.monotonic()
    log, results = out / f"{stage.name}.log", out / f"{stage.name}.jsonl"
    print(f"{stage.name}: at most {seconds:.0f} s", flush=True)
    with log.open("wb") as errors, results.open("wb") as answers:
        process = subprocess.Popen(stage.command, cwd=ROOT, env=_environment(), stdout=answers, stderr=errors)
        try:
            code = process.wait(seconds)
            reason = f"exit {code}: {_last_line(log)}" if code else ""
        except subprocess.TimeoutExpired:
            process.terminate()  # a market ends its workers
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            reason = f"ended after {seconds:.0f} seconds: {_last_line(log)}"
    outcome = Outcome.FAILED if reason else Outcome.PASSED
    return Done(stage.name, outcome, round(time.monotonic() - started, 1), reason)


def devices(bench: Path) -> tuple[list[str], dict[str, str]]:
    """Kinds that work here, CPU first, and why others do not, of what `tegula-worker bench` said.

    One that crashed in mid-line, or never said anything, leaves the processor, which needs no driver.
    """
    kinds, broken = [CPU], {}
    for line in bench.read_text().splitlines() if bench.exists() else ():
        try:
            told = json.loads(line)
        except json.JSONDecodeError:
            continue
        kind = str(told["device"]).partition(" ")[0]
        if "failure" in told:
            broken[kind] = str(told["reason"])
        elif kind not in kinds:
            kinds.append(kind)
    # Another card of the kind works: it is used, and the broken one is in the table.
    return kinds, {kind: reason for kind, reason in broken.items() if kind not in kinds}


def _bench(out: Path) -> Stage:
    config = out / "worker.toml"
    config.write_text(f"sandbox = {json.dumps(SANDBOX)}\ndata = {json.dumps(str(out / 'worker'))}\n")
    command = (*_program("tegula_worker.cli"), "bench", "--config", str(config))
    return Stage("bench", command, SHARES["bench"])


def _stages(out: Path, kinds: Sequence[str], scenes: Sequence[str]) -> Iterator[Stage]:
    chosen = [part for kind in kinds for part in ("--device", kind)]
    pairs = (sys.executable, "-m", "verification.pairs", "--out", str(out / "pairs"), *chosen, *scenes)
    yield Stage("pairs", pairs, SHARES["pairs"])
    blend = str(out / "roof.blend")
    yield Stage("scene", (sys.executable, str(ROOT / "examples" / "build_roof.py"), blend), SHARES["scene"])
    cards = [kind for kind in kinds if kind != CPU]
    for kind, verifier in [(card, other) for card in cards for other in (card, CPU)] or [(CPU, CPU)]:
        name = f"local-{kind}-by-{verifier}"
        options = ("--device", kind, "--verifier-device", verifier, "--samples", "16", "--scale", "25")
        command = (*_program("tegula.cli"), "local", blend, *options, "--quiet", "--out", str(out / name))
        yield Stage(name, command, SHARES["local"])


def _environment() -> dict[str, str]:
    """With the benchmarks, which are no installed package."""
    return {**os.environ, "PYTHONPATH": str(ROOT / "bench")}


def _program(module: str) -> tuple[str, ...]:
    """Without the scripts that an installation makes."""
    return (sys.executable, "-c", f"from {module} import app; app()")


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "it said nothing"


if __name__ == "__main__":
    typer.run(main)
