import stat
from pathlib import Path

import pytest
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from orders import an_order, escrow_terms
from tegula_market import vouchers
from tegula_market.adapters import chain, light, signing
from tegula_market.adapters.light import Key, UnusableKey
from tegula_market.codec import MAX_WEI
from tegula_market.model import Address, Digest, JobId, Terms, Voucher, Wei, WorkerId
from tegula_market.vouchers import Domain, Payload, TokenDomain

words, addresses = st.binary(min_size=32, max_size=32), st.binary(min_size=20, max_size=20).map(Address)
amounts, times = st.integers(0, MAX_WEI).map(Wei), st.integers(1, 2**32 - 1)
domains = st.builds(Domain, st.integers(1, 2**64), addresses)
secrets = st.integers(1, 2**255).map(lambda number: number.to_bytes(32, "big"))
payloads = st.one_of(
    st.builds(
        lambda domain, job, worker, amount: vouchers.voucher_payload(
            domain, Voucher(JobId(job), worker, amount)
        ),
        domains,
        words,
        addresses,
        amounts,
    ),
    st.builds(vouchers.close_payload, domains, words.map(JobId), amounts),
    st.builds(vouchers.extend_payload, domains, words.map(JobId), st.integers(0, 2**40 - 1)),
    st.builds(vouchers.order_payload, domains, words.map(JobId), words.map(Digest)),
    st.builds(
        vouchers.result_payload,
        domains,
        words.map(JobId),
        st.integers(0, 2**32 - 1),
        st.integers(0, 2**32 - 1),
        words.map(Digest),
    ),
    st.builds(vouchers.binding_payload, domains, words.map(WorkerId), addresses),
    st.builds(
        vouchers.deposit_payload,
        st.builds(TokenDomain, st.text(), st.text(), st.integers(1, 2**64), addresses),
        addresses,
        addresses,
        words.map(JobId),
        amounts,
        times,
        times,
    ),
)


def hashed_by_eth_account(payload: Payload) -> bytes:
    signable = encode_typed_data(full_message=payload)
    return bytes(keccak(b"\x19" + signable.version + signable.header + signable.body))


@given(payload=payloads, secret=secrets)
@settings(max_examples=40, deadline=None)
def test_it_signs_what_ethereum_libraries_sign(payload: Payload, secret: bytes) -> None:
    mine, theirs = Key.of_secret(secret), signing.Key.of_secret(secret)
    assert mine.address == theirs.address
    assert light.hash_of(payload) == signing.hash_of(payload) == hashed_by_eth_account(payload)
    signature = light.sign(payload, mine)
    assert signing.recover(payload, signature) == theirs.address
    assert signature == signing.sign(payload, theirs), "both are deterministic, by RFC 6979"


@given(escrow_terms())
@settings(max_examples=50, deadline=None)
def test_a_jobs_id_is_the_escrows(terms: Terms) -> None:
    assert light.job_id(terms) == chain.job_id(terms)


def test_an_order_has_the_id_that_the_coordinator_finds() -> None:
    assert light.job_id(an_order().terms) == chain.job_id(an_order().terms)


def test_a_key_is_made_once_and_kept_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "account.key"
    made = light.kept_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert light.kept_key(path).address == made.address
    assert signing.load_key(path).address == made.address
    assert light.kept_key(tmp_path / "other.key").address != made.address


@pytest.mark.parametrize("text", ["", "zz", "00" * 32, "ff" * 32, "11" * 31, "11" * 33])
def test_what_is_no_key_is_refused_and_not_quoted(tmp_path: Path, text: str) -> None:
    path = tmp_path / "account.key"
    path.write_text(text)
    with pytest.raises(UnusableKey) as caught:
        light.kept_key(path)
    assert not text or text not in str(caught.value)
    assert path.read_text() == text


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UnusableKey, match="cannot keep a key"):
        light.kept_key(tmp_path / "none" / "account.key")


def test_a_key_does_not_show_itself() -> None:
    key = Key.generate()
    assert key.secret.hex() not in repr(key)
    assert "igning" not in repr(key)


def test_a_kind_of_member_that_is_unknown_is_no_silent_zero() -> None:
    payload = vouchers.close_payload(Domain(1, Address(bytes(20))), JobId(bytes(32)), Wei(1))
    payload["types"]["Close"][1] = {"name": "owed", "type": "bool"}
    with pytest.raises(TypeError, match="bool"):
        light.hash_of(payload)
