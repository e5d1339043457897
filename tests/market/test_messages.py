from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import frames
from orders import an_order
from tegula_market import messages
from tegula_market.codec import MalformedInput
from tegula_market.messages import FromCoordinator, FromWorker, Message
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
)

JOB, LEASE, SIGNATURE = JobId(b"\x01" * 32), LeaseId("aa/0/1"), Signature(b"\x07" * 65)
ADDRESS, DIGEST = Address(b"\x02" * 20), Digest(b"\x03" * 32)

FROM_WORKER = [
    messages.Hello(ADDRESS, SIGNATURE, "4.5.15", "CPU", 1, verifier=False),
    messages.Heartbeat(),
    messages.AskFor(JOB, Wei(40), 1, 2_000_000_000, warm=True),
    messages.Decline(JOB, "the deadline is too near"),
    messages.Post(ADDRESS, Wei(40), 2),
    messages.Deliver(Result(LEASE, DIGEST, 1.5, 0.0, "CPU", SIGNATURE)),
    messages.Return(LEASE, "crash", "Blender crashed"),
    messages.Probed(LEASE, (DIGEST, DIGEST), (), 0.5),
    messages.ProbeFailed(LEASE, "out of memory"),
    messages.Bye(),
]
FROM_COORDINATOR = [
    messages.Welcome("token", 2.0),
    messages.Refused("unknown here"),
    messages.Heartbeat(),
    messages.Call(JOB, an_order()),
    messages.NotTaken(JOB, "OUTBID", "cheaper asks take all the work"),
    messages.Grant(Lease(LEASE, JOB, 0, WorkerId(bytes(32)), Wei(7), 1, 2_000_000_000), DIGEST),
    messages.Revoke(LEASE, "the lease has expired"),
    messages.Probe(LEASE, JOB, an_order(), 0, (Rect(0, 0, 8, 8),), 2, twin=True),
    messages.Decided(Verdict(LEASE, Outcome.ACCEPTED, 0.0, 0.02, 256, 0.1, "", bytes(32)), Wei(7)),
    messages.Pay(SignedVoucher(Voucher(JOB, ADDRESS, Wei(7)), SIGNATURE, SIGNATURE)),
    messages.Rooted(JOB, Wei(7), b"\x06" * 32, (b"\x07" * 32, b"\x08" * 32)),
    messages.Ended(JOB, "every tile is accepted"),
]
HEARING = {FromWorker: messages.from_worker, FromCoordinator: messages.from_coordinator}


@pytest.mark.parametrize("message", FROM_WORKER)
def test_a_workers_message_survives_the_wire(message: Message) -> None:
    assert messages.from_worker(messages.encode(message)) == message


@pytest.mark.parametrize("message", FROM_COORDINATOR)
def test_a_coordinators_message_survives_the_wire(message: Message) -> None:
    assert messages.from_coordinator(messages.encode(message)) == message


def test_every_kind_is_covered_here() -> None:
    assert {type(m) for m in FROM_WORKER + FROM_COORDINATOR} == set(messages._KINDS.values())


@pytest.mark.parametrize("message", [m for m in FROM_COORDINATOR if not isinstance(m, messages.Heartbeat)])
def test_a_worker_cannot_speak_as_the_coordinator(message: Message) -> None:
    with pytest.raises(MalformedInput, match="not for a worker"):
        messages.from_worker(messages.encode(message))


@given(frames.rubbish())
def test_no_frames_crash_the_decoder(rubbish: list[bytes]) -> None:
    for hear in HEARING.values():
        with pytest.raises(MalformedInput):
            hear(rubbish)


@pytest.mark.parametrize("kinds", HEARING)
@given(data=st.data())
def test_whatever_can_be_said_survives_the_wire(kinds: Any, data: st.DataObject) -> None:
    message = data.draw(frames.said(kinds, {}))
    assert HEARING[kinds](messages.encode(message)) == message


@pytest.mark.parametrize("kinds", HEARING)
@given(data=st.data())
def test_what_is_broken_is_refused_or_says_exactly_what_it_spells(kinds: Any, data: st.DataObject) -> None:
    hear, received = HEARING[kinds], data.draw(frames.broken(kinds, {}))
    try:
        heard = hear(received)
    except MalformedInput as error:
        heard = messages.Refused(str(error))
        hear = messages.from_coordinator  # so that a peer can be told so
    assert hear(messages.encode(heard)) == heard


def test_a_refusal_of_endless_names_is_short() -> None:
    names = ",".join(f'"{letter * 100_000}":1' for letter in "abc")
    with pytest.raises(MalformedInput, match="not known") as caught:
        messages.from_worker([b"tm1", b"HEARTBEAT", f"{{{names}}}".encode()])
    assert len(str(caught.value)) < 500


def test_an_oversized_message_is_refused_unread() -> None:
    with pytest.raises(MalformedInput, match="limit"):
        messages.from_worker([b"tm1", b"HEARTBEAT", b" " * (messages.MAX_BYTES + 1)])


def test_another_protocol_is_named() -> None:
    with pytest.raises(MalformedInput, match="up to date"):
        messages.from_worker([b"tm2", b"HEARTBEAT", b"{}"])
