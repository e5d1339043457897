"""The rule that is compared with, as the arbiter of the best known predecessor had it.

Three random crops of a tenth by a tenth of the tile, 8 px at least, are held against a re-render that has
the same samples and a seed of its own; structural similarity (Wang et al. 2004) above 0.94 in all of them
accepts. It looks at a picture as a screen shows it: eight bits of sRGB, no alpha, no other pass.
"""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from verification.paints import srgb
from verification.picture import COLOURS, Picture

CROPS = 3
SHARE, LEAST = 0.1, 8
ENOUGH = 0.94


def accepts(got: Picture, rendered_again: Picture, random: Generator) -> bool:
    """Both are of one tile."""
    one, other = _shown(got), _shown(rendered_again)
    return all(_similarity(one, other, random) > ENOUGH for _ in range(CROPS))


def _similarity(one: NDArray[np.uint8], other: NDArray[np.uint8], random: Generator) -> float:
    high, wide = (max(LEAST, round(SHARE * length)) for length in one.shape[:2])
    y, x = int(random.integers(one.shape[0] - high + 1)), int(random.integers(one.shape[1] - wide + 1))
    crop = slice(y, y + high), slice(x, x + wide)
    return float(structural_similarity(one[crop], other[crop], channel_axis=2, data_range=255))


def _shown(tile: Picture) -> NDArray[np.uint8]:
    """uint8[height, width, 3] of the first view layer."""
    layers = len(tile.channels(COLOURS[0]))
    colours = tile.values[tile.channels(*COLOURS)[::layers]]
    return np.round(srgb(colours) * 255).astype(np.uint8).transpose(1, 2, 0)
