import hashlib

from hypothesis import given
from hypothesis import strategies as st

from tegula_market.digests import digest, digest_of


def test_it_is_plain_blake2b_256():
    """The value that `printf abc | b2sum -l 256` prints."""
    expected = "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"
    assert digest(b"abc").hex() == expected


@given(st.lists(st.binary(max_size=40)))
def test_how_a_blob_is_cut_makes_no_difference(chunks):
    assert digest_of(iter(chunks)) == digest(b"".join(chunks))
    assert digest(b"".join(chunks)) == hashlib.blake2b(b"".join(chunks), digest_size=32).digest()


def test_one_bit_makes_another_blob():
    assert digest(b"\x00") != digest(b"\x01") != digest(b"")
