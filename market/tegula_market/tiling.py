"""How an order becomes units of work of the Blender kind: frames, tiles, render borders, overscan.

Everything here is integer pixels with the origin at the top left, except `Border`, which is what
Blender stores: float32 fractions of the frame with the origin at the bottom left.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from tegula_market import cutting
from tegula_market.model import Adaptive, Frame, InvalidValue, Order, Rect, Scene, Tile

MIN_RESOLUTION = 4
"""Blender's resolution fields turn less into this, and would render another frame than ordered."""
MAX_EDGE = 65_536
"""Longest edge of a frame, which is also the most that Blender's resolution fields take."""
MAX_UNITS = 1_000_000
"""Most tiles in a job: a signed order must not make a coordinator run out of memory."""
MAX_SPP = 2**24
"""Most samples a pixel that Cycles takes: MAX_SAMPLES in scene/integrator.h."""
MAX_VIEW_LAYERS = 1_000
MAX_OVERSCAN = 16
"""Pixels; see `overscan_for`."""
ADAPTIVE_STEP = 16
"""Samples between two convergence checks: Cycles, scene/integrator.cpp, adaptive_step."""


@dataclass(frozen=True, slots=True)
class Border:
    """Blender's render border: fractions of the frame, origin bottom left, float32 values."""

    min_x: float
    max_x: float
    min_y: float
    max_y: float


def frame_size(resolution_x: int, resolution_y: int, percentage: int) -> tuple[int, int]:
    """Width and height in pixels of what Blender renders: it truncates, so 359 at 50 % is 179."""
    width, height = resolution_x * percentage // 100, resolution_y * percentage // 100
    given = min(resolution_x, resolution_y) >= MIN_RESOLUTION and max(resolution_x, resolution_y) <= MAX_EDGE
    if not (given and 0 < width <= MAX_EDGE and 0 < height <= MAX_EDGE):
        raise InvalidValue(
            f"a frame of {resolution_x} x {resolution_y} at {percentage} % is {width} x {height} pixels;"
            f" choose a resolution of {MIN_RESOLUTION} to {MAX_EDGE} and a percentage that leaves"
            f" 1 to {MAX_EDGE} pixels on each side"
        )
    return width, height


def frames(order: Order) -> tuple[Frame, ...]:
    """The frames of an order, in its order, each with the rect of it that is to be rendered.

    Raises:
        InvalidValue: no frame, a frame twice, an empty frame, a region that leaves the frame, or
            samples, view layers or an adaptive threshold that Cycles would not take.
    """
    scene, rect = order.scene, _rendered(order)
    width, height = frame_size(scene.resolution_x, scene.resolution_y, scene.percentage)
    return tuple(Frame(number, width, height, rect) for number in order.frames)


def count(order: Order) -> int:
    """How many tiles `split` makes, without making them.

    Raises:
        InvalidValue: as `frames`, or a tile edge, an overscan or a number of tiles out of bounds.
    """
    return _per_frame(order, _rendered(order)) * len(order.frames)


def split(order: Order) -> tuple[Tile, ...]:
    """The tiles of an order; each pixel of each frame's rect is in exactly one.

    Frame by frame, all alike. Without a cost map they are row-major from the top left of the frame's rect,
    so that a render region starts with a whole tile; with one the dearest come first: `cutting`.
    `Tile.index` counts over the job, and is the order in which tiles are leased.

    Raises:
        InvalidValue: as `count`.
    """
    count(order)
    placed = ((frame, rect) for frame in frames(order) for rect in _rects(order, frame.rect))
    return tuple(
        Tile(index, frame.number, rect, rect.grown(order.overscan, within=frame.rect))
        for index, (frame, rect) in enumerate(placed)
    )


def tile(order: Order, index: int) -> Tile:
    """One of the tiles that `split` makes, without the others.

    Raises:
        InvalidValue: as `count`, or the order has no such tile.
    """
    whole = _rendered(order)
    per_frame = _per_frame(order, whole)
    units = per_frame * len(order.frames)
    if not 0 <= index < units:
        raise InvalidValue(f"the order has {units} tiles, and no tile {index}")
    number, place = divmod(index, per_frame)
    if order.costs is None:
        rect = cutting.even(whole, order.tile, place)
    else:
        rect = cutting.by_cost(whole, order.tile, order.overscan, order.costs)[place]
    return Tile(index, order.frames[number], rect, rect.grown(order.overscan, within=whole))


def size(tile: Tile, scene: Scene) -> int:
    """Pixel-samples of a tile. Overscan is work that a worker does, so it counts."""
    return tile.rendered.area * scene.spp * scene.view_layers


def overscan_for(adaptive: Adaptive | None, spp: int) -> int:
    """Pixels to render around a tile so that its own pixels come out as in the whole frame.

    Without adaptive sampling a Cycles pixel depends on no other. With it, a pixel goes on being
    sampled while a neighbour is not converged: after each convergence check, Cycles' filter
    (kernel/film/adaptive_sampling.h, filter_x then filter_y) marks the 3x3 pixels around each
    unconverged one as unconverged. That carries influence one pixel per check at most, and checks
    come every 16 samples once min_samples are done (integrator/adaptive_sampling.cpp,
    need_filter). So as many pixels as there are checks before the last sample are always enough.

    The cap rests on experience, not on that argument: past 16 pixels, sixteen pixels in a row
    would each have to be tipped by the one before. The most seen to matter are 2 (bpy 4.5.15,
    spheres at 160 x 90, threshold 0.05, 128 spp; with 1, six pixels of the frame came out different).
    """
    if adaptive is None:
        return 0
    # A check follows 0-based sample s when s > min_samples and s % 16 == 15; one that follows the
    # last sample changes no pixel any more.
    skipped = (_min_samples(adaptive, spp) + 1) // ADAPTIVE_STEP
    return min(max(0, (spp - 1) // ADAPTIVE_STEP - skipped), MAX_OVERSCAN)


def border(rect: Rect, width: int, height: int) -> Border:
    """The render border that makes Blender render exactly `rect` of a frame of that size.

    Blender multiplies border and size in float32, then truncates in some places and rounds in
    others. A quarter pixel past the integer falls back onto it either way; 0 and 1 are exact.
    """
    if not Rect(0, 0, width, height).contains(rect):
        raise InvalidValue(f"{rect} leaves the frame of {width} x {height} pixels")
    return Border(
        _fraction(rect.x0, width),
        _fraction(rect.x1, width),
        _fraction(height - rect.y1, height),
        _fraction(height - rect.y0, height),
    )


def pixels(border: Border, width: int, height: int) -> Rect:
    """The pixels that Blender renders for a border: it truncates both ends.

    Raises:
        InvalidValue: not a pixel is left.
    """
    x0, x1 = _truncated(border.min_x, width), _truncated(border.max_x, width)
    bottom, top = _truncated(border.min_y, height), _truncated(border.max_y, height)
    if not (x0 < x1 and bottom < top):
        raise InvalidValue("the render region holds no pixel; draw a larger one or turn it off")
    return Rect(x0, height - top, x1, height - bottom)


def _rendered(order: Order) -> Rect:
    """What of each frame is rendered, without making a hundred thousand frames to find out."""
    if not order.frames or len(set(order.frames)) != len(order.frames):
        raise InvalidValue("an order names at least one frame, and each frame once")
    scene = order.scene
    _check_sampling(scene)
    width, height = frame_size(scene.resolution_x, scene.resolution_y, scene.percentage)
    whole = Rect(0, 0, width, height)
    rect = scene.region or whole
    if not whole.contains(rect):
        raise InvalidValue(f"the render region {rect} leaves the frame of {width} x {height} pixels")
    return rect


def _per_frame(order: Order, rect: Rect) -> int:
    """How many tiles each frame has, once everything that could be wrong with that has been looked at."""
    if order.tile < 1:
        raise InvalidValue(f"a tile's edge is at least one pixel, not {order.tile}")
    if not 0 <= order.overscan <= MAX_EDGE:
        raise InvalidValue(f"an overscan is 0 to {MAX_EDGE} pixels, not {order.overscan}")
    if order.costs is None:
        per_frame = cutting.evens(rect, order.tile)
    else:
        per_frame = len(cutting.by_cost(rect, order.tile, order.overscan, order.costs))
    units = per_frame * len(order.frames)
    if units > MAX_UNITS:
        raise InvalidValue(f"the order makes {units} tiles; choose larger tiles or fewer frames")
    return per_frame


def _check_sampling(scene: Scene) -> None:
    if not (1 <= scene.spp <= MAX_SPP and 1 <= scene.view_layers <= MAX_VIEW_LAYERS):
        raise InvalidValue(
            f"{scene.spp} samples on {scene.view_layers} view layers; choose 1 to {MAX_SPP} samples"
            f" and 1 to {MAX_VIEW_LAYERS} view layers"
        )
    adaptive = scene.adaptive
    if adaptive and not (0 <= adaptive.threshold <= 1 and 0 <= adaptive.min_samples <= MAX_SPP):
        raise InvalidValue(
            f"a noise threshold is 0 to 1 and minimum samples are 0 to {MAX_SPP},"
            f" not {adaptive.threshold} and {adaptive.min_samples}"
        )


def _min_samples(adaptive: Adaptive, spp: int) -> int:
    """What Cycles makes of a minimum of 0, "automatic": scene/integrator.cpp, get_adaptive_sampling."""
    if adaptive.min_samples > 0:
        return max(4, adaptive.min_samples)
    threshold = adaptive.threshold or max(0.001, 1 / spp)
    # One less than newer builds, which round up: a check too many costs pixels, one too few is wrong.
    return max(4, int(16 / threshold**0.3))


def _rects(order: Order, whole: Rect) -> Iterable[Rect]:
    if order.costs is None:
        return cutting.evenly(whole, order.tile)
    return cutting.by_cost(whole, order.tile, order.overscan, order.costs)


def _fraction(pixel: int, length: int) -> float:
    if pixel in (0, length):
        return float(pixel == length)
    return _float32((pixel + 0.25) / length)


def _truncated(fraction: float, length: int) -> int:
    return int(_float32(_float32(fraction) * length))


def _float32(value: float) -> float:
    # float32 x int below 2**29 is exact in a double, so this rounds once, as the hardware does.
    return float(struct.unpack("<f", struct.pack("<f", value))[0])
