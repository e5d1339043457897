"""Transactions through kills, other programs and high fees, on real chains."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from web3 import Web3
from web3.exceptions import Web3RPCError
from web3.types import TxParams, TxReceipt

from chains import ENGINES, ask, mine, running
from tegula_market.adapters import evm
from tegula_market.adapters.devchain import DevChain
from tegula_market.adapters.evm import NoGas, NonceTaken, NotMined, Refused, TooDear, Unreachable
from tegula_market.adapters.evm.outbox import Outbox
from tegula_market.adapters.evm.sending import Dispatch, Policy, Sender, transact
from tegula_market.adapters.signing import Key
from tegula_market.model import Wei

pytestmark = pytest.mark.slow
TO = Web3.to_checksum_address(b"\x22" * 20)
GWEI = 10**9
BRISK = Policy(stuck_seconds=0, doubt_seconds=0, patience=60)
NO_PATIENCE = Policy(stuck_seconds=0, doubt_seconds=0, patience=0)


@pytest.fixture(scope="module", params=ENGINES)
def local(request: pytest.FixtureRequest) -> Iterator[DevChain]:
    with running(request.param) as chain:
        yield chain


@pytest.fixture(scope="module")
def anvil() -> Iterator[DevChain]:
    """What eth-tester cannot do: blocks that are made when the test says so."""
    with running("anvil") as chain:
        yield chain


@pytest.fixture
def payer(request: pytest.FixtureRequest) -> Key:
    """A key with an ether, of whose nonces no other test knows."""
    chain = request.getfixturevalue("anvil" if "anvil" in request.fixturenames else "local")
    key = Key.generate()
    chain.give_ether(key.address, Wei(10**18))
    return key


@pytest.fixture
def manual(anvil: DevChain, payer: Key) -> Iterator[Web3]:
    """With blocks made by hand, once the payer has its ether."""
    web3 = evm.connect(anvil.rpc)
    ask(web3, "evm_setAutomine", False)
    yield web3
    ask(web3, "evm_setAutomine", True)
    ask(web3, "anvil_dropAllTransactions")
    ask(web3, "anvil_setNextBlockBaseFeePerGas", hex(GWEI))
    mine(web3)


def paying(transaction: TxParams) -> TxParams:
    return cast("TxParams", {**transaction, "to": TO})


def nonce(web3: Web3, key: Key) -> int:
    return web3.eth.get_transaction_count(key.account.address)


def left(path: Path) -> list[Any]:
    """All that the outbox has not seen mined."""
    return Outbox(path)._rows.execute("SELECT nonce FROM transactions WHERE block IS NULL").fetchall()


def test_it_is_sent_by_eip_1559_and_remembered(local: DevChain, tmp_path: Path) -> None:
    key, web3 = local.key(5), evm.connect(local.rpc)
    receipt = Sender(web3, Dispatch(Outbox(tmp_path / "box.db"))).send(paying, key, 7)
    mined = web3.eth.get_transaction(receipt["transactionHash"])
    assert (mined["type"], mined["value"], mined["to"]) == (2, 7, TO)
    assert left(tmp_path / "box.db") == []


def test_a_call_that_others_make_dearer_is_carried_out(
    local: DevChain, payer: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the estimate and its block; here, they have emptied the account that it pays into."""
    web3 = evm.connect(local.rpc)
    estimate = web3.eth.estimate_gas
    monkeypatch.setattr(web3.eth, "estimate_gas", lambda call: estimate(call) - 17_100)
    dollar = web3.eth.contract(Web3.to_checksum_address(local.dollar), abi=evm.artifact("DevDollar")["abi"])
    mint = dollar.functions.mint(Web3.to_checksum_address(Key.generate().address), 1)
    assert Sender(web3).send(mint.build_transaction, payer)["status"] == 1


def test_no_key_is_on_the_disk(local: DevChain, tmp_path: Path) -> None:
    key = local.key(5)
    Sender(evm.connect(local.rpc), Dispatch(Outbox(tmp_path / "box.db"))).send(paying, key, 7)
    secret = bytes(key.account.key)
    for path in tmp_path.iterdir():
        assert secret not in path.read_bytes()
        assert secret.hex().encode() not in path.read_bytes().lower()


def test_above_the_ceiling_nothing_is_sent(local: DevChain) -> None:
    key, web3 = local.key(5), evm.connect(local.rpc)
    before = nonce(web3, key)
    with pytest.raises(TooDear, match=r"more than your ceiling of 1000; .*raise max_fee_per_gas"):
        Sender(web3, Dispatch(policy=Policy(ceiling=1000))).send(paying, key, 7)
    assert nonce(web3, key) == before


def test_a_wallet_that_cannot_pay_keeps_nothing(local: DevChain, tmp_path: Path) -> None:
    with pytest.raises(NoGas, match="send it some ether"):
        Sender(evm.connect(local.rpc), Dispatch(Outbox(tmp_path / "box.db"))).send(paying, Key.generate(), 0)
    assert left(tmp_path / "box.db") == []


def test_what_the_contract_refuses_is_not_sent(local: DevChain) -> None:
    web3, key = evm.connect(local.rpc), local.key(5)
    contract: Any = web3.eth.contract(
        Web3.to_checksum_address(local.escrow), abi=evm.artifact("TileEscrow")["abi"]
    )
    before = nonce(web3, key)
    with pytest.raises(Refused):
        Sender(web3).send(contract.functions.collect(TO, TO).build_transaction, key)
    assert nonce(web3, key) == before


# Kills, in processes of their own.

CHILD = """
import os, signal, sys
from pathlib import Path
from web3 import Web3
from tegula_market.adapters import evm
from tegula_market.adapters.evm.outbox import Outbox
from tegula_market.adapters.evm.sending import Dispatch, Sender
from tegula_market.adapters.signing import Key

rpc, box, moment = sys.argv[1:]
web3 = evm.connect(rpc)
send = web3.eth.send_raw_transaction

def die(raw):
    if moment == "sent":
        send(raw)
    os.kill(os.getpid(), signal.SIGKILL)

web3.eth.send_raw_transaction = die
to = Web3.to_checksum_address(b"\\x22" * 20)
key = Key.of_secret(bytes.fromhex(sys.stdin.readline()))
Sender(web3, Dispatch(Outbox(Path(box)))).send(lambda tx: {**tx, "to": to}, key, 5)
"""


def killed(local: DevChain, box: Path, key: Key, moment: str) -> None:
    child = subprocess.run(
        [sys.executable, "-c", CHILD, local.rpc, str(box), moment],
        input=bytes(key.account.key).hex(),
        text=True,
        check=False,
        timeout=120,
    )
    assert child.returncode == -signal.SIGKILL


@pytest.mark.parametrize("moment", ["kept", "sent"])
def test_killed_it_is_sent_once(local: DevChain, payer: Key, tmp_path: Path, moment: str) -> None:
    """Killed between store and broadcast, and between broadcast and receipt."""
    web3, box = evm.connect(local.rpc), tmp_path / "box.db"
    had = web3.eth.get_balance(TO)
    killed(local, box, payer, moment)
    assert len(left(box)) == 1
    assert nonce(web3, payer) == (1 if moment == "sent" else 0)
    Sender(web3, Dispatch(Outbox(box), BRISK)).send(paying, payer, 5)
    assert (nonce(web3, payer), web3.eth.get_balance(TO) - had) == (1, 5)
    assert left(box) == []
    Sender(web3, Dispatch(Outbox(box), BRISK)).send(paying, payer, 5)
    assert (nonce(web3, payer), web3.eth.get_balance(TO) - had) == (2, 10), "the next one is another act"


@pytest.mark.parametrize("moment", ["kept", "sent"])
def test_killed_it_is_not_lost_to_another_act(
    local: DevChain, payer: Key, tmp_path: Path, moment: str
) -> None:
    web3, box = evm.connect(local.rpc), tmp_path / "box.db"
    had = web3.eth.get_balance(TO)
    killed(local, box, payer, moment)
    Sender(web3, Dispatch(Outbox(box), BRISK)).send(paying, payer, 100)
    assert (nonce(web3, payer), web3.eth.get_balance(TO) - had) == (2, 105)


def test_settling_sees_to_it(local: DevChain, payer: Key, tmp_path: Path) -> None:
    web3, box = evm.connect(local.rpc), tmp_path / "box.db"
    killed(local, box, payer, "kept")
    sender = Sender(web3, Dispatch(Outbox(box), BRISK))
    sender.settle(payer)
    sender.settle(payer)
    assert nonce(web3, payer) == 1
    assert left(box) == []


def test_a_chain_that_is_away_loses_nothing(local: DevChain, payer: Key, tmp_path: Path) -> None:
    web3, box = evm.connect(local.rpc), tmp_path / "box.db"

    def away(_raw: bytes) -> None:
        raise Unreachable("gone")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(web3.eth, "send_raw_transaction", away)
        with pytest.raises(Unreachable):
            Sender(web3, Dispatch(Outbox(box), BRISK)).send(paying, payer, 5)
    assert len(left(box)) == 1
    Sender(web3, Dispatch(Outbox(box), BRISK)).send(paying, payer, 5)
    assert nonce(web3, payer) == 1


# Other programs with the same key.


def test_a_nonce_that_is_taken_is_told_and_another_used(
    local: DevChain, payer: Key, caplog: pytest.LogCaptureFixture
) -> None:
    web3 = evm.connect(local.rpc)
    sender, real = Sender(web3, Dispatch(policy=BRISK)), web3.eth.send_raw_transaction

    def overtaken(raw: bytes) -> Any:
        patch.undo()
        transact(evm.connect(local.rpc), paying, payer, 1)
        return real(raw)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(web3.eth, "send_raw_transaction", overtaken)
        receipt = sender.send(paying, payer, 5)
    assert web3.eth.get_transaction(receipt["transactionHash"])["nonce"] == 1
    assert "give each program a key of its own" in caplog.text


def test_who_is_always_slower_is_told_so(local: DevChain, payer: Key, tmp_path: Path) -> None:
    web3, box = evm.connect(local.rpc), tmp_path / "box.db"
    real = web3.eth.send_raw_transaction

    def overtaken(raw: bytes) -> Any:
        transact(evm.connect(local.rpc), paying, payer, 1)
        return real(raw)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(web3.eth, "send_raw_transaction", overtaken)
        with pytest.raises(NonceTaken, match="faster 3 times; nothing was sent"):
            Sender(web3, Dispatch(Outbox(box), BRISK)).send(paying, payer, 5)
    assert left(box) == []
    assert nonce(web3, payer) == 3


def test_two_processes_with_one_outbox_take_turns(local: DevChain, payer: Key, tmp_path: Path) -> None:
    box, done = tmp_path / "box.db", []

    def pay() -> None:
        for _ in range(3):
            done.append(Sender(evm.connect(local.rpc), Dispatch(Outbox(box), BRISK)).send(paying, payer, 1))

    threads = [threading.Thread(target=pay) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({receipt["transactionHash"] for receipt in done}) == 9
    assert nonce(evm.connect(local.rpc), payer) == 9


def test_what_another_has_pending_is_queued_behind(
    anvil: DevChain, manual: Web3, payer: Key, caplog: pytest.LogCaptureFixture
) -> None:
    foreign = {"to": TO, "gas": 21_000, "maxFeePerGas": 5 * GWEI, "maxPriorityFeePerGas": GWEI}
    signed = payer.account.sign_transaction(
        {**foreign, "nonce": 0, "value": 1, "chainId": anvil.chain_id, "type": 2}
    )
    manual.eth.send_raw_transaction(signed.raw_transaction)
    receipt = _while_mined(manual, lambda: Sender(manual, Dispatch(policy=BRISK)).send(paying, payer, 5))
    assert manual.eth.get_transaction(receipt["transactionHash"])["nonce"] == 1
    assert "give each program a key of its own" in caplog.text


# Stuck transactions, on anvil with blocks made by hand.


def _while_mined(web3: Web3, act: Callable[[], TxReceipt], base: int | None = None) -> TxReceipt:
    """Mines a block whenever the act looks whether it is mined.

    Args:
        base: fee of the first four blocks, too high for what was offered when it was lower.
    """
    bases, real = [GWEI, *[base] * 4] if base else [], web3.eth.get_transaction_receipt

    def looking(tx: Any) -> TxReceipt:
        if bases:
            ask(web3, "anvil_setNextBlockBaseFeePerGas", hex(bases.pop()))
        mine(web3)
        return real(tx)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(web3.eth, "get_transaction_receipt", looking)
        return act()


def test_a_stuck_transaction_is_replaced(
    manual: Web3, anvil: DevChain, payer: Key, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    had, sender = manual.eth.get_balance(TO), Sender(manual, Dispatch(Outbox(tmp_path / "box.db"), BRISK))
    receipt = _while_mined(manual, lambda: sender.send(paying, payer, 5), base=20 * GWEI)
    mined = manual.eth.get_transaction(receipt["transactionHash"])
    assert (mined["nonce"], manual.eth.get_balance(TO) - had) == (0, 5)
    assert mined["maxFeePerGas"] > 20 * GWEI
    assert "is replaced by" in caplog.text
    assert left(tmp_path / "box.db") == []


def test_at_the_ceiling_it_waits_and_says_so(
    manual: Web3, anvil: DevChain, payer: Key, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    box = Outbox(tmp_path / "box.db")
    policy = Policy(ceiling=10 * GWEI, stuck_seconds=0, patience=60)
    receipt = _while_mined(
        manual, lambda: Sender(manual, Dispatch(box, policy)).send(paying, payer, 5), base=20 * GWEI
    )
    mined = manual.eth.get_transaction(receipt["transactionHash"])
    assert mined["maxFeePerGas"] < 10 * GWEI, "the first one, when gas was cheaper again"
    assert "more than your ceiling of 10000000000; wait until gas is cheaper, or raise" in caplog.text


def test_what_takes_too_long_is_kept_and_found_again(manual: Web3, payer: Key, tmp_path: Path) -> None:
    box = tmp_path / "box.db"
    with pytest.raises(NotMined, match="kept and followed"):
        Sender(manual, Dispatch(Outbox(box), NO_PATIENCE)).send(paying, payer, 5)
    ask(manual, "anvil_dropAllTransactions")  # a node that forgets
    mine(manual)
    assert nonce(manual, payer) == 0
    _while_mined(manual, lambda: Sender(manual, Dispatch(Outbox(box), BRISK)).send(paying, payer, 5))
    assert nonce(manual, payer) == 1
    assert left(box) == []


def test_a_replacement_that_was_mined_is_found_after_a_kill(
    manual: Web3, anvil: DevChain, payer: Key, tmp_path: Path
) -> None:
    """Of several versions any may be the one: the outbox has them all."""
    box = tmp_path / "box.db"
    with pytest.raises(NotMined):
        Sender(manual, Dispatch(Outbox(box), NO_PATIENCE)).send(paying, payer, 5)
    sender, wanted = Sender(manual, Dispatch(Outbox(box), BRISK)), []
    real = manual.eth.send_raw_transaction

    def noted(raw: bytes) -> Any:
        wanted.append(raw)
        return real(raw)

    class Killed(BaseException): ...

    def killed_when_replaced(_tx: Any) -> TxReceipt:
        if len(wanted) > 1:
            raise Killed
        ask(manual, "anvil_setNextBlockBaseFeePerGas", hex(20 * GWEI))
        mine(manual)
        raise evm_not_found()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manual.eth, "send_raw_transaction", noted)
        patch.setattr(manual.eth, "get_transaction_receipt", killed_when_replaced)
        with pytest.raises(Killed):
            sender.send(paying, payer, 5)
    assert len(left(box)) == 2
    mine(manual)
    assert nonce(manual, payer) == 1
    sent = Sender(manual, Dispatch(Outbox(box), BRISK)).send(paying, payer, 5)
    assert nonce(manual, payer) == 1
    assert manual.eth.get_transaction(sent["transactionHash"])["nonce"] == 0


def evm_not_found() -> Exception:
    from web3.exceptions import TransactionNotFound

    return TransactionNotFound("not yet")


def test_a_node_that_wants_more_gets_it(manual: Web3, anvil: DevChain, payer: Key) -> None:
    """Some want twice the fee for a replacement."""
    real, asked = manual.eth.send_raw_transaction, []

    def choosy(raw: bytes) -> Any:
        asked.append(raw)
        if len(asked) in (2, 3):
            raise Web3RPCError("replacement transaction underpriced")
        return real(raw)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manual.eth, "send_raw_transaction", choosy)
        sender = Sender(manual, Dispatch(policy=BRISK))
        _while_mined(manual, lambda: sender.send(paying, payer, 5), base=20 * GWEI)
    assert len(asked) == 4
    assert nonce(manual, payer) == 1


def test_a_reorganisation_does_not_lose_it(
    anvil: DevChain, payer: Key, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    web3 = evm.connect(anvil.rpc)
    before = ask(web3, "evm_snapshot")
    sender = Sender(web3, Dispatch(Outbox(tmp_path / "box.db"), BRISK))
    sender.send(paying, payer, 5)
    ask(web3, "evm_revert", before)
    mine(web3, 2)
    assert nonce(web3, payer) == 0
    sender.settle(payer)
    assert nonce(web3, payer) == 1
    assert "a reorganisation of the chain lost" in caplog.text


def test_an_outbox_does_not_grow(anvil: DevChain, payer: Key, tmp_path: Path) -> None:
    web3, box = evm.connect(anvil.rpc), Outbox(tmp_path / "box.db")
    for _ in range(3):
        Sender(web3, Dispatch(box)).send(paying, payer, 5)
        ask(web3, "anvil_mine", hex(70))
    Sender(web3, Dispatch(box)).send(paying, payer, 5)
    assert box._rows.execute("SELECT count(*) FROM transactions").fetchone()[0] <= 2


def test_a_test_chain_is_not_taken_for_the_one_before_it(payer: Key, local: DevChain, tmp_path: Path) -> None:
    box = tmp_path / "box.db"
    with running(local.engine) as other:
        other.give_ether(payer.address, Wei(10**18))
        killed(other, box, payer, "kept")
    web3 = evm.connect(local.rpc)
    Sender(web3, Dispatch(Outbox(box), BRISK)).send(paying, payer, 7)
    assert nonce(web3, payer) == 1
