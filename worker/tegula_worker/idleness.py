"""Why a worker renders nothing at the moment. Pure."""

from collections.abc import Iterable

from tegula_worker.objections import Objection
from tegula_worker.session import Session
from tegula_worker.snapshot import Idle
from tegula_worker.tallies import Refusal

RECENT_SECONDS = 900
"""A call that was declined longer ago is not why there is no work now."""


def why(
    session: Session, paused: Objection | None, refusals: Iterable[Refusal], *, since: int, now: int
) -> Idle | None:
    """
    Args:
        refusals: as the books have them.
        since: Unix seconds, the start of the worker.
    """
    if session.working:
        return None
    if not session.joined:
        return Idle("NOT_CONNECTED", "the coordinator has not answered yet; it is greeted again and again")
    if paused is not None:
        return Idle(paused.code.value, paused.sentence)
    if session.hello.verifier:
        return Idle("NO_PROBES", "there is nothing to verify at the moment")
    lately = [each for each in refusals if each.at >= max(since, now - RECENT_SECONDS)]
    return _of_asks(session, lately) if session.asks else _of_calls(lately)


def _of_asks(session: Session, lately: Iterable[Refusal]) -> Idle:
    last = _last(lately, "ask", "lease")
    if last is None:
        return Idle("WAITING", f"asks stand in {_jobs(len(session.asks))}, and no tile has come yet")
    kind = "the last ask was not taken" if last.kind == "ask" else "the last tile was given back"
    return Idle(last.code, f"{kind}: {last.sentence}")


def _of_calls(lately: Iterable[Refusal]) -> Idle:
    last = _last(lately, "call")
    if last is None:
        return Idle("NO_CALLS", "the coordinator has no job for this worker at the moment")
    return Idle(last.code, f"the last job was declined: {last.sentence}")


def _last(refusals: Iterable[Refusal], *kinds: str) -> Refusal | None:
    return max((each for each in refusals if each.kind in kinds), key=lambda each: each.at, default=None)


def _jobs(count: int) -> str:
    return "one job" if count == 1 else f"{count} jobs"
