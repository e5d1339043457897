import hashlib
from collections import Counter

import pytest

from tegula_market import audit
from tegula_market.audit import LARGEST, NEWCOMER, Record, batch_size, chosen, lot
from tegula_market.digests import digest
from tegula_market.model import LeaseId

SALT, IMAGE = bytes(range(32)), digest(b"image")


def test_every_tile_of_a_newcomer_is_audited() -> None:
    assert {batch_size(Record(passed)) for passed in range(NEWCOMER)} == {1}


def test_batches_grow_with_what_was_passed_and_no_further_than_the_largest() -> None:
    sizes = [batch_size(Record(passed)) for passed in range(NEWCOMER * 20)]
    assert sizes == sorted(sizes)
    assert max(sizes) == LARGEST
    assert Counter(sizes)[2] == NEWCOMER


@pytest.mark.parametrize("passed", [0, 5, 1000])
def test_a_rejection_starts_trust_again(passed: int) -> None:
    after = Record(passed, 2).after_rejection()
    assert (after, batch_size(after)) == (Record(0, 3), 1)
    assert after.after_pass() == Record(1, 3)


def test_a_lot_follows_from_salt_and_image() -> None:
    expected = hashlib.blake2b(SALT + IMAGE, digest_size=32, person=b"tegula lot").digest()
    assert lot(SALT, IMAGE) == expected
    assert len({lot(SALT, IMAGE), lot(bytes(32), IMAGE), lot(SALT, digest(b"other"))}) == 3


def test_each_tile_of_a_batch_is_drawn_equally_often() -> None:
    """Chi-square with 7 degrees of freedom, at five standard deviations; the salts are fixed."""
    drawn: Counter[str] = Counter()
    for n in range(8000):
        lots = {LeaseId(f"j/{i}/1"): lot(n.to_bytes(32, "big"), digest(bytes([i]))) for i in range(8)}
        drawn[chosen(lots)] += 1
    chi = sum((count - 1000) ** 2 / 1000 for count in drawn.values())
    assert len(drawn) == 8
    assert abs(chi - 7) < 5 * (2 * 7) ** 0.5


def test_the_lowest_lot_is_chosen() -> None:
    lots = {LeaseId("j/1/1"): digest(b"a"), LeaseId("j/2/1"): digest(b"b")}
    assert lots[chosen(lots)] == min(lots.values())
    assert audit.chosen({LeaseId("j/2/1"): digest(b"a"), LeaseId("j/1/1"): digest(b"a")}) == "j/1/1"
