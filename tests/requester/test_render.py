"""`tegula render` against a market that was there before and goes on after it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from tegula import local
from tegula.cli import app
from tegula.market import Market
from tegula_market import codec
from tegula_market.adapters import signing
from tegula_market.adapters.chain import Escrow
from tegula_market.adapters.signing import Key

pytestmark = pytest.mark.slow

MAKE_SCENE = """
import sys, bpy
bpy.ops.wm.read_factory_settings()
scene = bpy.context.scene
scene.render.engine = "CYCLES"
scene.render.resolution_x, scene.render.resolution_y = 96, 64
scene.cycles.samples = 4
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[1])
"""


@pytest.fixture(scope="module")
def market() -> Iterator[Market]:
    with local.market(workers=2) as running:
        yield running


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    blend = tmp_path_factory.mktemp("scene") / "cube.blend"
    subprocess.run([sys.executable, "-c", MAKE_SCENE, str(blend)], check=True, capture_output=True)
    return blend


def render(market: Market, scene: Path, folder: Path, key: Key, *more: str) -> Result:
    (folder / "token").write_text(market.token)
    signing.save_key(folder / "key", key)
    return CliRunner().invoke(
        app,
        [
            "render", str(scene), "--coordinator", market.url, "--token-file", str(folder / "token"),
            "--rpc", market.rpc, "--key-file", str(folder / "key"), "--ceiling", "100",
            "--out", str(folder / "out"), "--samples", "2", "--scale", "50", *more,
        ],
    )  # fmt: skip


def wallet(market: Market, key: Key) -> int:
    assert market.escrow is not None
    escrow = Escrow.connect(market.rpc, market.escrow)
    return escrow.balance(market.currency, key.address)


def test_an_animation_is_rendered_and_the_rest_comes_back(
    market: Market, scene: Path, tmp_path: Path
) -> None:
    before = wallet(market, market.key)
    dollar = codec.encode(market.currency)
    done = render(market, scene, tmp_path, market.key, "--token-address", dollar, "--frames", "1-3")
    assert done.exit_code == 0, done.output
    told = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [(f["number"], f["width"], f["height"]) for f in told["frames"]] == [
        (1, 48, 32), (2, 48, 32), (3, 48, 32),
    ]  # fmt: skip
    assert {"frame_0001.png", "frame_0003.exr"} < {path.name for path in (tmp_path / "out").iterdir()}
    paid = sum(int(payment["amount"]) for payment in told["payments"])
    assert wallet(market, market.key) == before - paid
    assert "refunded" in done.stdout


def test_workers_that_want_another_token_are_quoted(market: Market, scene: Path, tmp_path: Path) -> None:
    done = render(market, scene, tmp_path, market.key, "--token-address", "eth")
    assert done.exit_code == 2, done.output
    assert "works for another token" in done.stderr
    assert "back in your wallet" in done.stderr
    assert list((tmp_path / "out").iterdir()) == []


def test_an_empty_wallet(market: Market, scene: Path, tmp_path: Path) -> None:
    poor = Key.generate()
    done = render(market, scene, tmp_path, poor, "--token-address", codec.encode(market.currency))
    assert done.exit_code == 2, done.output
    assert f"the wallet 0x{poor.address.hex()} has 0 tUSD" in done.stderr
    assert list((tmp_path / "out").iterdir()) == []


def test_a_scale_that_leaves_no_pixel_is_refused_before_anything_is_paid(
    market: Market, scene: Path, tmp_path: Path
) -> None:
    before = wallet(market, market.key)
    dollar = codec.encode(market.currency)
    done = render(market, scene, tmp_path, market.key, "--token-address", dollar, "--scale", "1")
    assert done.exit_code == 2, done.output
    assert wallet(market, market.key) == before
