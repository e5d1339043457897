from tegula_coordinator.presence import Presence
from tegula_market.model import JobId

ONE, OTHER = JobId(b"\x01" * 32), JobId(b"\x02" * 32)


def test_silence_begins_with_the_start_and_anew_with_each_word() -> None:
    now = 100.0
    presence = Presence(lambda: now)
    now = 150.0
    assert presence.heard(ONE) == 100
    presence.hear(ONE)
    now = 160.0
    assert (presence.heard(ONE), presence.heard(OTHER)) == (150, 100)
    presence.forget(ONE)
    assert presence.heard(ONE) == 100
