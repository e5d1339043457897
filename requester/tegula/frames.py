"""Accepted tiles on their way to finished frames in the output folder."""

from pathlib import Path

from tegula import finishing
from tegula.finishing import Picture
from tegula.outcome import FinishedFrame
from tegula_blender.session.packed import PackedScene
from tegula_blender.session.stitching import Canvas
from tegula_blender.session.stopwatch import Stopwatch
from tegula_market import tiling
from tegula_market.model import Order, Tile


class Frames:
    """
    Args:
        folder: gets frame_0001.exr and frame_0001.png as each frame is complete.
    """

    def __init__(
        self, order: Order, packed: PackedScene, folder: Path, blender: Path | None, watch: Stopwatch
    ) -> None:
        crop = order.scene.crop
        self._open = {frame.number: Canvas(frame, crop=crop) for frame in tiling.frames(order)}
        self._size = {
            frame.number: (frame.rect.width, frame.rect.height) if crop else (frame.width, frame.height)
            for frame in tiling.frames(order)
        }
        self._stitched: list[Picture] = []
        self._finished: dict[int, FinishedFrame] = {}
        self._packed, self._folder, self._blender, self._watch = packed, folder, blender, watch

    @property
    def finished(self) -> tuple[FinishedFrame, ...]:
        return tuple(self._finished[number] for number in sorted(self._finished))

    def paste(self, tile: Tile, image: Path) -> None:
        """Raises: MismatchedTile, UnreadableImage: not a piece of the frame."""
        canvas = self._open[tile.frame]
        canvas.paste(tile, image)
        if canvas.complete:
            del self._open[tile.frame]
            exr, png = (self._folder / f"frame_{tile.frame:04}.{kind}" for kind in ("exr", "png"))
            canvas.save(exr)
            self._stitched.append(Picture(tile.frame, exr, png))

    def finish(self) -> None:
        """Develops what is stitched, in one start of Blender.

        Raises:
            SceneRefused: Blender could not; the stitched frames stay.
        """
        if not self._stitched:
            return
        with self._watch.part("develop"):
            finishing.develop(self._packed, self._stitched, self._blender)
        for picture in self._stitched:
            width, height = self._size[picture.frame]
            name = picture.frame
            self._finished[name] = FinishedFrame(name, width, height, picture.exr.name, picture.png.name)
        self._stitched = []
