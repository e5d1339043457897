"""A worker's own ledger says what the chain says, and what was claimed goes on to a cold address."""

from pathlib import Path

import pytest

import scenes
from end_to_end.jobs import Job, received, run, sampled
from end_to_end.stage import said, stage
from tegula_market import codec
from tegula_market.adapters import keystore
from tegula_market.adapters.chain import Escrow
from tegula_market.model import Address

pytestmark = pytest.mark.slow

COLD = Address(b"\x77" * 20)


def test_ledgers_of_an_honest_worker_and_a_cheat(tmp_path: Path) -> None:
    with stage() as it:
        home, word = it.home("ann"), tmp_path / "passphrase"
        word.write_text("pass word\n")
        word.chmod(0o600)
        keystore.create(home / "payout.json", it.key(), "pass word")
        it.coordinator()
        it.verifier()
        it.worker("crook", 30, "fewer")
        program, ann = it.worker("ann", 40, passphrase_file=str(word), receive=codec.encode(COLD))
        blend = sampled(scenes.build("spheres", tmp_path), tmp_path / "fixed", "fixed")
        played = run(Job(blend, tmp_path / "out", samples=8, tile=44, scale=8), it.market)
        said(program, "sent on")

        paid = received(played.outcome, it.market)[ann]
        (line,) = it.ledger("ann")["jobs"]
        parts = {name: int(line[name]) for name in ("earned", "claimed", "owed", "unsigned", "lost")}
        assert parts == {"earned": paid, "claimed": paid, "owed": 0, "unsigned": 0, "lost": 0}
        assert line["accepted"] == len(played.outcome.view.units)
        assert (line["rejected"], int(line["fees"]) > 0, line["state"]) == (0, True, "ended")
        escrow = Escrow.connect(it.market.rpc, played.outcome.escrow)
        assert (escrow.balance(it.market.currency, COLD), escrow.balance(it.market.currency, ann)) == (
            paid,
            0,
        )

        (line,) = it.ledger("crook")["jobs"]
        assert (line["earned"], line["rejected"] > 0, line["rejection"] != "") == ("0", True, True)
