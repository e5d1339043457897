"""Bundles of evidence as files: written by a coordinator, and replayed by whoever doubts a verdict.

A bundle is a ZIP of `evidence.json`, of the scene's `manifest.json`, and of one image for each digest that
the former names, `<digest>.exr`. It comes from a stranger: nothing of it is believed, or becomes a path.
"""

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tegula_market import codec, evidence, probes, tiling, vouchers
from tegula_market.adapters import signing, verify
from tegula_market.adapters.statistic import pair_of
from tegula_market.adapters.verify import Judgement, Rendered
from tegula_market.codec import MalformedInput
from tegula_market.digests import digest_of
from tegula_market.evidence import Evidence, Trial
from tegula_market.model import Digest, InvalidValue, Rect, TegulaError, lease_parts
from tegula_market.vouchers import Domain

STATEMENT, MANIFEST = "evidence.json", "manifest.json"
MAX_STATEMENT_BYTES = 1 << 20
"""As a message, which has the order in it as well."""
MAX_ENTRY_BYTES = 4 << 30
PIECE = 1 << 20

Find = Callable[[Digest], Path]
"""Where the image of a digest lies."""


class UnreadableBundle(TegulaError):
    """A file that is no evidence; the message says why."""


@dataclass(frozen=True, slots=True)
class Replayed:
    judgement: Judgement
    """What the images say when they are compared anew."""
    objections: tuple[str, ...]
    """What does not hold of what the bundle says, a sentence each."""


def judge(trial: Trial, find: Find) -> Judgement:
    """Compares the images of a trial. Blocks: reads all of them.

    Raises:
        InvalidValue: the trial's order, or its number of images, makes no sense.
    """
    rects, overscan = evidence.where(trial)
    wanted = len(rects), len(rects) if trial.whole else 0
    if (len(trial.images), len(trial.twins)) != wanted:
        raise InvalidValue(f"{len(trial.images)} images and {len(trial.twins)} twins of {len(rects)} probes")
    pair = pair_of(trial.result.device, trial.verifier)
    tile = Rendered(find(trial.result.image), tiling.tile(trial.order, trial.unit).rendered)
    images = list(_around(trial, trial.images, rects, overscan, find))
    if not trial.whole:
        return verify.screen(tile, rects, images, pair)
    (twin,) = _around(trial, trial.twins, rects, overscan, find)
    return verify.confirm(tile, rects[0], images[0], twin, pair)


def write(path: Path, stated: Evidence, find: Find) -> None:
    """
    Raises:
        OSError: an image is not there, or the bundle cannot be written.
    """
    with zipfile.ZipFile(path, "w") as bundle:  # images are compressed already
        bundle.writestr(STATEMENT, codec.dumps(stated))
        for name, entry in _entries(stated).items():
            bundle.write(find(name), entry)


def read(path: Path, folder: Path) -> tuple[Evidence, Find]:
    """Unpacks a bundle's images and manifest into a folder, each checked against its digest.

    Raises:
        UnreadableBundle: no bundle, not all of its images are there or are what their names say, or it
            holds anything else.
    """
    try:
        with zipfile.ZipFile(path) as bundle:
            stated = codec.loads(Evidence, _statement(bundle))
            entries = _entries(stated)
            if sorted(bundle.namelist()) != sorted([STATEMENT, *entries.values()]):
                raise UnreadableBundle(f"{path.name} does not hold exactly the files that it speaks of")
            for name, entry in entries.items():
                _unpack(bundle, entry, name, folder / entry)
    except (zipfile.BadZipFile, OSError, MalformedInput, InvalidValue, NotImplementedError) as error:
        raise UnreadableBundle(f"{path.name} cannot be read as evidence: {error}") from error
    return stated, lambda name: folder / entries[name]


def replay(stated: Evidence, find: Find) -> Replayed:
    """Comes to the verdict again, and says what of the evidence does not hold.

    Raises:
        InvalidValue: its order makes no sense.
    """
    judgement = judge(stated.trial, find)
    return Replayed(judgement, (*_unfounded(stated), *_unlike(stated, judgement)))


def _unfounded(stated: Evidence) -> Iterator[str]:
    trial = stated.trial
    job, unit, attempt = lease_parts(trial.result.lease)
    payload = vouchers.result_payload(
        Domain(stated.chain_id, stated.escrow), job, unit, attempt, trial.result.image
    )
    if signing.recover(payload, trial.result.signature) != stated.worker:
        yield "the worker has not signed this image for this lease"
    if probes.commitment(trial.salt) != stated.commitment:
        yield "the salt does not open the lease's commitment"
    if (stated.rects, stated.overscan) != evidence.where(trial):
        yield "the probes are not where salt and image place them"
    if (stated.verdict.lease, stated.verdict.salt) != (trial.result.lease, trial.salt):
        yield "the verdict is on another lease"


def _unlike(stated: Evidence, found: Judgement) -> Iterator[str]:
    said = stated.verdict
    for name in ("outcome", "statistic", "threshold", "probe_pixels"):
        if getattr(said, name) != getattr(found, name):
            yield f"the verdict's {name} was {getattr(said, name)}; it is {getattr(found, name)}"


def _around(
    trial: Trial, images: tuple[Digest, ...], rects: tuple[Rect, ...], overscan: int, find: Find
) -> Iterator[Rendered]:
    within = tiling.frames(trial.order)[0].rect  # every frame's is the same
    for image, rect in zip(images, rects, strict=True):
        yield Rendered(find(image), rect.grown(overscan, within))


def _statement(bundle: zipfile.ZipFile) -> bytes:
    try:
        with bundle.open(STATEMENT) as file:
            data = file.read(MAX_STATEMENT_BYTES + 1)
    except KeyError as error:
        raise UnreadableBundle(f"there is no {STATEMENT} in it; is this a bundle of evidence?") from error
    if len(data) > MAX_STATEMENT_BYTES:
        raise UnreadableBundle(f"its {STATEMENT} is over {MAX_STATEMENT_BYTES} bytes")
    return data


def _unpack(bundle: zipfile.ZipFile, entry: str, name: Digest, path: Path) -> None:
    size = 0
    with bundle.open(entry) as source, path.open("wb") as target:
        while piece := source.read(PIECE):
            size += len(piece)
            if size > MAX_ENTRY_BYTES:
                raise UnreadableBundle(f"{entry} has over {MAX_ENTRY_BYTES} bytes")
            target.write(piece)
    with path.open("rb") as file:
        if digest_of(iter(lambda: file.read(PIECE), b"")) != name:
            raise UnreadableBundle(f"{entry} is not what it is said to be")


def _entries(stated: Evidence) -> dict[Digest, str]:
    """Each once: where tile and probe are equal to the last bit of the file they are one image."""
    trial = stated.trial
    images = (trial.result.image, *trial.images, *trial.twins)
    return {trial.order.scene.manifest: MANIFEST} | {name: f"{name.hex()}.exr" for name in images}
