"""The escrow on chains of other ids, once and at the same address."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from web3 import Web3

from chains import ask, bare_anvil, mine, running
from tegula_market.adapters import evm
from tegula_market.adapters.chain import Escrow
from tegula_market.adapters.devchain import dev_key
from tegula_market.adapters.devkeys import NotLocal
from tegula_market.adapters.evm import NoGas
from tegula_market.adapters.evm.addresses import AddressBook
from tegula_market.adapters.evm.deploying import deploy_escrow, escrow_address
from tegula_market.adapters.evm.outbox import Outbox
from tegula_market.adapters.evm.sending import Dispatch, Sender
from tegula_market.adapters.signing import Key
from tegula_market.model import Wei

pytestmark = pytest.mark.slow
PUBLIC = 4242


@pytest.fixture(scope="module")
def rpc() -> Iterator[str]:
    with bare_anvil("--chain-id", str(PUBLIC)) as (_, url):
        yield url


@pytest.fixture
def web3(rpc: str) -> Iterator[Web3]:
    """As it was, for each test."""
    web3 = evm.connect(rpc)
    before = ask(web3, "evm_snapshot")
    yield web3
    ask(web3, "evm_revert", before)


@pytest.fixture
def payer(web3: Web3) -> Key:
    key = Key.generate()
    ask(web3, "anvil_setBalance", key.account.address, hex(10**18))
    return key


def sender(web3: Web3, folder: Path) -> Sender:
    return Sender(web3, Dispatch(Outbox(folder / "outbox.db")))


def test_it_is_deployed_once(web3: Web3, payer: Key, tmp_path: Path, rpc: str) -> None:
    book = AddressBook(tmp_path / "book.json")
    entry = deploy_escrow(web3, sender(web3, tmp_path), payer, book)
    assert (entry.chain_id, entry.escrow) == (PUBLIC, escrow_address())
    assert entry.transaction is not None
    assert web3.eth.get_transaction_receipt(entry.transaction)["blockNumber"] == entry.block  # type: ignore[arg-type]
    escrow = Escrow.connect(rpc, entry.escrow)
    assert escrow.genuine()
    assert escrow.domain.chain_id == PUBLIC
    assert deploy_escrow(web3, sender(web3, tmp_path), payer, book) == entry
    assert web3.eth.get_transaction_count(payer.account.address) == 1


def test_who_comes_second_finds_it(web3: Web3, payer: Key, tmp_path: Path) -> None:
    first = deploy_escrow(web3, sender(web3, tmp_path), payer, AddressBook(tmp_path / "book.json"))
    poor = Key.generate()
    second = deploy_escrow(web3, sender(web3, tmp_path), poor, AddressBook(tmp_path / "other.json"))
    assert second == replace(first, block=None, transaction=None)
    assert AddressBook(tmp_path / "other.json").find(web3) == second


def test_what_is_in_the_book_and_not_on_the_chain_is_deployed(web3: Web3, payer: Key, tmp_path: Path) -> None:
    book, before = AddressBook(tmp_path / "book.json"), ask(web3, "evm_snapshot")
    deploy_escrow(web3, sender(web3, tmp_path), payer, book)
    ask(web3, "evm_revert", before)
    mine(web3)
    assert book.find(web3) is None
    again = deploy_escrow(web3, Sender(web3), payer, book)
    assert book.find(web3) == again


def test_without_the_deployer_the_book_remembers(web3: Web3, payer: Key, tmp_path: Path) -> None:
    book = AddressBook(tmp_path / "book.json")
    ask(web3, "anvil_setCode", "0x4e59b44847b379578588920cA78FbF26c0B4956C", "0x")
    entry = deploy_escrow(web3, sender(web3, tmp_path), payer, book)
    assert entry.escrow != escrow_address()
    assert deploy_escrow(web3, sender(web3, tmp_path), payer, book) == entry
    assert web3.eth.get_transaction_count(payer.account.address) == 1


def test_on_eth_tester_too(tmp_path: Path) -> None:
    with running("eth-tester") as local:
        web3, book = evm.connect(local.rpc), AddressBook(tmp_path / "book.json")
        entry = deploy_escrow(web3, sender(web3, tmp_path), local.key(3), book)
        assert Escrow.connect(local.rpc, entry.escrow).genuine()
        assert deploy_escrow(web3, sender(web3, tmp_path), local.key(3), book) == entry


def test_keys_that_everybody_has_are_refused(web3: Web3, tmp_path: Path, rpc: str) -> None:
    dev, cold = dev_key(0, 31_337), Wei(1)
    with pytest.raises(NotLocal, match=f"refused on chain {PUBLIC}.*Make a key of your own"):
        deploy_escrow(web3, sender(web3, tmp_path), dev, AddressBook(tmp_path / "book.json"))
    with pytest.raises(NotLocal, match="everybody has"):
        sender(web3, tmp_path).send(lambda tx: tx, dev)
    assert web3.eth.get_transaction_count(dev.account.address) == 0
    assert web3.eth.get_balance(dev.account.address) > cold, "it could have paid"


def test_who_cannot_pay_is_told_so(web3: Web3, tmp_path: Path) -> None:
    with pytest.raises(NoGas, match="send it some ether"):
        deploy_escrow(web3, sender(web3, tmp_path), Key.generate(), AddressBook(tmp_path / "book.json"))
    assert not (tmp_path / "book.json").exists()
