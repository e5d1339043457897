import pytest

from requester_samples import JOB
from tegula_blender.job_view import JobEvent
from tegula_blender.session.worklog import Span, WorkLog
from tegula_market.codec import MalformedInput
from tegula_market.model import lease_id

LEASE = lease_id(JOB, 3, 1)


def event(at: float, kind: str, **body: object) -> JobEvent:
    return JobEvent(1, at, kind, body)


def test_asks_and_work_are_kept() -> None:
    log = WorkLog()
    result = {"lease": LEASE, "render_seconds": 2.0, "load_seconds": 0.5}
    verdict = {"lease": LEASE, "probe_seconds": 0.25}
    log.note(
        [
            event(100, "JobOpened"),
            event(101, "AskArrived", ask={"price": "40"}),
            event(101, "AskArrived", ask={"price": "50"}),
            event(103.5, "ResultArrived", worker="0xaa", result=result),
            event(104, "Judged", verdict=verdict),
            event(105, "SomethingNew", what=1),
        ]
    )
    assert log.asked == {40, 50}
    assert log.spans == [Span("0xaa", 3, 1.5, 3.5), Span("probes", 3, 3.75, 4)]
    assert log.seconds == {"load": 0.5, "tiles": 2.0, "probes": 0.25}


@pytest.mark.parametrize(
    "bad",
    [
        event(1, "AskArrived"),
        event(1, "AskArrived", ask={"price": 40}),
        event(1, "AskArrived", ask=[]),
        event(1, "ResultArrived", worker="0xaa", result={"lease": LEASE}),
        event(1, "Judged", verdict={"lease": LEASE, "probe_seconds": "long"}),
        event(1, "Judged", verdict=None),
    ],
)
def test_an_event_that_is_not_whole_is_refused(bad: JobEvent) -> None:
    with pytest.raises(MalformedInput):
        WorkLog().note([bad])
