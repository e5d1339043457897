"""A requester that nobody knows: no token, an account with money, and the programs as people run them."""

import json
from pathlib import Path
from typing import Any

import pytest

import scenes
from end_to_end.processes import tegula
from end_to_end.stage import Stage, stage
from tegula import programs
from tegula_market import codec
from tegula_market.adapters import signing
from tegula_market.adapters.chain import Escrow

pytestmark = pytest.mark.slow

SIGN_IN_SECONDS = 6
"""Shorter than the job takes, and longer than would be too often."""
PACKED_SECONDS = 60.0
"""In which a coordinator that lives packs a small job that is closed."""


def offers(it: Stage) -> None:
    with it.config.open("a") as file:
        file.write(f"sign_in = true\npublic_http = {json.dumps(it.market.url)}\n")
        file.write(f"sign_in_seconds = {SIGN_IN_SECONDS}\n")


def audited(it: Stage) -> list[dict[str, Any]]:
    """Who did what, line by line."""
    command = [programs.find("tegula-coordinator"), "audit", "--last", "1000", "--config", str(it.config)]
    return [json.loads(line) for line in programs.output_of(command).splitlines()]


def late(line: dict[str, Any]) -> bool:
    """Whether a request was so long on its way that its token had ended, and was sent again."""
    return line["act"] == "refused" and line["detail"].endswith("has expired; sign in again")


def test_a_stranger_has_a_scene_rendered_and_pays_and_the_closed_job_is_packed(tmp_path: Path) -> None:
    blend = scenes.build("spheres", tmp_path)
    with stage() as it:
        offers(it)
        coordinator = it.coordinator()
        it.verifier()
        it.worker("ann", 40)
        payer = it.chain.key(1)
        signing.save_key(tmp_path / "payer.key", payer)
        escrow = Escrow.connect(it.chain.rpc, it.chain.escrow)
        before = escrow.balance(it.chain.dollar, payer.address)
        options = {
            "coordinator": it.market.url,
            "rpc": it.chain.rpc,
            "key-file": tmp_path / "payer.key",
            "token-address": codec.encode(it.chain.dollar),
            "ceiling": 100,
            "samples": 4,
            "scale": 25,
            "tile": 64,
            "out": tmp_path / "out",
        }
        given = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        ended = tegula(tmp_path, "render", str(blend), *given)
        assert ended.code == 0, ended.stderr
        report = json.loads((tmp_path / "out" / "report.json").read_text())
        paid = sum(int(payment["amount"]) for payment in report["payments"])
        assert paid > 0
        assert escrow.balance(it.chain.dollar, payer.address) == before - paid
        coordinator.wait_for(lambda line: "job packed" in line, PACKED_SECONDS)
        lines = audited(it)
        assert {line["who"] for line in lines} == {codec.encode(payer.address)}
        acts = [line["act"] for line in lines if not late(line)]
        assert set(acts) == {"sign-in", "upload", "order", "close"}
        assert acts.count("sign-in") >= 2, "of a token that ended on the way"
