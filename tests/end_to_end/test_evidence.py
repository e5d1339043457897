"""A verdict on real renders: replayed from its bundle, and rendered again by `tegula-worker probe`."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

import scenes
from end_to_end.jobs import Job, run, sampled
from end_to_end.stage import said, stage
from orders import an_order
from tegula.cli import app
from tegula_market import codec, evidence, probes, tiling, vouchers
from tegula_market.adapters import bundles, chain, signing
from tegula_market.adapters.trials import judge
from tegula_market.digests import digest
from tegula_market.evidence import Evidence, Trial
from tegula_market.model import Address, Digest, Result, Scene, SceneFile, SceneManifest, Verdict, lease_id
from tegula_market.model import Outcome as Decision
from tegula_market.vouchers import Domain
from tegula_worker import again
from tegula_worker.program import OTHER_KERNEL
from tegula_worker.renderer import Renderer
from tegula_worker.scenes import LaidOut

pytestmark = pytest.mark.slow

RUNNER = CliRunner()
DOMAIN = Domain(31_337, Address(b"\x05" * 20))
WORKER = signing.Key.generate()
SALT = bytes(range(32))
UNIT = 1


@dataclass
class Case:
    """A scene, and a folder for blobs named by their digests."""

    blend: Path
    blobs: Path

    def __post_init__(self) -> None:
        data = self.blend.read_bytes()
        listed = SceneManifest(self.blend.name, (SceneFile(self.blend.name, digest(data), len(data)),))
        self.manifest = self.put(codec.dumps(listed))

    def path(self, name: Digest) -> Path:
        return self.blobs / f"{name.hex()}.exr"

    def put(self, data: bytes) -> Digest:
        self.path(digest(data)).write_bytes(data)
        return digest(data)

    def bundle(self, *, whole: bool, cheat: Callable[[Scene], Scene] = lambda scene: scene) -> Path:
        """Of a tile that was rendered with the scene that `cheat` makes of the order's."""
        order = an_order(manifest=self.manifest, tile=48, overscan=2)
        order = replace(order, scene=replace(scenes.SMALL, manifest=self.manifest))
        job, tile = chain.job_id(order.terms), tiling.tile(order, UNIT)
        out = self.blobs / "tile.exr"

        async def render() -> str:
            async with Renderer() as renderer:
                scene = cheat(order.scene)
                await renderer.render(self.blend.parent, self.blend.name, scene, 1, tile.rendered, out)
                return renderer.device_name

        device = asyncio.run(render())
        image = self.put(out.read_bytes())
        signature = signing.sign(vouchers.result_payload(DOMAIN, job, UNIT, 1, image), WORKER)
        result = Result(lease_id(job, UNIT, 1), image, 1.0, 0.0, device, signature)
        laid, twin = LaidOut(self.blend.parent, self.blend.name), Renderer(environment=OTHER_KERNEL)
        asked = Trial(order, result, SALT, whole, "", (), (), ())
        trial = asyncio.run(again.render(asked, laid, self.blobs, Renderer(), twin))
        return self._written(trial)

    def _written(self, trial: Trial) -> Path:
        found = judge(trial, self.path)
        verdict = Verdict(
            trial.result.lease, found.outcome, found.statistic, found.threshold, found.probe_pixels, 0.5,
            found.reason, SALT,
        )  # fmt: skip
        stated = Evidence(
            DOMAIN.chain_id, DOMAIN.escrow, WORKER.address, probes.commitment(SALT), trial,
            *evidence.where(trial), verdict,
        )  # fmt: skip
        bundles.write(self.blobs / "bundle.zip", stated, self.path)
        return self.blobs / "bundle.zip"


@pytest.fixture
def case(tmp_path: Path) -> Case:
    for name in ("scene", "blobs"):
        (tmp_path / name).mkdir()
    return Case(scenes.build("spheres", tmp_path / "scene"), tmp_path / "blobs")


def verified(*arguments: object) -> tuple[int, dict[str, str]]:
    result = RUNNER.invoke(app, ["verify", *map(str, arguments)])
    print(result.output)
    assert result.exit_code in (0, 1), result.output
    told = (line.split("  ", maxsplit=1) for line in result.stdout.splitlines())
    return result.exit_code, {name: said.strip() for name, said in told}


def test_an_honest_tile_is_accepted_here_as_well(case: Case) -> None:
    bundle = case.bundle(whole=False)
    code, told = verified(bundle)
    assert code == 0
    assert told["verdict"].startswith("ACCEPTED: all of")
    code, told = verified(bundle, "--scene", case.blend)
    assert code == 0
    assert told["rendered here"].startswith("ACCEPTED on CPU ")
    assert "equal in every bit" in told["rendered here"]


def test_a_cheat_is_rejected_here_as_well(case: Case) -> None:
    bundle = case.bundle(whole=True, cheat=lambda scene: replace(scene, spp=scene.spp - 1))
    code, told = verified(bundle, "--scene", case.blend.parent)
    assert code == 0
    assert told["verdict"].startswith("REJECTED")
    assert told["rendered here"].startswith("REJECTED on CPU ")


def test_another_scene_is_not_taken_for_it(case: Case) -> None:
    bundle = case.bundle(whole=False)
    case.blend.write_bytes(case.blend.read_bytes() + b"\0")
    result = RUNNER.invoke(app, ["verify", str(bundle), "--scene", str(case.blend)])
    assert result.exit_code == 2
    assert "is not the file that was rendered" in result.stderr


def test_whom_a_verdict_concerns_gets_what_it_stands_on(tmp_path: Path) -> None:
    """The rejected worker by itself, the requester by asking; the scene comes from the coordinator."""
    with stage() as it:
        it.coordinator()
        it.verifier()
        rejected, crook = it.worker("crook", 30, "seed")
        it.worker("ann", 40)
        blend = sampled(scenes.build("spheres", tmp_path), tmp_path / "fixed", "fixed")
        played = run(Job(blend, tmp_path / "out", samples=8, tile=40, scale=8), it.market)

        kept = said(rejected, "evidence kept", 90)
        assert verified(kept.split("tegula verify ")[1].split('"')[0].strip())[0] == 0
        lease = next(v.lease for v in played.verdicts if v.outcome is Decision.REJECTED and v.probe_pixels)
        (tmp_path / "token").write_text(it.market.token)
        at = ("--coordinator", it.market.url, "--token-file", str(tmp_path / "token"))
        bundle = tmp_path / "bundle.zip"
        fetched = RUNNER.invoke(app, ["evidence", lease, *at, "--out", str(bundle)])
        assert fetched.exit_code == 0, fetched.output
        code, told = verified(bundle, *at)
        assert code == 0
        assert codec.encode(crook) in told["delivered"]
        assert told["rendered here"].startswith("REJECTED on CPU ")
