"""What a person can get wrong: a sentence that says what to do, exit code 2, nothing left, nothing paid."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

import pictures
import scenes
from end_to_end.processes import Ended, tegula
from tegula import local
from tegula.market import Market
from tegula_market import codec
from tegula_market.adapters import signing
from tegula_market.adapters.chain import Escrow
from tegula_market.adapters.devchain import DevChain
from tegula_market.adapters.signing import Key
from tegula_market.model import Address, Wei

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def market() -> Iterator[Market]:
    with local.market(1) as made:
        yield made


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    pictures.build(folder, "texture_gone", "linking")
    (folder / "lib" / "deep" / "far.blend").unlink()
    for name in ("spheres", "no_camera", "workbench"):
        scenes.build(name, folder)
    whole = (folder / "spheres.blend").read_bytes()
    (folder / "truncated.blend").write_bytes(whole[: len(whole) * 3 // 4])
    (folder / "picture.blend").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(1000))
    (folder / "hollow.blend").write_bytes(b"BLENDER-v405" + bytes(1000))
    return folder


def complaint(ended: Ended) -> str:
    assert ended.code == 2, ended
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    said = [line for line in ended.stderr.splitlines() if line.startswith("tegula: ")]
    assert ended.stderr.splitlines() == said, "nothing but sentences"
    return "\n".join(line.removeprefix("tegula: ") for line in said)


@pytest.mark.parametrize(
    ("name", "named", "what_to_do"),
    [
        ("missing", "missing.blend cannot be read (No such file or directory)", "name a .blend file"),
        ("picture", "picture.blend is not a .blend file", "save the scene from Blender and name that file"),
        ("truncated", "truncated.blend cannot be opened", "save it again from Blender"),
        ("hollow", "hollow.blend cannot be opened", "save it again from Blender"),
        ("no_camera", "The scene has no camera", "add one"),
        ("workbench", "renders with BLENDER_WORKBENCH", "set its render engine to Cycles"),
        ("texture_gone", "gone.png, which is not there", "put it there, pack it, or choose another"),
        ("linking", "far.blend is not there", "put it there, or relocate it in Blender"),
    ],
)
def test_a_scene_that_cannot_be_rendered(
    built: Path, tmp_path: Path, name: str, named: str, what_to_do: str
) -> None:
    out = tmp_path / "out"
    said = complaint(tegula(tmp_path, "local", str(built / f"{name}.blend"), "--out", str(out), "--quiet"))
    assert named in said
    assert what_to_do in said
    assert len(said.splitlines()) == 1
    assert not out.exists() or list(out.iterdir()) == []


def render(market: Market, scene: Path, folder: Path, **changes: str) -> str:
    """The complaint; nothing was paid and nothing lies in the output folder."""
    before = purse(market, market.key.address)
    (folder / "token").write_text(market.token)
    signing.save_key(folder / "key", market.key)
    options = {
        "coordinator": market.url,
        "token-file": str(folder / "token"),
        "rpc": market.rpc,
        "key-file": str(folder / "key"),
        "token-address": codec.encode(market.currency),
        "ceiling": "100",
        "samples": "2",
        "scale": "5",
        "out": str(folder / "out"),
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }
    listed = [part for name, value in options.items() for part in (f"--{name}", value)]
    said = complaint(tegula(folder, "render", str(scene), *listed, "--quiet"))
    assert purse(market, market.key.address) == before
    assert not (folder / "out").exists() or list((folder / "out").iterdir()) == []
    return said


def purse(market: Market, owner: Address) -> int:
    assert market.escrow is not None
    return Escrow.connect(market.rpc, market.escrow).balance(market.currency, owner)


def test_a_ceiling_under_every_ask(market: Market, built: Path, tmp_path: Path) -> None:
    said = render(market, built / "spheres.blend", tmp_path, ceiling="39")
    assert "the ceiling of 39 a megasample" in said
    assert "is under every ask; the lowest is 40" in said
    assert "raise --ceiling" in said
    assert "what is not owed to workers is back in your wallet" in said


def test_no_funds(market: Market, built: Path, tmp_path: Path) -> None:
    poor = Key.generate()
    signing.save_key(tmp_path / "poor", poor)
    said = render(market, built / "spheres.blend", tmp_path, key_file=str(tmp_path / "poor"))
    assert f"the wallet 0x{poor.address.hex()} has 0 tUSD" in said
    assert "fund it, lower --ceiling, or render fewer samples" in said


def test_nothing_to_pay_for_gas_with(market: Market, built: Path, tmp_path: Path) -> None:
    """Rich in dollars, and without the ether that every transaction costs."""
    poor = dataclasses.replace(market, key=Key.generate())
    mint(market, poor.key.address)
    said = render(poor, built / "spheres.blend", tmp_path)
    assert "gas" in said or "ether" in said.lower()


def test_nobody_at_the_coordinators_address(market: Market, built: Path, tmp_path: Path) -> None:
    said = render(market, built / "spheres.blend", tmp_path, coordinator="http://127.0.0.1:9")
    assert said == "no coordinator answers at http://127.0.0.1:9; is it running, and is the address right?"


def test_something_else_at_the_coordinators_address(market: Market, built: Path, tmp_path: Path) -> None:
    said = render(market, built / "spheres.blend", tmp_path, coordinator=market.rpc)
    assert market.rpc in said or "coordinator" in said


def test_nobody_at_the_chains_address(market: Market, built: Path, tmp_path: Path) -> None:
    said = render(market, built / "spheres.blend", tmp_path, rpc="http://127.0.0.1:9")
    assert "the chain does not answer" in said


def test_a_wrong_token(market: Market, built: Path, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("not-one-that-was-ever-given-out")
    said = render(market, built / "spheres.blend", tmp_path, token_file=str(tmp_path / "wrong"))
    assert said.endswith("; ask the operator for one")


def test_frames_that_are_none(market: Market, built: Path, tmp_path: Path) -> None:
    said = render(market, built / "spheres.blend", tmp_path, frames="3-1")
    assert "'3-1' has to run from a first to a last frame" in said


def mint(market: Market, owner: Address) -> None:
    assert market.escrow is not None
    chain_id = Escrow.connect(market.rpc, market.escrow).domain.chain_id
    DevChain(market.rpc, chain_id, market.escrow, market.currency, "", 0).mint(owner, Wei(10**9))
