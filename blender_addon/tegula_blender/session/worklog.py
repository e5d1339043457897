"""What a job's events tell beyond its present state: every ask, and who worked when."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tegula_market import codec
from tegula_market.codec import MalformedInput
from tegula_market.model import LeaseId, Wei, lease_parts

from ..job_view import JobEvent

PROBES = "probes"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of work, in seconds since the job was posted."""

    lane: str
    """A worker's address as hex, or PROBES."""
    unit: int
    start: float
    end: float


class WorkLog:
    def __init__(self) -> None:
        self.asked: set[Wei] = set()
        """Every price a megasample that was asked."""
        self.spans: list[Span] = []
        """Lanes are workers' CURVE keys as hex, or PROBES."""
        self.seconds = {"load": 0.0, "tiles": 0.0, "probes": 0.0}
        """Of all workers together."""
        self._opened: float | None = None

    def note(self, events: Iterable[JobEvent]) -> None:
        """Raises: MalformedInput: an event that lacks what its kind has."""
        for event in events:
            try:
                self._note(event)
            except (KeyError, TypeError) as error:
                raise MalformedInput(f"{event.kind}: the coordinator's event lacks {error}") from error

    def _note(self, event: JobEvent) -> None:
        body = event.body
        match event.kind:
            case "JobOpened":
                self._opened = event.at
            case "AskArrived":
                self.asked.add(codec.decode(Wei, body["ask"]["price"], "AskArrived.ask.price"))
            case "ResultArrived":
                result = body["result"]
                self.seconds["load"] += _seconds(result["load_seconds"])
                self._work(event, "tiles", str(body["worker"]), result["lease"], result["render_seconds"])
            case "Judged":
                verdict = body["verdict"]
                self._work(event, "probes", PROBES, verdict["lease"], verdict["probe_seconds"])

    def _work(self, event: JobEvent, kind: str, lane: str, lease: Any, took: Any) -> None:
        """Work that ended when its event came; the upload before that counts as a part of it."""
        seconds = _seconds(took)
        self.seconds[kind] += seconds
        end = event.at - (event.at if self._opened is None else self._opened)
        unit = lease_parts(codec.decode(LeaseId, lease, "lease"))[1]
        self.spans.append(Span(lane, unit, end - seconds, end))


def _seconds(raw: Any) -> float:
    return codec.decode(float, raw, "seconds")
