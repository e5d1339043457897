"""Played conversations: events in, commands out."""

from dataclasses import replace

import pytest

from orders import an_order
from tegula_market import messages
from tegula_market.model import (
    Address,
    Digest,
    JobId,
    Lease,
    LeaseId,
    Outcome,
    Rect,
    Result,
    Signature,
    SignedVoucher,
    Verdict,
    Voucher,
    Wei,
    WorkerId,
    lease_id,
)
from tegula_worker.commands import (
    Command,
    Consider,
    DropResult,
    EndJob,
    KeepEvidence,
    KeepOrder,
    KeepResult,
    KeepRoot,
    KeepVoucher,
    NoteLoss,
    NoteVerdict,
    Quit,
    Reprobe,
    Say,
    Stop,
    UseToken,
    Work,
)
from tegula_worker.events import (
    Considered,
    Drained,
    Equipped,
    Event,
    Finished,
    Heard,
    Paused,
    Repriced,
    Resumed,
    Started,
    Ticked,
)
from tegula_worker.session import Session, step

HELLO = messages.Hello(Address(bytes(20)), Signature(bytes(65)), "4.5.15", "CPU", 2, False)
JOB, ORDER = JobId(b"\x07" * 32), an_order()
LEASE = Lease(lease_id(JOB, 0, 1), JOB, 0, WorkerId(bytes(32)), Wei(5), 1, 2_000_000_000)
RESULT = Result(LEASE.id, Digest(bytes(32)), 1.0, 0.0, "CPU", Signature(bytes(65)))
VERDICT = Verdict(LEASE.id, Outcome.ACCEPTED, 0.0, 1.0, 64, 0.1, "", bytes(32))
ASK = messages.AskFor(JOB, Wei(5), 2, 2_000_000_000, False)
GRANT = messages.Grant(LEASE, Digest(bytes(32)))
PROBE = messages.Probe(LEASE.id, JOB, ORDER, 0, (Rect(0, 0, 8, 8),), 0, twin=False)
WELCOME = messages.Welcome("token", 1.0)
DELIVER = messages.Deliver(RESULT)
DECIDED, LOST = messages.Decided(VERDICT, Wei(5)), messages.NotTaken(JOB, "OUTBID", "")
UNKNOWN = messages.Refused("unknown here; say HELLO")

JOINED = Session(HELLO, joined=True, heartbeat=1.0, heard=100.0)
ASKED = replace(JOINED, orders={JOB: ORDER})
RENDERING = replace(ASKED, working=frozenset({LEASE.id}))
DELIVERED = replace(ASKED, results={LEASE.id: RESULT})


def play(session: Session, *events: Event) -> list[Command]:
    """The commands of the last event."""
    return list(after(session, *events)[1])


def after(session: Session, *events: Event) -> tuple[Session, tuple[Command, ...]]:
    commands: tuple[Command, ...] = ()
    for event in events:
        session, commands = step(session, event)
    return session, commands


def heard(message: messages.FromCoordinator, at: float = 101.0) -> Heard:
    return Heard(at, message)


def test_from_hello_to_the_end_of_a_job() -> None:
    story: list[tuple[Event, list[Command]]] = [
        (Started(0.0), [Say(HELLO)]),
        (heard(WELCOME), [UseToken("token")]),
        (heard(messages.Call(JOB, ORDER)), [Consider(messages.Call(JOB, ORDER))]),
        (Considered(ORDER, ASK), [KeepOrder(JOB, ORDER, ASK.price), Say(ASK)]),
        (heard(LOST), [NoteLoss(LOST)]),
        (heard(GRANT), [Work(LEASE, ORDER)]),
        (Finished(LEASE.id, DELIVER), [KeepResult(RESULT), Say(DELIVER)]),
        (heard(DECIDED), [NoteVerdict(DECIDED), DropResult(LEASE.id)]),
        (heard(messages.Pay(_voucher())), [KeepVoucher(_voucher())]),
        (heard(ROOTED), [KeepRoot(ROOTED)]),
        (heard(messages.Ended(JOB, "")), [EndJob(JOB)]),
        (Drained(), [Say(messages.Bye()), Quit("")]),
    ]
    session = Session(HELLO)
    for event, expected in story:
        session, commands = step(session, event)
        assert list(commands) == expected, event
    assert session == replace(JOINED, heard=101.0)


ROOTED = messages.Rooted(JOB, Wei(5), bytes(32), ())


def _voucher() -> SignedVoucher:
    none = Signature(bytes(65))
    return SignedVoucher(Voucher(JOB, Address(bytes(20)), Wei(5)), none, none)


def test_a_declined_call_leaves_nothing_behind() -> None:
    declined = messages.Decline(JOB, "too cheap")
    assert after(JOINED, Considered(ORDER, declined)) == (JOINED, (Say(declined),))


@pytest.mark.parametrize(
    ("session", "at", "expected"),
    [
        (JOINED, 105.0, [Say(messages.Heartbeat())]),
        (JOINED, 105.1, [Say(HELLO)]),
        (replace(JOINED, joined=False), 105.0, []),
        (replace(JOINED, joined=False), 105.1, [Say(HELLO)]),
    ],
)
def test_silence_of_five_heartbeats_means_hello_again(
    session: Session, at: float, expected: list[Command]
) -> None:
    assert play(session, Ticked(at)) == expected


def test_hello_is_not_repeated_with_every_heartbeat() -> None:
    assert play(JOINED, Ticked(106.0), Ticked(107.0)) == []
    assert play(JOINED, Ticked(106.0), Ticked(111.1)) == [Say(HELLO)]


def test_a_coordinator_that_was_started_again_hears_hello_once() -> None:
    assert play(JOINED, heard(UNKNOWN)) == [Say(HELLO)]
    assert play(JOINED, heard(UNKNOWN), heard(UNKNOWN)) == []


def test_any_other_refusal_is_the_end() -> None:
    assert play(JOINED, heard(messages.Refused("not among the verifiers"))) == [
        Quit("not among the verifiers")
    ]


def test_results_are_said_again_until_they_are_acknowledged() -> None:
    rejoined = [UseToken("token"), Say(DELIVER)]
    assert play(DELIVERED, Ticked(200.0), heard(WELCOME)) == rejoined
    assert play(Session(HELLO, results={LEASE.id: RESULT}), Started(0.0), heard(WELCOME)) == rejoined
    noted: list[Command] = [NoteVerdict(DECIDED)]
    for answer, note in ((DECIDED, noted), (messages.Revoke(LEASE.id, ""), [])):
        assert play(DELIVERED, heard(answer)) == [*note, DropResult(LEASE.id)]
        assert play(DELIVERED, heard(answer), heard(WELCOME)) == [UseToken("token")]


def test_what_is_finished_without_a_connection_waits_for_it() -> None:
    away = replace(RENDERING, joined=False)
    assert play(away, Finished(LEASE.id, DELIVER)) == [KeepResult(RESULT)]
    assert play(away, Finished(LEASE.id, DELIVER), heard(WELCOME)) == [UseToken("token"), Say(DELIVER)]
    given_back = messages.Return(LEASE.id, "CRASHED", "")
    assert play(away, Finished(LEASE.id, given_back)) == []
    assert play(away, Finished(LEASE.id, given_back), heard(WELCOME)) == [
        UseToken("token"),
        Say(given_back),
    ]
    assert play(away, Finished(LEASE.id, given_back), heard(WELCOME), heard(WELCOME)) == [UseToken("token")]


def test_a_lease_heard_twice_is_worked_on_once() -> None:
    assert play(RENDERING, heard(GRANT)) == []
    assert play(DELIVERED, heard(GRANT)) == [Say(DELIVER)]
    assert play(JOINED, heard(PROBE)) == [Reprobe(PROBE)]
    assert play(JOINED, heard(PROBE), heard(PROBE)) == []


def test_a_lease_of_a_job_never_asked_for_goes_back() -> None:
    (said,) = play(JOINED, heard(GRANT))
    assert isinstance(said, Say)
    assert isinstance(said.message, messages.Return)
    assert said.message.lease == LEASE.id


def test_a_revoked_lease_is_stopped_and_its_late_result_not_said() -> None:
    revoke = heard(messages.Revoke(LEASE.id, "expired"))
    assert play(RENDERING, revoke) == [Stop(LEASE.id)]
    assert play(RENDERING, revoke, Finished(LEASE.id, DELIVER)) == []
    assert play(JOINED, heard(messages.Revoke(LeaseId("another"), ""))) == []


def test_probes_are_answered_and_forgotten() -> None:
    probing, _ = after(JOINED, heard(PROBE))
    probed = messages.Probed(LEASE.id, (Digest(bytes(32)),), (), 0.1)
    assert play(probing, Finished(LEASE.id, probed)) == [Say(probed)]
    assert after(probing, Finished(LEASE.id, probed))[0] == replace(JOINED, heard=101.0)


def test_a_rejection_that_looked_at_pixels_leaves_evidence() -> None:
    rejected = replace(VERDICT, outcome=Outcome.REJECTED)
    decided = messages.Decided(rejected, Wei(0))
    heard_it = heard(decided)
    kept = [NoteVerdict(decided), DropResult(LEASE.id), KeepEvidence(LEASE.id)]
    assert play(DELIVERED, heard_it) == kept
    assert play(DELIVERED, heard_it, heard_it) == [], "heard twice, kept once"
    fell_with_another = messages.Decided(replace(rejected, probe_pixels=0), Wei(0))
    noted = [NoteVerdict(fell_with_another), DropResult(LEASE.id)]
    assert play(DELIVERED, heard(fell_with_another)) == noted


STANDING, _ = after(JOINED, Considered(ORDER, ASK))
ENDED_ASK = replace(ASK, expiry=1_000)


def test_a_pause_takes_asks_back_and_finishes_what_is_there() -> None:
    assert play(STANDING, Paused(1_000)) == [Say(ENDED_ASK)]
    assert play(STANDING, Paused(1_000), Paused(1_001)) == []
    assert play(STANDING, Paused(1_000), heard(GRANT)) == [Work(LEASE, ORDER)], "leased just before"
    assert play(RENDERING, Paused(1_000), Finished(LEASE.id, DELIVER)) == [KeepResult(RESULT), Say(DELIVER)]


def test_an_ask_that_was_being_considered_when_the_pause_began_is_not_made() -> None:
    (said,) = play(JOINED, Paused(1_000), Considered(ORDER, ASK))
    assert isinstance(said, Say)
    assert isinstance(said.message, messages.Decline)
    away = replace(JOINED, joined=False)
    taken_back = [UseToken("token"), Say(ENDED_ASK)]
    assert play(away, Considered(ORDER, ASK), Paused(1_000), heard(WELCOME)) == taken_back
    assert play(replace(STANDING, joined=False), Paused(1_000), heard(WELCOME)) == taken_back


def test_after_a_pause_the_coordinator_calls_anew() -> None:
    assert play(STANDING, Paused(1_000), Resumed(110.0)) == [Say(HELLO)]
    assert play(STANDING, Paused(1_000), Resumed(110.0), heard(WELCOME), Considered(ORDER, ASK)) == [
        KeepOrder(JOB, ORDER, ASK.price),
        Say(ASK),
    ]


TOKEN = Address(b"\x0d" * 20)
CHEAP, DEAR = Repriced(TOKEN, Wei(40)), Repriced(TOKEN, Wei(60))


def post(price: int, slots: int = 2) -> Say:
    return Say(messages.Post(TOKEN, Wei(price), slots))


def test_what_is_asked_at_present_is_posted_once_for_each_change() -> None:
    assert play(JOINED, DEAR) == [post(60)]
    assert play(JOINED, DEAR, DEAR) == []
    assert play(JOINED, DEAR, CHEAP) == [post(40)]


def test_it_is_posted_with_every_connection() -> None:
    assert play(Session(HELLO), DEAR, Started(0.0), CHEAP, heard(WELCOME)) == [UseToken("token"), post(40)]
    assert play(JOINED, DEAR, Ticked(200.0), heard(WELCOME)) == [UseToken("token"), post(60)]


def test_nothing_is_posted_while_the_worker_rests() -> None:
    assert play(STANDING, DEAR, Paused(1_000)) == [post(60, slots=0), Say(ENDED_ASK)]
    assert play(JOINED, DEAR, Paused(1_000), CHEAP) == []
    assert play(JOINED, DEAR, Paused(1_000), Ticked(200.0), heard(WELCOME)) == [UseToken("token")]
    rested = play(JOINED, DEAR, Paused(1_000), CHEAP, Resumed(110.0), heard(WELCOME))
    assert rested == [UseToken("token"), post(40)]


def test_a_device_that_is_set_aside_takes_its_slots_from_the_posted_ask() -> None:
    left = Equipped("CPU", 1, "the card is gone")
    assert play(JOINED, DEAR, left, heard(WELCOME)) == [UseToken("token"), post(60, slots=1)]


def test_an_ask_of_a_job_that_has_ended_is_not_taken_back() -> None:
    assert play(STANDING, heard(messages.Ended(JOB, "")), Paused(1_000)) == []


def test_a_device_that_is_set_aside_is_told_with_another_hello() -> None:
    left = Equipped("CPU", 1, "the card is gone")
    session, commands = step(JOINED, left)
    hello = replace(HELLO, device="CPU", slots=1)
    assert (session.hello, commands) == (hello, (Say(hello),))
    assert step(session, left) == (session, ())
    assert step(replace(JOINED, joined=False), left)[1] == ()
    _, (_, ask) = step(replace(session, orders={}), Considered(ORDER, ASK))
    assert ask == Say(replace(ASK, slots=1))


def test_without_a_device_there_is_nothing_to_stay_for() -> None:
    _, commands = step(RENDERING, Equipped("", 0, "the card is gone"))
    assert commands == (
        Say(messages.Bye()),
        Quit("no device is left to render on; the card is gone"),
    )
