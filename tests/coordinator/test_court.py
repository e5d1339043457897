"""What a court makes of jurors that die, beside which it is told of no image."""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import trials
from tegula_coordinator import court, events
from tegula_coordinator.commands import SendProbe
from tegula_coordinator.court import Court
from tegula_coordinator.depot import Where
from tegula_coordinator.derive import Derive
from tegula_coordinator.jury import Setting
from tegula_market import messages
from tegula_market.model import WorkerId, lease_id

ONCE = """
import os, sys
if os.path.exists({flag!r}):
    os.execv(sys.executable, {real!r})
open({flag!r}, "w").close()
"""
RULES_ON_ONE_AND_DIES = """
import os, sys
from tegula_coordinator.jury import Case, no_ruling
from tegula_market import codec
sys.stdin.buffer.readline()
case = codec.loads(Case, sys.stdin.buffer.readline())
os.write(1, codec.dumps(no_ruling(case, "seen, and not settled")) + b"\\n")
sys.stdin.buffer.readline()
"""
SETTLES_WHAT_IT_HAS_NOT_SEEN = """
import os, sys
sys.stdin.buffer.readline()
os.write(1, b"\\n" * 3)
sys.stdin.buffer.read()
"""
RULES_ON_ALL_AND_DIES = """
import os, sys
from tegula_coordinator.jury import Case, no_ruling
from tegula_market import codec
sys.stdin.buffer.readline()
while (line := sys.stdin.buffer.readline()) != b"\\n":
    os.write(1, codec.dumps(no_ruling(codec.loads(Case, line), "seen, and not settled")) + b"\\n")
"""
NOBODY = -1
RULED = "the verifier's images are not all here"


def probe(unit: int, stated: trials.Court) -> SendProbe:
    lease = lease_id(trials.JOB, unit, 1)
    result = replace(stated.trial().result, lease=lease)
    verifier = WorkerId(bytes(32))
    return SendProbe(
        verifier, unit, lease, trials.JOB, unit, trials.ORDER, result, (result,), whole=False, strayed=()
    )


async def decided(sitting: Court, cases: int) -> dict[int, str]:
    """Reasons by unit."""
    found: dict[int, str] = {}
    done = asyncio.Event()

    def decide(ruling: events.Judged | events.Suspected) -> None:
        assert isinstance(ruling, events.Judged)
        assert ruling.probe not in found, "nothing is decided twice"
        found[ruling.probe] = ruling.verdict.reason
        if len(found) == cases:
            done.set()

    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        sits = tasks.create_task(sitting.sit(decide))
        await done.wait()
        sits.cancel()
    return found


@pytest.mark.parametrize(
    ("first", "lost"),
    [
        (RULES_ON_ONE_AND_DIES, 1),
        (RULES_ON_ALL_AND_DIES, NOBODY),
        (SETTLES_WHAT_IT_HAS_NOT_SEEN, 0),
        ("", 0),
    ],
)
def test_of_a_jurors_cases_one_is_lost_with_it_and_all_others_are_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str, lost: int
) -> None:
    """What a lost juror has ruled on counts only if it has said that the evidence is kept."""
    blobs = tmp_path / "blobs"
    blobs.mkdir()
    where = Where(str(blobs), str(blobs), 10**6, "", "", "")
    stated = trials.Court(blobs)
    once = ONCE.format(flag=str(tmp_path / "flag"), real=list(court.PROGRAM))
    monkeypatch.setattr(court, "PROGRAM", (sys.executable, "-c", once + first))

    async def scenario() -> dict[int, str]:
        sitting = Court(Setting(where, str(tmp_path / "evidence"), trials.DOMAIN), Derive(b"secret"))
        for unit in range(4):
            nothing = messages.Probed(lease_id(trials.JOB, unit, 1), (), (), 0.1)
            sitting.hear(probe(unit, stated), nothing, trials.WORKER.address, trials.CPU)
        return await decided(sitting, 4)

    found = asyncio.run(scenario())
    assert found == {unit: court.LOST if unit == lost else RULED for unit in range(4)}
