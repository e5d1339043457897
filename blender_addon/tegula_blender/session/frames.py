"""Accepted tiles on their way to the render window: at once as they are, and in the end as whole frames."""

from pathlib import Path

import numpy as np

from tegula_market import tiling
from tegula_market.adapters.exr import Plane
from tegula_market.model import Frame, Order, Tile

from .delivery import Delivery, Patch
from .denoising import denoised
from .stitching import Canvas

SHOWN = "Combined"
"""The pass that a render window shows while it renders."""


class Frames:
    """
    Args:
        blend: the scene as it was packed; its denoising settings hold.
        layers: view layers that are denoised once a frame is whole.
        folder: gets frame_0001.exr, the stitched frame, and what comes of it.
        blender: the program that denoises; None is the bpy module of this Python.
    """

    def __init__(
        self,
        order: Order,
        blend: Path,
        layers: tuple[str, ...],
        folder: Path,
        delivery: Delivery,
        blender: Path | None,
    ) -> None:
        self._crop = order.scene.crop
        self._frames = {frame.number: frame for frame in tiling.frames(order)}
        self._open = {number: Canvas(frame, crop=self._crop) for number, frame in self._frames.items()}
        self._stitched: list[tuple[int, Path]] = []
        self._blend, self._layers, self._folder = blend, layers, folder
        self._delivery, self._blender = delivery, blender

    def paste(self, tile: Tile, image: Path) -> None:
        """Raises: MismatchedTile, UnreadableImage: not a piece of the frame."""
        canvas = self._open[tile.frame]
        canvas.paste(tile, image)
        self._delivery.give(tile.frame, _patch(self._frames[tile.frame], tile, canvas, crop=self._crop))
        if canvas.complete:
            del self._open[tile.frame]
            path = self._folder / f"frame_{tile.frame:04}.exr"
            canvas.save(path)
            self._stitched.append((tile.frame, path))

    def finish(self) -> None:
        """Denoises what is stitched, in one start of Blender, and hands it over.

        Raises:
            SceneRefused: Blender could not; the stitched frames stay.
        """
        stitched, self._stitched = self._stitched, []
        if not stitched:
            return
        numbers, paths = [number for number, _ in stitched], [path for _, path in stitched]
        if self._layers:
            scratch = self._folder / f"denoised_{numbers[0]:04}"
            scratch.mkdir(exist_ok=True)
            paths = denoised(self._blend, self._layers, paths, scratch, self._blender)
        for number, path in zip(numbers, paths, strict=True):
            self._delivery.finish(number, path)


def _patch(frame: Frame, tile: Tile, canvas: Canvas, *, crop: bool) -> Patch:
    planes = canvas.planes(tile.rect)
    end = f".{SHOWN}.R"
    names = [name.removesuffix(end) for name in planes if name.endswith(end)]
    rect = tile.rect.moved(-frame.rect.x0, -frame.rect.y0) if crop else tile.rect
    return Patch(rect, {name: _colour(planes, name) for name in names})


def _colour(planes: dict[str, Plane], layer: str) -> Plane:
    return np.stack([planes[f"{layer}.{SHOWN}.{channel}"] for channel in "RGBA"], axis=-1)
