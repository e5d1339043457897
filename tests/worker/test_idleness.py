"""Why there is nothing to render, from what the session and the books know."""

from dataclasses import replace

import pytest

from tegula_market import messages
from tegula_market.model import Address, JobId, Signature, Wei
from tegula_worker import idleness
from tegula_worker.objections import Code, Objection
from tegula_worker.session import Session
from tegula_worker.snapshot import Idle
from tegula_worker.tallies import Refusal

HELLO = messages.Hello(Address(bytes(20)), Signature(bytes(65)), "4.5.15", "CPU", 2, False)
JOB = JobId(b"\xab" * 32)
JOINED = Session(HELLO, joined=True)
ASKED = replace(JOINED, asks={JOB: messages.AskFor(JOB, Wei(40), 2, 9000, warm=False)})
HOT = Objection(Code.CPU_HOT, "the CPU is at 81 °C")
DECLINED = Refusal("call", "NO_DEPOSIT", 3, "there is no deposit", 1500)
OUTBID = Refusal("ask", "OUTBID", 2, "the job cleared at 30", 1600)
GIVEN_BACK = Refusal("lease", "DISK_FULL", 1, "the disk is full", 1700)
SINCE, NOW = 1200, 2200


@pytest.mark.parametrize(
    ("session", "paused", "refusals", "code"),
    [
        (replace(ASKED, working=frozenset(("a/0/1",))), HOT, (OUTBID,), None),
        (replace(ASKED, joined=False), HOT, (OUTBID,), "NOT_CONNECTED"),
        (ASKED, HOT, (OUTBID,), "CPU_HOT"),
        (ASKED, None, (), "WAITING"),
        (ASKED, None, (OUTBID, DECLINED), "OUTBID"),
        (ASKED, None, (GIVEN_BACK, OUTBID), "DISK_FULL"),
        (ASKED, None, (DECLINED,), "WAITING"),
        (JOINED, None, (OUTBID, DECLINED), "NO_DEPOSIT"),
        (JOINED, None, (OUTBID,), "NO_CALLS"),
        (JOINED, None, (), "NO_CALLS"),
        (JOINED, None, (replace(DECLINED, at=1199),), "NO_CALLS"),  # by the worker before this one
        (JOINED, None, (replace(DECLINED, at=1299),), "NO_CALLS"),
        (replace(JOINED, hello=replace(HELLO, verifier=True)), None, (), "NO_PROBES"),
    ],
)
def test_the_first_reason(
    session: Session, paused: Objection | None, refusals: tuple[Refusal, ...], code: str | None
) -> None:
    found = idleness.why(session, paused, refusals, since=SINCE, now=NOW)
    assert (found and found.code) == code


def test_the_sentence_is_of_the_last_time() -> None:
    found = idleness.why(ASKED, None, (OUTBID,), since=SINCE, now=NOW)
    assert found == Idle("OUTBID", "the last ask was not taken: the job cleared at 30")
    found = idleness.why(JOINED, None, (DECLINED,), since=SINCE, now=NOW)
    assert found == Idle("NO_DEPOSIT", "the last job was declined: there is no deposit")
