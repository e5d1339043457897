"""A trial and its evidence without a renderer: the images are numbers."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from orders import an_order
from tegula_market import codec, evidence, probes, tiling, vouchers
from tegula_market.adapters import chain, exr, signing
from tegula_market.adapters.trials import judge
from tegula_market.digests import digest
from tegula_market.evidence import Evidence, Trial
from tegula_market.model import (
    Address,
    Digest,
    Order,
    Rect,
    Result,
    SceneFile,
    SceneManifest,
    Verdict,
    lease_id,
)
from tegula_market.vouchers import Domain

DOMAIN = Domain(31_337, Address(b"\x05" * 20))
WORKER = signing.Key.generate()
SALT = bytes(range(32))
MANIFEST = codec.dumps(SceneManifest("s.blend", (SceneFile("s.blend", digest(b"blend"), 5),)))
ORDER = an_order(manifest=digest(MANIFEST), resolution=(64, 64), tile=40, overscan=3)
JOB = chain.job_id(ORDER.terms)
UNIT = 1
CPU = "CPU AMD EPYC"


class Court:
    """A folder of images, and trials over them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        random = np.random.default_rng(5)
        names = ("ViewLayer.Combined.R", "ViewLayer.Combined.A")
        self.frame = {name: random.gamma(1, 2, (64, 64)).astype(np.float32) for name in names}
        self.put(MANIFEST)

    def path(self, name: Digest) -> Path:
        return self.folder / name.hex()

    def put(self, data: bytes) -> Digest:
        self.path(digest(data)).write_bytes(data)
        return digest(data)

    def image(self, rect: Rect, times: float = 1.0) -> Digest:
        """A part of the frame, brighter or darker than it is."""
        crop = {
            name: plane[rect.y0 : rect.y1, rect.x0 : rect.x1] * np.float32(times)
            for name, plane in self.frame.items()
        }
        exr.write(self.folder / "made.exr", exr.Image(rect.width, rect.height, crop))
        return self.put((self.folder / "made.exr").read_bytes())

    def trial(self, *, times: float = 1.0, whole: bool = False, order: Order = ORDER) -> Trial:
        """Args: times: what the worker's tile is, against the truth."""
        image = self.image(tiling.tile(order, UNIT).rendered, times)
        payload = vouchers.result_payload(DOMAIN, JOB, UNIT, 1, image)
        result = Result(lease_id(JOB, UNIT, 1), image, 1.0, 0.0, CPU, signing.sign(payload, WORKER))
        trial = Trial(order, result, SALT, whole, CPU, (), (), ())
        twins = self.probes(trial, 1.0000001) if whole else ()
        return replace(trial, images=self.probes(trial), twins=twins)

    def probes(self, trial: Trial, times: float = 1.0) -> tuple[Digest, ...]:
        """A verifier's images."""
        rects, overscan = evidence.where(trial)
        return tuple(self.image(rect.grown(overscan, Rect(0, 0, 64, 64)), times) for rect in rects)

    def evidence(self, trial: Trial) -> Evidence:
        found = judge(trial, self.path)
        verdict = Verdict(
            trial.result.lease, found.outcome, found.statistic, found.threshold, found.probe_pixels, 0.5,
            found.reason, trial.salt,
        )  # fmt: skip
        rects, overscan = evidence.where(trial)
        return Evidence(
            DOMAIN.chain_id, DOMAIN.escrow, WORKER.address, probes.commitment(SALT), trial, rects, overscan,
            verdict,
        )  # fmt: skip
