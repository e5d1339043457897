"""Judges a trial by its images. Apart from `evidence`, which needs Ethereum and takes long to import."""

from collections.abc import Iterator

from tegula_market import evidence, tiling
from tegula_market.adapters import verify
from tegula_market.adapters.bundles import Find
from tegula_market.adapters.statistic import pair_of
from tegula_market.adapters.verify import Judgement, Rendered
from tegula_market.evidence import Trial
from tegula_market.model import Digest, InvalidValue, Rect


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
        return verify.screen(tile, rects, images, pair, trial.strayed)
    (twin,) = _around(trial, trial.twins, rects, overscan, find)
    return verify.confirm(tile, rects[0], images[0], twin, pair)


def _around(
    trial: Trial, images: tuple[Digest, ...], rects: tuple[Rect, ...], overscan: int, find: Find
) -> Iterator[Rendered]:
    within = tiling.frames(trial.order)[0].rect  # every frame's is the same
    for image, rect in zip(images, rects, strict=True):
        yield Rendered(find(image), rect.grown(overscan, within))
