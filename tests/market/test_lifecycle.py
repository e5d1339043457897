import sys
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tegula_market.lifecycle import (
    FINISHED,
    HISTORY,
    MAX_ATTEMPTS,
    MAX_INCONCLUSIVE,
    MAX_LEASES,
    MAX_REJECTED,
    MOVES,
    MOVES_OF_SECOND,
    Accepted,
    Cancelled,
    Delivered,
    Doubled,
    Expired,
    IllegalMove,
    Inconclusive,
    Leased,
    LeasePhase,
    Phase,
    Rejected,
    Returned,
    UnitState,
    end,
    step,
)
from tegula_market.model import LeaseId, TegulaError

ONE, TWO = LeaseId("job/0/1"), LeaseId("job/0/2")
OF_LEASE = (Expired, Returned, Delivered, Accepted, Rejected, Inconclusive)


def play(*events, state=None):
    state = state or UnitState()
    for event in events:
        state = step(state, event)
    return state


AT = {
    Phase.OPEN: UnitState(),
    Phase.LEASED: play(Leased(ONE)),
    Phase.DELIVERED: play(Leased(ONE), Delivered(ONE)),
    Phase.ACCEPTED: play(Leased(ONE), Delivered(ONE), Accepted(ONE)),
    Phase.CANCELLED: play(Cancelled()),
    Phase.DEAD: play(*[e for _ in range(MAX_REJECTED) for e in (Leased(ONE), Delivered(ONE), Rejected(ONE))]),
}
# DESIGN.md's table, written out once more.
ALLOWED = {
    (Phase.OPEN, Leased): Phase.LEASED,
    (Phase.LEASED, Doubled): Phase.LEASED,
    (Phase.LEASED, Delivered): Phase.DELIVERED,
    (Phase.LEASED, Expired): Phase.OPEN,
    (Phase.LEASED, Returned): Phase.OPEN,
    (Phase.DELIVERED, Accepted): Phase.ACCEPTED,
    (Phase.DELIVERED, Rejected): Phase.OPEN,
    (Phase.DELIVERED, Inconclusive): Phase.DELIVERED,
    (Phase.OPEN, Cancelled): Phase.CANCELLED,
    (Phase.LEASED, Cancelled): Phase.CANCELLED,
    (Phase.DELIVERED, Cancelled): Phase.CANCELLED,
}


@pytest.mark.parametrize(("phase", "kind"), list(product(Phase, (Leased, Doubled, Cancelled, *OF_LEASE))))
def test_every_phase_meets_every_event(phase, kind):
    state, event = AT[phase], Cancelled() if kind is Cancelled else kind(ONE)
    assert state.phase is phase
    if (phase, kind) in ALLOWED:
        assert step(state, event).phase is ALLOWED[phase, kind]
    else:
        with pytest.raises(IllegalMove) as caught:
            step(state, event)
        assert str(caught.value).endswith(" > ".join(state.history))
        assert isinstance(caught.value, TegulaError)


def test_the_table_holds_those_moves_and_no_others():
    assert set(MOVES) == set(ALLOWED)


@pytest.mark.parametrize("kind", OF_LEASE)
@pytest.mark.parametrize("phase", [Phase.LEASED, Phase.DELIVERED])
def test_an_event_of_another_lease_is_refused(phase, kind):
    with pytest.raises(IllegalMove):
        step(AT[phase], kind(TWO))


def test_a_result_for_an_ended_lease_is_refused():
    again = play(Leased(ONE), Expired(ONE), Leased(TWO))
    assert not again.holds(ONE)
    assert again.holds(TWO)
    with pytest.raises(IllegalMove):
        step(again, Delivered(ONE))
    assert not play(Delivered(TWO), state=again).holds(TWO)
    assert not UnitState().holds(ONE)


def test_rejections_are_counted_until_the_unit_is_dead():
    state = UnitState()
    for attempt in range(1, MAX_REJECTED + 1):
        assert state.phase is Phase.OPEN
        state = play(Leased(ONE), Delivered(ONE), Rejected(ONE), state=state)
        assert (state.rejected, state.attempt, state.lease) == (attempt, attempt, None)
    assert state.phase is Phase.DEAD


@pytest.mark.parametrize("kind", [Expired, Returned])
def test_lost_workers_are_nobodys_fault_but_not_for_ever(kind):
    state = UnitState()
    for _ in range(MAX_LEASES):
        assert state.phase is Phase.OPEN
        state = play(Leased(ONE), kind(ONE), state=state)
        assert state.rejected == 0
    assert state.phase is Phase.DEAD


def test_a_doubtful_result_is_probed_again_then_rendered_anew_without_blame():
    state = AT[Phase.DELIVERED]
    for doubts in range(1, MAX_INCONCLUSIVE):
        state = step(state, Inconclusive(ONE))
        assert (state.phase, state.inconclusive, state.lease) == (Phase.DELIVERED, doubts, ONE)
    state = step(state, Inconclusive(ONE))
    assert (state.phase, state.inconclusive, state.rejected, state.lease) == (Phase.OPEN, 0, 0, None)


def test_a_doubtful_result_can_still_be_accepted():
    state = play(Inconclusive(ONE), Accepted(ONE), state=AT[Phase.DELIVERED])
    assert (state.phase, state.lease) == (Phase.ACCEPTED, ONE)


@given(st.data())
def test_every_unit_comes_to_an_end(data):
    """No play is longer than its bounds allow, and what is finished stays so."""
    state, moves = UnitState(), 0
    made = {phase for phase, kind in MOVES if kind is Doubled}
    while state.phase not in FINISHED:
        kinds = sorted((kind for phase, kind in MOVES if phase is state.phase), key=str)
        doubled = state.second is not None
        kind = data.draw(st.sampled_from([k for k in kinds if k not in {Cancelled, doubled and Doubled}]))
        lease = LeaseId(f"job/0/{state.attempt + 1}") if kind in {Leased, Doubled} else state.lease
        if doubled and (state.phase, kind) in MOVES_OF_SECOND and data.draw(st.booleans()):
            lease = state.second
        before, state, moves = state, step(state, kind(lease)), moves + 1
        assert state.attempt - before.attempt == (kind in {Leased, Doubled})
        assert state.second is None or (
            state.second != state.lease and state.phase in made | {Phase.DELIVERED}
        )
        assert (state.lease is None) == (state.phase in {Phase.OPEN, Phase.DEAD, Phase.CANCELLED})
        assert state.rejected <= MAX_REJECTED + 1
        assert state.rejected <= state.attempt <= MAX_LEASES + 1
        assert state.inconclusive < MAX_INCONCLUSIVE
        assert state.history[-1] is state.phase
        assert len(state.history) <= HISTORY
        steps = {(phase, to) for (phase, _), to in ALLOWED.items()}
        dying = {(Phase.LEASED, Phase.DEAD), (Phase.DELIVERED, Phase.DEAD), (Phase.DELIVERED, Phase.OPEN)}
        taking_over = {(Phase.DELIVERED, Phase.LEASED)}
        assert set(pairwise(state.history)) <= steps | dying | taking_over
    assert moves <= (MAX_LEASES + 1) * (2 + MAX_INCONCLUSIVE)
    with pytest.raises(IllegalMove):
        step(state, Cancelled())


DOUBLED = play(Doubled(TWO), state=AT[Phase.LEASED])


@pytest.mark.parametrize(
    ("events", "phase", "lease", "second"),
    [
        ((), Phase.LEASED, ONE, TWO),
        ((Delivered(ONE),), Phase.DELIVERED, ONE, TWO),
        ((Delivered(TWO),), Phase.DELIVERED, TWO, ONE),
        ((Delivered(TWO), Accepted(TWO)), Phase.ACCEPTED, TWO, None),
        ((Delivered(TWO), Rejected(TWO)), Phase.LEASED, ONE, None),
        ((Delivered(TWO), *[Inconclusive(TWO)] * MAX_INCONCLUSIVE), Phase.LEASED, ONE, None),
        ((Delivered(TWO), Expired(ONE)), Phase.DELIVERED, TWO, None),
        ((Delivered(TWO), Expired(ONE), Rejected(TWO)), Phase.OPEN, None, None),
        ((Expired(ONE),), Phase.LEASED, TWO, None),
        ((Returned(ONE),), Phase.LEASED, TWO, None),
        ((Expired(TWO),), Phase.LEASED, ONE, None),
        ((Returned(TWO), Expired(ONE)), Phase.OPEN, None, None),
        ((Cancelled(),), Phase.CANCELLED, None, None),
        ((Delivered(ONE), Cancelled()), Phase.CANCELLED, None, None),
    ],
)
def test_of_two_leases_the_other_one_takes_over(events, phase, lease, second):
    state = play(*events, state=DOUBLED)
    assert (state.phase, state.lease, state.second) == (phase, lease, second)
    assert state.attempt == 2


def test_a_unit_has_two_leases_at_most():
    with pytest.raises(IllegalMove, match="second job/0/2"):
        step(DOUBLED, Doubled(LeaseId("job/0/3")))


def test_what_both_of_two_leases_may_still_bring_is_of_interest():
    assert DOUBLED.holds(ONE)
    assert DOUBLED.holds(TWO)
    delivered = play(Delivered(TWO), state=DOUBLED)
    assert delivered.holds(ONE)
    assert not delivered.holds(TWO)
    assert not play(Accepted(TWO), state=delivered).holds(ONE)


def test_a_second_lease_counts_towards_the_bounds_when_it_fails_too():
    state = UnitState(rejected=MAX_REJECTED - 1)
    state = play(Leased(ONE), Doubled(TWO), Delivered(ONE), Rejected(ONE), state=state)
    assert (state.phase, state.rejected) == (Phase.LEASED, MAX_REJECTED)
    assert play(Expired(TWO), state=state).phase is Phase.DEAD


def test_a_job_of_many_units_fits_in_memory():
    state = UnitState()
    for _ in range(MAX_LEASES - 1):
        state = play(Leased(ONE), Expired(ONE), state=state)
    own = sys.getsizeof(state) + sys.getsizeof(state.history)
    assert own * 100_000 < 32 * 2**20


@pytest.mark.parametrize(
    ("event", "phase"),
    [
        (Delivered(ONE), LeasePhase.FULFILLED),
        (Expired(ONE), LeasePhase.EXPIRED),
        (Returned(ONE), LeasePhase.RETURNED),
        (Cancelled(), LeasePhase.RETURNED),
    ],
)
def test_a_lease_ends_once(event, phase):
    assert end(LeasePhase.ACTIVE, event) is phase
    for later in (Delivered(ONE), Expired(ONE), Returned(ONE), Cancelled()):
        with pytest.raises(IllegalMove):
            end(phase, later)


@pytest.mark.parametrize("event", [Leased(ONE), Accepted(ONE), Rejected(ONE), Inconclusive(ONE)])
def test_verdicts_do_not_end_a_lease(event):
    with pytest.raises(IllegalMove, match="does not end a lease"):
        end(LeasePhase.ACTIVE, event)


@pytest.mark.parametrize("failed", [Expired, Returned, Rejected])
def test_what_strangers_fail_at_ends_a_unit_far_later(failed):
    state, leases = UnitState(), 0
    while state.phase is Phase.OPEN:
        leases += 1
        lease = LeaseId(f"job/0/{leases}")
        state = step(state, Leased(lease))
        if failed is Rejected:
            state = step(state, Delivered(lease))
        state = step(state, failed(lease, counts=False))
    assert (state.phase, leases, state.spent, state.rejected) == (Phase.DEAD, MAX_ATTEMPTS, 0, 0)
