"""The operator's commands, against a coordinator that listens on loopback."""

import asyncio
import json
import re
import time
from pathlib import Path

from typer.testing import CliRunner, Result

from coordinator.house import OPERATOR, House, accept, an_honest_order, deliver, house
from coordinator.playbook import ANN, BOB, joined
from coordinator.served import served
from listening import free_port
from tegula_coordinator import founding
from tegula_coordinator.cli import app
from tegula_market import codec
from tegula_market.model import WorkerId


def configured(folder: Path, url: str, token: str = OPERATOR) -> Path:
    """The file of a coordinator that serves there."""
    (folder / "operator.token").write_text(token)
    path = folder / "coordinator.toml"
    chosen = {"rpc": "http://chain", "http": url.removeprefix("http://"), "data": "data", **founding.KEYS}
    path.write_text(founding.text(chosen))
    return path


def command(config: Path, *words: str) -> Result:
    name, *rest = words
    return CliRunner().invoke(app, [name, "--config", str(config), *rest])


async def commanded(it: House, folder: Path, *words: str) -> Result:
    """What the command says, run while the house answers."""
    async with served(it.app) as url:
        return await asyncio.to_thread(command, configured(folder, url), *words)


def test_the_status_of_a_job_under_way(tmp_path: Path) -> None:
    async def run() -> tuple[str, Result, Result]:
        async with house(tmp_path) as it, asyncio.timeout(60):
            job = await it.open(an_honest_order())
            await deliver(it, job, 0)
            shown = await commanded(it, tmp_path, "status", "--once")
            return codec.encode(job), shown, await commanded(it, tmp_path, "status", "--json")

    job, shown, as_json = asyncio.run(run())
    assert shown.exit_code == 0, shown.output
    assert "ready: database, blobs and chain answer" in shown.stdout
    assert "ether for gas: 0.500000" in shown.stdout
    told = json.loads(as_json.stdout)
    assert [(each["job"], each["tiles"], each["delivered"]) for each in told["jobs"]] == [(job, 4, 1)]
    assert {each["verifier"] for each in told["workers"]} == {True, False}
    assert told["free_bytes"] > 0


def test_a_token_that_is_not_the_operators(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as it, served(it.app) as url:
            config = configured(tmp_path, url, "somebody-elses-token")
            said = await asyncio.to_thread(command, config, "status", "--once")
            assert said.exit_code == 2
            assert "that is not the operator's token" in said.stderr

    asyncio.run(run())


def test_nobody_there(tmp_path: Path) -> None:
    said = command(configured(tmp_path, f"127.0.0.1:{free_port()}"), "status", "--once")
    assert said.exit_code == 2
    assert "no coordinator answers at http://127.0.0.1:" in said.stderr
    assert OPERATOR not in said.output


def test_a_worker_is_banned_and_let_in_again(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as it, asyncio.timeout(60):
            await it.keeper.record(joined(ANN))
            await it.keeper.record(joined(BOB))
            nobody = await commanded(it, tmp_path, "bans")
            assert "nobody is banned" in nobody.stdout
            done = await commanded(
                it, tmp_path, "ban", ANN.hex()[:10], "--reason", "renders [red]noise[/red]"
            )
            assert done.exit_code == 0, done.output
            assert list(it.keeper.book.banned) == [ANN]
            assert not it.keeper.book.workers[ANN].online
            listed = await commanded(it, tmp_path, "bans")
            assert "renders [red]noise[/red]" in listed.stdout.replace("\n", "")
            told = json.loads((await commanded(it, tmp_path, "bans", "--json")).stdout)
            assert [(each["worker"], each["device"]) for each in told["bans"]] == [(codec.encode(ANN), "CPU")]
            lifted = await commanded(it, tmp_path, "unban", codec.encode(ANN))
            assert lifted.exit_code == 0, lifted.output
            assert it.keeper.book.banned == {}
            stranger = WorkerId(b"\x77" * 32)
            ahead = await commanded(it, tmp_path, "ban", stranger.hex(), "--reason", "known elsewhere")
            assert ahead.exit_code == 0, ahead.output
            assert list(it.keeper.book.banned) == [stranger]

    asyncio.run(run())


def test_what_is_wrong_with_a_ban_is_a_sentence(tmp_path: Path) -> None:
    wrong = [
        (["ban", ANN.hex()[:4], "--reason", "x"], "want 8 digits or more"),
        (["ban", "ffffffffff", "--reason", "x"], "fits 0 workers"),
        (["ban", "0x" + "z" * 64, "--reason", "x"], r"worker: String should match pattern"),
        (["ban", ANN.hex(), "--reason", "two\nlines"], "one line"),
        (["ban", ANN.hex(), "--reason", ""], "reason: String should have at least 1 character"),
        (["unban", ANN.hex()], "not banned"),
    ]

    async def run() -> None:
        async with house(tmp_path) as it, asyncio.timeout(60):
            await it.keeper.record(joined(ANN))
            before = it.keeper.seq
            for words, says in wrong:
                said = await commanded(it, tmp_path, *words)
                assert said.exit_code == 2, words
                assert re.search(says, said.stderr), said.stderr
            assert it.keeper.seq == before

    asyncio.run(run())


def test_what_the_market_pays(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as it, asyncio.timeout(60):
            before = await commanded(it, tmp_path, "price")
            assert "there is no price" in before.stdout
            job = await it.open(an_honest_order())
            await deliver(it, job, 0)
            await accept(it, job, 0)
            shown = await commanded(it, tmp_path, "price")
            assert "CPU" in shown.stdout
            (price,) = json.loads((await commanded(it, tmp_path, "price", "--json")).stdout)["prices"]
            cleared = str(it.keeper.book.jobs[job].price)
            assert (price["price"], price["low"], price["high"]) == (cleared,) * 3
            assert price["megasamples"] > 0
            assert price["hour"] <= time.time()

    asyncio.run(run())
