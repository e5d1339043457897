"""`tegula-coordinator deploy`, as an operator runs it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import structlog
from typer.testing import CliRunner

from chains import ask, bare_anvil
from listening import free_port
from tegula_coordinator import cli, deployment
from tegula_coordinator.config import ConfigError
from tegula_market.adapters import evm, home, keystore, signing
from tegula_market.adapters.chain import Escrow, Unreachable
from tegula_market.adapters.devchain import dev_key
from tegula_market.adapters.evm import source as sources
from tegula_market.adapters.evm.addresses import AddressBook
from tegula_market.adapters.signing import Key
from tegula_market.model import Address


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()  # or later logs would go to the runner's stderr, which is closed


@pytest.mark.slow
def test_deployed_with_a_keystore(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(home.VARIABLE, str(tmp_path / "home"))
    monkeypatch.setattr(keystore, "WORK", 2)
    monkeypatch.setattr(sources, "standard_input", lambda _: {"language": "Solidity"})
    key, store, word = Key.generate(), tmp_path / "payer.json", tmp_path / "word"
    keystore.create(store, key, "a passphrase")
    word.write_text("a passphrase\n")
    with bare_anvil("--chain-id", "4243") as (_, rpc):
        web3 = evm.connect(rpc)
        with pytest.raises(ConfigError, match=r"no escrow for the chain of .*tegula-coordinator deploy"):
            deployment.known_escrow(rpc)
        ask(web3, "anvil_setBalance", key.account.address, hex(10**18))
        asked = ["deploy", "--rpc", rpc, "--keystore", str(store), "--passphrase-file", str(word)]
        first = CliRunner().invoke(cli.app, [*asked, "--source", str(tmp_path / "source.json")])
        assert first.exit_code == 0, first.output
        entry = json.loads(first.stdout)
        escrow = Address(bytes.fromhex(entry["escrow"][2:]))
        assert (entry["chain_id"], Escrow.connect(rpc, escrow).genuine()) == (4243, True)
        assert deployment.known_escrow(rpc) == escrow
        again = CliRunner().invoke(cli.app, asked)
        assert json.loads(again.stdout) == entry
        assert web3.eth.get_transaction_count(key.account.address) == 1
        assert json.loads((tmp_path / "source.json").read_text()) == {"language": "Solidity"}
        plain = tmp_path / "dev.key"
        signing.save_key(plain, dev_key(0, 31_337))
        refused = CliRunner().invoke(cli.app, ["deploy", "--rpc", rpc, "--key-file", str(plain)])
        assert refused.exit_code == 2
        assert "development key" in refused.stderr


def test_a_providers_key_in_the_url_is_told_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"http://127.0.0.1:{free_port()}/v3/SECRET"
    with pytest.raises(Unreachable, match=r"RPC URL right\? \(ConnectionError\)$") as away:
        deployment.known_escrow(url)
    answer = requests.Response()
    answer.status_code, answer.url = 401, url
    with pytest.raises(Unreachable, match=r"\(status 401\)$") as refused, evm.translated():
        answer.raise_for_status()
    monkeypatch.setattr(evm, "connect", lambda _: None)
    monkeypatch.setattr(AddressBook, "find", lambda *_: None)
    with pytest.raises(ConfigError, match="no escrow for the chain of `rpc`") as unknown:
        deployment.known_escrow(url)
    assert not [each for each in (away, refused, unknown) if "SECRET" in str(each.value)]


def test_one_key_has_to_be_named(tmp_path: Path) -> None:
    for plain, encrypted in ((None, None), (tmp_path / "a", tmp_path / "b")):
        with pytest.raises(ConfigError, match="either --key-file FILE or --keystore FILE"):
            deployment.key(plain, encrypted, None)
    with pytest.raises(ConfigError, match="cannot read the passphrase"):
        deployment.key(None, tmp_path / "a", tmp_path / "none")
