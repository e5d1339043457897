import pytest
from hypothesis import given
from hypothesis import strategies as st

from tegula_market import vouchers
from tegula_market.codec import MAX_WEI
from tegula_market.model import Address, Digest, InvalidValue, JobId, Voucher, Wei, WorkerId
from tegula_market.vouchers import MAX_TIME, Domain, TokenDomain

DOMAIN = Domain(31337, Address(b"\x0e" * 20))
DOLLARS = TokenDomain("USD Coin", "2", 8453, Address(b"\x0d" * 20))
words = st.binary(min_size=32, max_size=32)
addresses = st.binary(min_size=20, max_size=20).map(Address)
amounts = st.integers(0, MAX_WEI).map(Wei)
counts = st.integers(0, 2**32 - 1)

payloads = st.one_of(
    st.builds(
        lambda j, w, a: vouchers.voucher_payload(DOMAIN, Voucher(JobId(j), w, a)), words, addresses, amounts
    ),
    st.builds(lambda j, a: vouchers.close_payload(DOMAIN, JobId(j), a), words, amounts),
    st.builds(lambda j, t: vouchers.extend_payload(DOMAIN, JobId(j), t), words, st.integers(0, 2**40 - 1)),
    st.builds(lambda j, o: vouchers.order_payload(DOMAIN, JobId(j), Digest(o)), words, words),
    st.builds(lambda w, p: vouchers.binding_payload(DOMAIN, WorkerId(w), p), words, addresses),
    st.builds(
        lambda j, u, n, i: vouchers.result_payload(DOMAIN, JobId(j), u, n, Digest(i)),
        words,
        counts,
        counts,
        words,
    ),
)


@given(payloads)
def test_a_payload_declares_exactly_what_it_holds(payload: vouchers.Payload) -> None:
    declared = [member["name"] for member in payload["types"][payload["primaryType"]]]
    assert declared == list(payload["message"])
    assert payload["domain"] == {
        "name": "TileEscrow",
        "version": "1",
        "chainId": 31337,
        "verifyingContract": "0x" + "0e" * 20,
    }


def deposit(amount: int = 5, valid_after: int = 0, valid_before: int = 9) -> vouchers.Payload:
    parties = Address(b"\x0e" * 20), Address(b"\x0a" * 20), JobId(b"\x0b" * 32)
    return vouchers.deposit_payload(DOLLARS, *parties, Wei(amount), valid_after, valid_before)


def test_a_deposit_is_signed_in_the_tokens_domain_for_one_job() -> None:
    payload = deposit()
    assert payload["domain"] == {
        "name": "USD Coin",
        "version": "2",
        "chainId": 8453,
        "verifyingContract": "0x" + "0d" * 20,
    }
    assert payload["message"] == {
        "from": "0x" + "0a" * 20,
        "to": "0x" + "0e" * 20,
        "value": 5,
        "validAfter": 0,
        "validBefore": 9,
        "nonce": "0x" + "0b" * 32,
    }
    members = payload["types"]["ReceiveWithAuthorization"]
    assert ",".join(f"{member['type']} {member['name']}" for member in members) == (
        "address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce"
    )


@pytest.mark.parametrize("wrong", [-1, MAX_TIME + 1])
def test_a_deposit_is_signed_for_times_that_are_seconds(wrong: int) -> None:
    with pytest.raises(InvalidValue):
        deposit(valid_after=wrong)
    with pytest.raises(InvalidValue):
        deposit(valid_before=wrong)
    with pytest.raises(InvalidValue):
        deposit(amount=MAX_WEI + 1)


@given(
    st.binary(max_size=40).filter(lambda b: len(b) != 32),
    st.binary(max_size=40).filter(lambda b: len(b) != 20),
)
def test_a_word_of_another_length_is_never_padded(word: bytes, address: bytes) -> None:
    with pytest.raises(InvalidValue):
        vouchers.close_payload(DOMAIN, JobId(word), Wei(1))
    with pytest.raises(InvalidValue):
        vouchers.voucher_payload(DOMAIN, Voucher(JobId(bytes(32)), Address(address), Wei(1)))


@pytest.mark.parametrize("amount", [-1, MAX_WEI + 1])
def test_an_amount_that_the_escrow_cannot_hold_is_refused(amount: int) -> None:
    with pytest.raises(InvalidValue):
        vouchers.close_payload(DOMAIN, JobId(bytes(32)), Wei(amount))


@pytest.mark.parametrize("number", [-1, 2**32])
def test_a_count_beyond_its_type_is_refused(number: int) -> None:
    with pytest.raises(InvalidValue):
        vouchers.result_payload(DOMAIN, JobId(bytes(32)), number, 1, Digest(bytes(32)))
