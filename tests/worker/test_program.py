"""Starting and ending, and the command line around it."""

import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from typer.testing import CliRunner

from fakes import FakeEscrow, FakeRenderer, blob_server
from tegula_market.adapters import keystore
from tegula_market.adapters.blobs import BlobError
from tegula_market.adapters.chain import ChainError, Root
from tegula_market.adapters.roots import Tree
from tegula_market.adapters.scraping import NoMetrics
from tegula_market.model import ETHER, Address, Wei
from tegula_worker import doctor, program, sandbox, store
from tegula_worker.agent import NotWanted
from tegula_worker.cli import app
from tegula_worker.config import ConfigError
from tegula_worker.findings import fine
from tegula_worker.renderer import Failure, RenderFailed
from worker.stage import DOMAIN, Stage, connect_to


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with blob_server() as server:
        made = Stage(server, tmp_path / "data")
        connect_to(made.escrow, monkeypatch)
        yield made


def _started(stage: Stage, about: dict[str, Any], **change: Any) -> None:
    async def play() -> None:
        async with stage.opened():
            stage.server.about |= about
            await stage.work(**change)

    asyncio.run(play())


def test_another_protocol(stage: Stage) -> None:
    with pytest.raises(ConfigError, match="speaks 'tm2', this worker 'tm1'"):
        _started(stage, {"protocol": "tm2"})


def test_another_escrow_than_the_configuration_believes(stage: Stage) -> None:
    with pytest.raises(ConfigError, match="not the escrow of the configuration"):
        _started(stage, {}, escrow=Address(bytes(20)))


def test_another_chain_than_the_coordinator_says(stage: Stage) -> None:
    with pytest.raises(ChainError, match="want chain 1"):
        _started(stage, {"chain_id": 1})


def test_a_url_that_is_no_coordinator(stage: Stage) -> None:
    with pytest.raises(BlobError, match="keys missing"):
        asyncio.run(stage.work())


def test_no_blender(stage: Stage) -> None:
    class Broken(FakeRenderer):
        async def start(self) -> None:
            self.running = True
            raise RenderFailed(Failure.NOT_STARTED, "there is no Blender")

    stage.renderer = Broken()
    with pytest.raises(RenderFailed, match="no Blender"):
        _started(stage, {})
    assert not stage.renderer.running


def test_what_a_killed_worker_has_left_is_removed(stage: Stage) -> None:
    left = stage.data / program.SCRATCH / "tegula-worker-ab"
    left.mkdir(parents=True)
    (left / "product").write_bytes(b"half an image")
    with pytest.raises(ConfigError):
        _started(stage, {"protocol": "tm2"})
    assert not left.exists()


def test_no_sandbox(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a coordinator hears of the worker, and before it makes itself keys."""
    monkeypatch.setattr(sandbox, "BUBBLEWRAP", "no-such-bubblewrap")
    with pytest.raises(sandbox.NoSandbox, match="there is no sandbox for renders here"):
        asyncio.run(program.run(stage.config()))
    assert not stage.data.exists()


def test_a_data_folder_in_use(stage: Stage) -> None:
    with store.opened(stage.data), pytest.raises(store.StoreError, match="another tegula-worker"):
        _started(stage, {})


def _cli(*arguments: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [str(each) for each in arguments])
    structlog.reset_defaults()  # or later logs would go to the runner's stderr, which is closed
    return done.exit_code, done.stdout, done.stderr


def test_keys_are_printed_without_their_secrets(tmp_path: Path) -> None:
    code, out, _ = _cli("keys", "--data", tmp_path)
    said = json.loads(out)
    assert (code, len(said["worker"]), len(said["payout"])) == (0, 66, 42)
    assert _cli("keys", "--data", tmp_path)[1] == out
    assert (tmp_path / "curve.key").read_text().strip() not in out


def test_keys_under_a_passphrase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keystore, "WORK", 2)
    data, word = tmp_path / "data", tmp_path / "word"
    word.write_text("pass word\n")
    word.chmod(0o600)
    code, plain, err = _cli("keys", "--data", data)
    assert (code, f"tegula-worker keys --encrypt --data {data}" in err) == (0, True)
    code, out, err = _cli("keys", "--encrypt", "--data", data, "--passphrase-file", word)
    assert (code, out, err) == (0, plain, "")
    assert _cli("keys", "--data", data) == (0, plain, "")
    code, _, err = _cli("claim", "--data", data, "--rpc", "http://rpc")
    assert (code, "--passphrase-file FILE" in err) == (2, True)
    assert _cli("claim", "--data", data, "--rpc", "http://rpc", "--passphrase-file", word)[:2] == (0, "")
    assert "pass word" not in out + err


RUN = ("run", "--coordinator", "http://127.0.0.1:1", "--rpc", "http://rpc", "--price", 5)


def test_who_it_is_comes_first_on_stdout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ran(config: Any, **_: Any) -> None:
        assert (config.price, config.data) == (5, tmp_path)

    monkeypatch.setattr(program, "run", ran)
    code, out, _ = _cli(*RUN, "--data", tmp_path)
    assert (code, set(json.loads(out))) == (0, {"worker", "payout"})


@pytest.mark.parametrize(
    "error",
    [NotWanted("not today"), ExceptionGroup("", [ExceptionGroup("", [NotWanted("not today")])])],
)
def test_what_the_provider_can_put_right_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def failed(_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(program, "run", failed)
    code, _, err = _cli(*RUN, "--data", tmp_path)
    assert (code, err.splitlines()[-1]) == (2, "tegula-worker: not today")


def test_our_own_fault_is_not_dressed_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def failed(_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(program, "run", failed)
    assert _cli(*RUN, "--data", tmp_path)[0] == 1


def test_a_price_that_is_missing(tmp_path: Path) -> None:
    code, out, err = _cli("run", "--coordinator", "http://c", "--rpc", "http://r", "--data", tmp_path)
    assert (code, out) == (2, "")
    assert "name a price" in err


def test_claim_needs_no_coordinator(stage: Stage) -> None:
    order = stage.order()
    job = stage.fund(order)
    code, out, _ = _cli("keys", "--data", stage.data)
    payout = Address(bytes.fromhex(json.loads(out)["payout"][2:]))
    with store.opened(stage.data) as kept:
        kept.keep_job(store.JobRecord(job, DOMAIN, order, stage.voucher(job, payout, 9)))
    code, out, _ = _cli("claim", "--data", stage.data, "--rpc", "http://rpc")
    paid = json.loads(out)
    assert (code, paid["job"], paid["cumulative"]) == (0, "0x" + job.hex(), "9")
    code, out, _ = _cli("ledger", "--data", stage.data, "--json")
    (line,) = json.loads(out)["jobs"]
    assert (code, line["earned"], line["owed"], line["claimed"]) == (0, "9", "0", "9")
    assert "claimed" in _cli("ledger", "--data", stage.data)[1]
    assert len(paid["tx"]) == 66
    assert [p.amount for p in stage.escrow.payments(job)] == [9]
    assert _cli("claim", "--data", stage.data, "--rpc", "http://rpc")[:2] == (0, "")


def test_a_root_that_is_not_final_is_not_claimed_by_hand(stage: Stage) -> None:
    order = stage.order()
    job, final = stage.fund(order), 3_000_000_000
    payout = Address(bytes.fromhex(json.loads(_cli("keys", "--data", stage.data)[1])["payout"][2:]))
    tree = Tree.of(job, {payout: Wei(9)})
    stage.escrow.roots[job] = Root(tree.root, Wei(9), Wei(0), final)
    with store.opened(stage.data) as kept:
        kept.keep_job(store.JobRecord(job, DOMAIN, order, leaf=store.Leaf(Wei(9), tree.root, ())))
    assert _cli("claim", "--data", stage.data, "--rpc", "http://rpc")[:2] == (0, "")
    (line,) = json.loads(_cli("ledger", "--data", stage.data, "--json")[1])["jobs"]
    assert (line["owed"], line["rooted"], line["state"]) == ("9", "9", "rooted")
    stage.escrow.now = final
    code, out, _ = _cli("claim", "--data", stage.data, "--rpc", "http://rpc")
    assert (code, json.loads(out)["cumulative"]) == (0, "9")
    assert [p.amount for p in stage.escrow.payments(job)] == [9]


def test_what_was_claimed_by_hand_is_sent_on(stage: Stage) -> None:
    order = stage.order()
    job = stage.fund(order)
    _, out, _ = _cli("keys", "--data", stage.data)
    payout = Address(bytes.fromhex(json.loads(out)["payout"][2:]))
    with store.opened(stage.data) as kept:
        kept.keep_job(store.JobRecord(job, DOMAIN, order, stage.voucher(job, payout, 9)))
    cold, path = Address(b"\x77" * 20), stage.data / "worker.toml"
    path.write_text(f'rpc = "http://rpc"\nreceive = "0x{cold.hex()}"\ngas_reserve = 2\ndata = "."\n')
    code, out, _ = _cli("claim", "--config", path)
    claimed, sent = map(json.loads, out.splitlines())
    assert (code, claimed["cumulative"], sent["amount"], sent["token"]) == (0, "9", "7", "0x" + "00" * 20)
    assert stage.escrow.balance(ETHER, cold) == 7


def test_the_ledger_of_a_folder_in_use(stage: Stage) -> None:
    with store.opened(stage.data) as kept:
        partial = stage.data / "jobs" / ".partial"
        partial.touch()
        assert _cli("ledger", "--data", stage.data, "--json")[0] == 0
        assert partial.exists(), "the worker is writing it"
        assert list(kept.jobs()) == []


def test_a_claim_without_a_chain(stage: Stage) -> None:
    order = stage.order()
    job = stage.fund(order)
    _, out, _ = _cli("keys", "--data", stage.data)
    payout = Address(bytes.fromhex(json.loads(out)["payout"][2:]))
    with store.opened(stage.data) as kept:
        kept.keep_job(store.JobRecord(job, DOMAIN, order, stage.voucher(job, payout, 9)))
    code, _, err = _cli("claim", "--data", stage.data)
    assert code == 2
    assert "--rpc URL" in err
    assert isinstance(stage.escrow, FakeEscrow)


def test_doctor_says_by_its_exit_code_whether_all_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    said = ("doctor", "--coordinator", "http://c", "--rpc", "http://rpc", "--price", 5)
    monkeypatch.setattr(doctor, "CHECKS", {"well": lambda _: fine("well", "it is")})
    code, out, _ = _cli(*said)
    assert (code, "OK well           it is" in out) == (0, True)
    code, out, _ = _cli(*said, "--json")
    assert (code, [each["ok"] for each in json.loads(out)]) == (0, [True, True])
    code, out, _ = _cli("doctor", "--json")
    assert (code, [each["ok"] for each in json.loads(out)]) == (1, [False, True])


def test_the_status_of_a_folder_where_nothing_ever_ran(tmp_path: Path) -> None:
    code, out, _ = _cli("status", "--data", tmp_path, "--once")
    assert (code, "no worker has run" in out) == (0, True)
    code, out, _ = _cli("status", "--data", tmp_path, "--json")
    assert (code, json.loads(out)["life"]) == (0, "NEVER")


def test_metrics_where_something_else_is(stage: Stage) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(NoMetrics, match="choose another address"):
            _started(stage, {}, metrics=f"127.0.0.1:{other.getsockname()[1]}")
    assert not stage.renderer.running
