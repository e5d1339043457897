import stat
from pathlib import Path

import pytest
from eth_account.messages import encode_defunct
from hypothesis import given
from hypothesis import strategies as st

from tegula_market.adapters.signing import (
    HALF_ORDER,
    NOBODY,
    Key,
    UnusableKey,
    create_key,
    hash_of_text,
    load_key,
    recover,
    recover_hash,
    sign,
    sign_text,
)
from tegula_market.model import Address, JobId, Signature, Wei
from tegula_market.vouchers import Domain, close_payload

KEY = Key.generate()
PAYLOAD = close_payload(Domain(1, Address(b"\x0e" * 20)), JobId(bytes(32)), Wei(5))
GOOD = sign(PAYLOAD, KEY)
S = int.from_bytes(GOOD[32:64], "big")
HIGH_S = (2 * HALF_ORDER + 1 - S).to_bytes(32, "big")
OTHER_V = bytes([GOOD[64] ^ 0x1B ^ 0x1C])


def test_a_signature_tells_its_signer() -> None:
    assert recover(PAYLOAD, GOOD) == KEY.address


def test_a_text_is_signed_as_wallets_do() -> None:
    text = "example.org wants\nä"
    signed = KEY.account.sign_message(encode_defunct(text=text))
    assert hash_of_text(text) == bytes(signed.message_hash)
    assert sign_text(text, KEY) == bytes(signed.signature)
    assert recover_hash(hash_of_text(text), Signature(bytes(signed.signature))) == KEY.address
    assert recover_hash(hash_of_text(text + " "), Signature(bytes(signed.signature))) != KEY.address


def test_a_signature_is_good_for_its_payload_and_domain_only() -> None:
    other = close_payload(Domain(1, Address(b"\x0e" * 20)), JobId(bytes(32)), Wei(6))
    elsewhere = close_payload(Domain(2, Address(b"\x0e" * 20)), JobId(bytes(32)), Wei(5))
    assert KEY.address not in {recover(other, GOOD), recover(elsewhere, GOOD)}


@pytest.mark.parametrize(
    "forged",
    [
        b"",
        GOOD[:64],
        GOOD + b"\x00",
        bytes(65),
        b"\xff" * 65,
        GOOD[:64] + bytes([GOOD[64] - 27]),  # v of 0 or 1, which the escrow refuses
        GOOD[:32] + HIGH_S + OTHER_V,  # the same signature's twin, refused by the escrow as well
    ],
    ids=["empty", "short", "long", "zeros", "ones", "low v", "high s"],
)
def test_forms_that_the_escrow_refuses_are_nobodys(forged: bytes) -> None:
    assert recover(PAYLOAD, Signature(forged)) == NOBODY


def test_nobody_is_no_address_that_terms_could_name() -> None:
    assert recover(PAYLOAD, Signature(bytes(65))) != Address(bytes(20))


@given(st.binary(min_size=65, max_size=65))
def test_no_bytes_crash_or_pass(forged: bytes) -> None:
    assert recover(PAYLOAD, Signature(forged)) != KEY.address


def test_a_key_is_kept_to_its_owner_and_never_shown(tmp_path: Path) -> None:
    made = create_key(tmp_path / "key")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert load_key(tmp_path / "key").address == made.address
    assert (tmp_path / "key").read_text().strip() not in repr(made)
    with pytest.raises(UnusableKey, match="there already"):
        create_key(tmp_path / "key")


@pytest.mark.parametrize("text", ["", "secret words", "ab" * 31, "00" * 32, "ff" * 32])
def test_what_is_no_key_is_refused_without_quoting_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(UnusableKey) as caught:
        load_key(path)
    assert not text or text not in str(caught.value)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    create_key(tmp_path / "key")
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(UnusableKey, match="chmod 600"):
        load_key(tmp_path / "key")


def test_a_missing_key_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UnusableKey, match="cannot read"):
        load_key(tmp_path / "nowhere")
