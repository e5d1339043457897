"""The escrow on real chains: one suite on eth-tester's EVM and on anvil."""

import random
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from eth_abi import abi
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak
from hexbytes import HexBytes
from web3 import HTTPProvider, Web3
from web3.types import RPCEndpoint, RPCResponse

import chains
from chains import ENGINES, running
from escrow_scene import DAY, DEPOSIT, Scene, both, voucher
from listening import free_port
from tegula_market import vouchers
from tegula_market.adapters import chain, evm, signing
from tegula_market.adapters.chain import Escrow, NoGas, Refused, Status, Unreachable
from tegula_market.adapters.devchain import DevChain
from tegula_market.adapters.signing import Key
from tegula_market.codec import MAX_WEI
from tegula_market.model import (
    ETHER,
    MOST_AUTHOR_BPS,
    Address,
    JobId,
    SignedVoucher,
    Terms,
    Voucher,
    Wei,
)
from tegula_market.vouchers import Authorisation, Payload

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=ENGINES)
def local(request: pytest.FixtureRequest) -> Iterator[DevChain]:
    with running(request.param) as chain:
        yield chain


@pytest.fixture(params=["ether", "dollars"])
def scene(request: pytest.FixtureRequest, local: DevChain) -> Scene:
    token = ETHER if request.param == "ether" else local.dollar
    requester = local.key(1)
    if token != ETHER:
        local.mint(requester.address, Wei(3 * DEPOSIT))
    return Scene(local, Escrow.connect(local.rpc, local.escrow), token, requester, local.key(2))


@pytest.fixture
def job(scene: Scene) -> Terms:
    return scene.opened()


def test_a_contract_sends_nobody_elsewhere(local: DevChain, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which it could by ERC-3668: it reverts with URLs where the rest is to be had."""
    web3, escrow = evm.connect(local.rpc), Escrow.connect(local.rpc, local.escrow)
    if local.engine != "anvil":
        pytest.skip("only anvil puts code where it is wanted")
    wallet = Address(b"\xcb" * 20)
    types = ["address", "string[]", "bytes", "bytes4", "bytes"]
    values = [f"0x{wallet.hex()}", ["https://example.org/{data}"], b"", bytes(4), b""]
    data = bytes.fromhex("556f1830") + abi.encode(types, values)
    size = len(data).to_bytes(2, "big").hex()
    # CODECOPY of what follows, REVERT
    chains.ask(web3, "anvil_setCode", f"0x{wallet.hex()}", f"0x61{size}600c5f3961{size}5ffd{data.hex()}")
    gone: list[object] = []
    monkeypatch.setattr("requests.Session.get", lambda *args, **_: gone.append(args))
    assert not escrow.approves(wallet, bytes(32), b"whatever")
    assert gone == []


def test_a_contract_says_which_signatures_are_its_own(local: DevChain) -> None:
    """One that takes any for one digest. Accounts of keys and other contracts take none."""
    web3, escrow = evm.connect(local.rpc), Escrow.connect(local.rpc, local.escrow)
    digest = keccak(text="signed")
    if local.engine != "anvil":
        pytest.skip("only anvil puts code where it is wanted")
    # CALLDATALOAD(4) == digest, times the answer at the left end of a word; MSTORE, RETURN
    code = "600435" + "7f" + digest.hex() + "14" + "631626ba7e60e01b" + "02" + "5f52" + "60205ff3"
    wallet = Address(b"\xca" * 20)
    chains.ask(web3, "anvil_setCode", f"0x{wallet.hex()}", f"0x{code}")
    assert escrow.approves(wallet, digest, b"whatever")
    assert not escrow.approves(wallet, keccak(text="another"), b"whatever")
    identity = Address((4).to_bytes(20, "big"))  # which repeats what it is asked, the right word first
    for other in (local.key(1).address, local.escrow, identity, Address(bytes(20))):
        assert not escrow.approves(other, digest, b"whatever")


def test_a_look_at_a_deposit_asks_the_node_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers look before every tile, and web3 would ask for the chain's id each time."""
    asked: list[str] = []
    ask = HTTPProvider.make_request

    def counted(self: HTTPProvider, method: RPCEndpoint, parameters: Any) -> RPCResponse:
        asked.append(method)
        return ask(self, method, parameters)

    monkeypatch.setattr(HTTPProvider, "make_request", counted)
    escrow = Escrow.connect(scene.local.rpc, scene.local.escrow)
    asked.clear()
    escrow.account(JobId(bytes(32)))
    assert asked == ["eth_call"]


def test_a_job_from_deposit_to_an_empty_escrow(scene: Scene) -> None:
    before = scene.balance(scene.local.escrow)
    terms = scene.opened()
    opened, had = chain.job_id(terms), scene.balance(scene.requester.address)
    one, two = Key.generate().address, Key.generate().address
    assert scene.balance(scene.local.escrow) == before + DEPOSIT
    for worker, cumulative in ((one, 100), (two, 50), (one, 400)):
        assert scene.claim(voucher(scene, terms, worker, cumulative), terms)
    scene.close(terms, 450)
    assert (scene.balance(one), scene.balance(two)) == (400, 50)
    assert scene.balance(scene.requester.address) == had + DEPOSIT - 450
    assert scene.balance(scene.local.escrow) == before
    account = scene.escrow.account(opened)
    assert (account.funded, account.paid, account.status) == (450, 450, Status.CLOSED)
    assert [deposit.amount for deposit in scene.escrow.deposits(opened)] == [DEPOSIT]
    assert [(p.worker, p.amount) for p in scene.escrow.payments(opened)] == [
        (one, 100),
        (two, 50),
        (one, 300),
    ]
    assert [returned.amount for returned in scene.escrow.returned(opened)] == [DEPOSIT - 450]


def test_a_job_is_opened_once(scene: Scene, job: Terms) -> None:
    assert scene.escrow.open(job, DEPOSIT, scene.requester) is None
    account = scene.escrow.account(chain.job_id(job))
    assert (account.funded, account.paid, account.open) == (DEPOSIT, 0, True)


def test_a_voucher_pays_once(scene: Scene, job: Terms) -> None:
    worker = Key.generate().address
    older, newer = voucher(scene, job, worker, 100), voucher(scene, job, worker, 300)
    assert scene.claim(newer, job)
    assert scene.claim(newer, job) is None
    assert scene.claim(older, job) is None
    assert scene.balance(worker) == 300
    assert scene.escrow.claimed(chain.job_id(job), worker) == 300


def test_a_paid_voucher_that_is_sent_again_pays_nothing(scene: Scene, job: Terms) -> None:
    """Two relays at once: both look first, one is too late. The contract does not pay, and does not fail."""
    worker = Key.generate().address
    signed = voucher(scene, job, worker, 100)
    scene.claim(signed, job)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Escrow, "claimed", lambda *_: 0)
        assert scene.claim(signed, job)
    assert scene.balance(worker) == 100
    assert len(scene.escrow.payments(chain.job_id(job))) == 1


def test_what_is_owed_stays_claimable_after_the_close(scene: Scene, job: Terms) -> None:
    worker = Key.generate().address
    assert scene.close(job, 500)
    assert scene.close(job, 500) is None
    assert scene.claim(voucher(scene, job, worker, 500), job)
    assert scene.balance(worker) == 500
    with pytest.raises(Refused, match="does not cover"):
        scene.claim(voucher(scene, job, worker, 501), job)


def test_the_rest_returns_after_deadline_and_grace(scene: Scene, job: Terms) -> None:
    worker, opened = Key.generate().address, chain.job_id(job)
    scene.claim(voucher(scene, job, worker, 100), job)
    with pytest.raises(Refused, match="deadline and grace, or a window, have to pass first"):
        scene.escrow.refund(job, scene.relay)
    scene.travel(job.deadline + job.grace)
    had = scene.balance(scene.requester.address)
    tx = scene.escrow.refund(job, scene.relay)
    assert scene.balance(scene.requester.address) == had + DEPOSIT - 100
    assert [(back.amount, back.tx) for back in scene.escrow.returned(opened)] == [(DEPOSIT - 100, tx)]
    assert scene.escrow.account(opened).status is Status.REFUNDED
    with pytest.raises(Refused, match="no open job"):
        scene.claim(voucher(scene, job, worker, 200), job)


def test_a_deposit_is_topped_up_once(scene: Scene, job: Terms) -> None:
    escrow, more = scene.escrow, Wei(DEPOSIT + 7)
    assert escrow.top_up(job, more, scene.requester)
    assert escrow.top_up(job, more, scene.requester) is None, "after a kill it is simply called again"
    assert escrow.account(chain.job_id(job)).funded == more
    scene.close(job, 0)
    with pytest.raises(Refused, match="no open job"):
        escrow.top_up(job, Wei(more + 1), scene.requester)


def test_both_keys_move_the_deadline(scene: Scene, job: Terms) -> None:
    later = job.deadline + DAY
    payload = vouchers.extend_payload(scene.escrow.domain, chain.job_id(job), later)
    signer, coordinator = both(payload)
    with pytest.raises(Refused, match="the coordinator has not signed"):
        scene.escrow.extend(job, later, signer, signer, scene.relay)
    assert scene.escrow.extend(job, later, signer, coordinator, scene.relay)
    assert scene.escrow.extend(job, later, signer, coordinator, scene.relay) is None
    assert scene.escrow.account(chain.job_id(job)).deadline == later


def test_an_author_collects_its_part_to_the_unit(scene: Scene) -> None:
    author = Key.generate().address
    terms = replace(scene.terms(), author=author, author_bps=250)
    scene.escrow.open(terms, DEPOSIT, scene.requester)
    assert scene.escrow.collect_royalty(terms, scene.relay) is None
    ann, bob = Key.generate().address, Key.generate().address
    for worker, cumulative in ((ann, 1_039), (bob, 79), (ann, 2_001)):
        scene.claim(voucher(scene, terms, worker, cumulative), terms)
    parts = 2_001 * 250 // 10_000 + 79 * 250 // 10_000
    assert scene.escrow.royalty(terms) == parts
    assert scene.escrow.collect_royalty(terms, scene.relay)
    assert scene.escrow.collect_royalty(terms, scene.relay) is None
    assert (scene.balance(author), scene.balance(ann)) == (parts, 2_001 - 2_001 * 250 // 10_000)


def test_nothing_opens_after_its_deadline(scene: Scene) -> None:
    terms = scene.terms()
    scene.travel(terms.deadline)
    with pytest.raises(Refused, match="order again with a later one"):
        scene.escrow.open(terms, DEPOSIT, scene.requester)


def test_both_keys_must_have_signed(scene: Scene, job: Terms) -> None:
    worker = Key.generate().address
    good = voucher(scene, job, worker, 100)
    stranger = signing.sign(vouchers.voucher_payload(scene.escrow.domain, good.voucher), Key.generate())
    with pytest.raises(Refused, match="session key has not signed"):
        scene.claim(replace(good, signer_signature=stranger), job)
    with pytest.raises(Refused, match="coordinator has not signed"):
        scene.claim(replace(good, coordinator_signature=stranger), job)
    payload = vouchers.close_payload(scene.escrow.domain, chain.job_id(job), Wei(0))
    signer, coordinator = both(payload)
    with pytest.raises(Refused, match="session key has not signed"):
        scene.escrow.close(job, Wei(0), coordinator, coordinator, scene.relay)
    with pytest.raises(Refused, match="coordinator has not signed"):
        scene.escrow.close(job, Wei(0), signer, signer, scene.relay)
    assert scene.balance(worker) == 0


def test_a_voucher_of_another_job_pays_nothing(scene: Scene, job: Terms) -> None:
    other = scene.opened()
    signed = voucher(scene, other, Key.generate().address, 100)
    with pytest.raises(Refused, match="session key has not signed"):
        scene.claim(signed, job)


def test_a_voucher_of_another_escrow_pays_nothing(scene: Scene, job: Terms) -> None:
    elsewhere = replace(scene.escrow.domain, escrow=Address(b"\x07" * 20))
    made = Voucher(chain.job_id(job), Key.generate().address, Wei(100))
    signed = SignedVoucher(made, *both(vouchers.voucher_payload(elsewhere, made)))
    with pytest.raises(Refused, match="session key has not signed"):
        scene.claim(signed, job)


def test_only_the_requester_opens(scene: Scene) -> None:
    terms = replace(scene.terms(), requester=Key.generate().address)
    with pytest.raises(Refused, match="only the requester"):
        scene.escrow.open(terms, Wei(0), scene.relay)


def test_a_deposit_that_is_not_there_is_refused_in_words(scene: Scene) -> None:
    terms, held = scene.terms(), scene.balance(scene.requester.address)
    with pytest.raises(Refused, match=rf"deposit of {held + 1} and the wallet .* has {held} .*lower"):
        scene.escrow.open(terms, Wei(held + 1), scene.requester)


@pytest.fixture
def dollars(local: DevChain) -> Scene:
    """With a requester that has dollars, and no ether at all."""
    requester = Key.generate()
    local.mint(requester.address, Wei(2 * DEPOSIT))
    return Scene(local, Escrow.connect(local.rpc, local.escrow), local.dollar, requester, local.key(2))


def authorised(
    scene: Scene,
    terms: Terms,
    amount: Wei = DEPOSIT,
    times: tuple[int, int] = (0, vouchers.MAX_TIME),
    key: Key | None = None,
) -> Authorisation:
    domain, job = scene.escrow.token(scene.token).domain, chain.job_id(terms)
    to = scene.escrow.domain.escrow
    payload = vouchers.deposit_payload(domain, to, terms.requester, job, amount, *times)
    return Authorisation(*times, signing.sign(payload, key or scene.requester))


def test_a_signature_opens_a_job_without_the_requesters_ether(dollars: Scene) -> None:
    terms = dollars.terms()
    signed = authorised(dollars, terms)
    tx = dollars.escrow.open_authorised(terms, DEPOSIT, signed, dollars.relay)
    assert tx is not None
    assert dollars.web3.eth.get_transaction_receipt(HexBytes(tx))["status"] == 1
    account = dollars.escrow.account(chain.job_id(terms))
    assert (account.funded, account.paid, account.open) == (DEPOSIT, 0, True)
    assert dollars.balance(dollars.requester.address) == DEPOSIT
    assert dollars.escrow.balance(ETHER, dollars.requester.address) == 0
    assert dollars.escrow.open_authorised(terms, DEPOSIT, signed, dollars.relay) is None
    worker = Key.generate().address
    assert dollars.claim(voucher(dollars, terms, worker, 7), terms)
    assert dollars.close(terms, 7)
    assert dollars.escrow.open_authorised(terms, DEPOSIT, signed, dollars.relay) is None
    assert dollars.balance(dollars.requester.address) == 2 * DEPOSIT - 7


def test_whoever_relays_first_opens_the_same_job(dollars: Scene) -> None:
    """The job is open when the transaction arrives, and was not yet when it was looked at."""
    terms = dollars.terms()
    signed = authorised(dollars, terms)
    unopened = dollars.escrow.account(chain.job_id(terms))
    assert dollars.escrow.open_authorised(terms, DEPOSIT, signed, dollars.local.key(3))
    opened = dollars.escrow.account(chain.job_id(terms))
    looks = iter([unopened, opened])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dollars.escrow, "account", lambda _: next(looks))
        assert dollars.escrow.open_authorised(terms, DEPOSIT, signed, dollars.relay) is None
    assert next(looks, None) is None
    assert opened.funded == DEPOSIT


def test_what_was_not_signed_is_not_deposited(dollars: Scene) -> None:
    terms, mallory = dollars.terms(), Key.generate()
    theirs = replace(terms, signer=mallory.address)
    signed, forged = authorised(dollars, terms), authorised(dollars, terms, key=mallory)
    late = authorised(dollars, terms, times=(0, 1000))
    much = Wei(2 * DEPOSIT + 1)
    for asked, amount, given, sentence in (
        (theirs, DEPOSIT, signed, "signed for other terms"),
        (terms, Wei(DEPOSIT + 1), signed, "not signed by its requester"),
        (terms, DEPOSIT, forged, "not signed by its requester"),
        (terms, DEPOSIT, late, "not good at this time"),
        (terms, much, authorised(dollars, terms, much), "does not hold the deposit"),
        (replace(terms, token=ETHER), DEPOSIT, signed, "ether cannot"),
        (terms, Wei(0), authorised(dollars, terms, Wei(0)), "only an amount"),
    ):
        with pytest.raises(Refused, match=sentence):
            dollars.escrow.open_authorised(asked, amount, given, dollars.relay)
    assert dollars.balance(dollars.requester.address) == 2 * DEPOSIT


def test_a_wallet_without_ether_is_told_so(scene: Scene, job: Terms) -> None:
    signed = voucher(scene, job, Key.generate().address, 100)
    relay = Key.generate()
    with pytest.raises(NoGas, match="send it some ether"):
        scene.escrow.claim(job, signed, relay)
    scene.local.give_ether(relay.address, Wei(10**18))
    assert scene.escrow.claim(job, signed, relay)


def test_job_ids_and_digests_are_the_contracts(scene: Scene) -> None:
    contract: Any = scene.web3.eth.contract(
        Web3.to_checksum_address(scene.local.escrow), abi=evm.artifact("TileEscrow")["abi"]
    )
    for _ in range(5):
        terms = _random_terms()
        job, worker = chain.job_id(terms), Address(random.randbytes(20))
        amount = Wei(random.choice((0, 1, MAX_WEI, random.randrange(MAX_WEI))))
        parties = [Web3.to_checksum_address(a) for a in _addresses(terms)]
        numbers = terms.author_bps, terms.deadline, terms.window, terms.grace
        on_chain = contract.functions.jobId((*parties, *numbers, terms.salt)).call()
        assert on_chain == job
        payload = vouchers.voucher_payload(scene.escrow.domain, Voucher(job, worker, amount))
        asked = contract.functions.voucherDigest(job, Web3.to_checksum_address(worker), amount)
        assert asked.call() == _digest(payload)
        closing = vouchers.close_payload(scene.escrow.domain, job, amount)
        assert contract.functions.closeDigest(job, amount).call() == _digest(closing)


def test_transactions_are_named_by_hashes_that_the_chain_knows(scene: Scene, job: Terms) -> None:
    tx = scene.claim(voucher(scene, job, Key.generate().address, 5), job)
    assert tx is not None
    assert [payment.tx for payment in scene.escrow.payments(chain.job_id(job))] == [tx]
    assert scene.web3.eth.get_transaction_receipt(HexBytes(tx))["status"] == 1


def test_a_job_that_nobody_opened_has_an_empty_account(scene: Scene) -> None:
    nobodys = JobId(random.randbytes(32))
    assert scene.escrow.account(nobodys).status is Status.NONE
    assert scene.escrow.payments(nobodys) == []
    assert scene.escrow.returned(nobodys) == []


def test_an_address_without_the_escrow_is_refused(local: DevChain) -> None:
    with pytest.raises(Unreachable, match="no contract at 0x0909"):
        Escrow.connect(local.rpc, Address(b"\x09" * 20))


def test_a_chain_that_is_away_is_named() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    started = time.monotonic()
    with pytest.raises(Unreachable, match="RPC URL right"):
        Escrow.connect(url, Address(bytes(20)))
    assert time.monotonic() - started < evm.RPC_SECONDS


def test_every_error_of_the_escrow_has_its_sentence() -> None:
    named = {entry["name"] for entry in evm.artifact("TileEscrow")["abi"] if entry["type"] == "error"}
    libraries = {
        "InvalidShortString",
        "ReentrancyGuardReentrantCall",
        "SafeCastOverflowedUintDowncast",
        "SafeERC20FailedOperation",
        "StringTooLong",
    }
    assert named - libraries == evm.SENTENCES.keys()
    of_tokens = {entry["name"] for entry in evm.artifact("DevDollar")["abi"] if entry["type"] == "error"}
    assert of_tokens >= evm.TOKEN_SENTENCES.keys()
    assert not named & evm.TOKEN_SENTENCES.keys()


def _random_terms() -> Terms:
    requester, signer, coordinator, token, arbiter, author = (Address(random.randbytes(20)) for _ in range(6))
    times = random.randrange(1, 2**40), random.randrange(2**31, 2**32)
    parties = requester, signer, coordinator, token
    window, bps = random.randrange(2**29), random.randrange(1, MOST_AUTHOR_BPS + 1)
    return Terms(*parties, *times, random.randbytes(32), window, arbiter, author, bps)


def _addresses(terms: Terms) -> tuple[Address, ...]:
    return terms.requester, terms.signer, terms.coordinator, terms.arbiter, terms.token, terms.author


def _digest(payload: Payload) -> bytes:
    message = encode_typed_data(full_message=payload)
    return bytes(keccak(b"\x19" + message.version + message.header + message.body))
