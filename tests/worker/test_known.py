"""The known scene and its answer.

After a change of `examples/build_known.py`: build `known.blend` with it, then render the answer,

    python tests/scenes.py render known.blend known.exr 1 "$(python tests/worker/test_known.py)"
"""

import asyncio
import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from tegula_market.adapters import exr
from tegula_market.model import Rect
from tegula_worker import known
from tegula_worker.known import ANSWER, BLEND, EDGE, FOLDER, SPP
from tegula_worker.program import OTHER_KERNEL
from tegula_worker.renderer import Renderer
from tegula_worker.replies import Device, Failure, RenderFailed

BUILDER = Path(__file__).parents[2] / "examples" / "build_known.py"


def refused(image: exr.Image, folder: Path) -> RenderFailed | None:
    path = folder / "image.exr"
    exr.write(path, image)
    try:
        known.check(path, "OPTIX of a test")
    except RenderFailed as error:
        return error
    return None


def painted(patch: slice, value: float) -> exr.Image:
    """The answer, with some rows of it painted over."""
    answer = exr.read(ANSWER)
    for name in known.CHANNELS:
        answer.channels[name][patch] = value
    return answer


def test_the_answer_is_right(tmp_path: Path) -> None:
    assert refused(exr.read(ANSWER), tmp_path) is None
    assert known.pixels(ANSWER).shape == (3, EDGE, EDGE)


@pytest.mark.parametrize(
    ("rows", "value", "failure"),
    [
        (slice(0, 0), 0.0, None),
        (slice(0, 1), 1e9, Failure.WRONG_PIXELS),
        (slice(10, 11), float("nan"), Failure.WRONG_PIXELS),
        (slice(0, 32), 0.0, Failure.WRONG_PIXELS),
        (slice(0, 64), 0.0, Failure.BLACK_FRAME),
    ],
)
def test_a_broken_card_is_told(tmp_path: Path, rows: slice, value: float, failure: Failure | None) -> None:
    error = refused(painted(rows, value), tmp_path)
    assert (error and error.failure) == failure
    assert error is None or "OPTIX of a test renders the known scene" in str(error)


def test_what_is_no_image_of_the_scene_is_wrong(tmp_path: Path) -> None:
    other = exr.Image(2, 2, {"ViewLayer.Depth.Z": np.zeros((2, 2), np.float32)})
    error = refused(other, tmp_path)
    assert error is not None
    assert error.failure is Failure.WRONG_PIXELS
    (tmp_path / "image.exr").write_bytes(b"no image")
    with pytest.raises(RenderFailed, match="into no image"):
        known.check(tmp_path / "image.exr", "OPTIX of a test")


def test_an_image_of_another_size_is_wrong(tmp_path: Path) -> None:
    planes = {name: np.ones((2, 2), np.float32) for name in known.CHANNELS}
    error = refused(exr.Image(2, 2, planes), tmp_path)
    assert error is not None
    assert error.failure is Failure.WRONG_PIXELS


def test_a_card_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hangs:
        async def start(self) -> None:
            await asyncio.Event().wait()

    monkeypatch.setattr(known, "SECONDS", 0.001)
    with pytest.raises(RenderFailed) as caught:
        asyncio.run(known.ask(Hangs()))  # type: ignore[arg-type]
    assert caught.value.failure is Failure.TIMED_OUT


async def _shares(folder: Path, blend: str, spp: int, environment: dict[str, str]) -> list[float]:
    """Of pixels that are off, by the bounds."""
    async with Renderer(environment=environment) as renderer:
        scene = replace(known.scene(renderer.blender_version), spp=spp)
        out = folder / "known.exr"
        await renderer.render(folder, blend, scene, 1, Rect(0, 0, EDGE, EDGE), out)
    want = known.pixels(ANSWER)
    return [known.off(known.pixels(out), want, difference) for difference in known.BOUNDS]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spp", "environment", "within", "beyond"),
    [
        (SPP, {}, 0.01, 0.0),
        (SPP, OTHER_KERNEL, 0.1, 0.0),
        (SPP - 1, {}, 1.0, 5.0),
    ],
)
def test_the_bounds_lie_far_from_honest_and_from_wrong(
    tmp_path: Path, spp: int, environment: dict[str, str], within: float, beyond: float
) -> None:
    """In multiples of the bounds. The scene is built anew: what is committed is what the script makes."""
    subprocess.run([sys.executable, str(BUILDER), str(tmp_path / BLEND)], check=True, capture_output=True)
    shares = asyncio.run(_shares(tmp_path, BLEND, spp, environment))
    multiples = [share / bound for share, bound in zip(shares, known.BOUNDS.values(), strict=True)]
    if beyond:
        assert min(multiples) > beyond
    else:
        assert max(multiples) <= within


@pytest.mark.slow
def test_a_good_device_knows_the_answer() -> None:
    async def asked() -> None:
        async with Renderer() as renderer:
            await known.ask(renderer)

    asyncio.run(asked())


@pytest.mark.slow
@pytest.mark.parametrize("card", [device for device in Device if device is not Device.CPU])
def test_a_good_card_knows_the_answer(card: Device) -> None:
    async def asked() -> None:
        async with Renderer(device=card) as renderer:
            await known.ask(renderer)

    try:
        asyncio.run(asked())
    except RenderFailed as error:
        if error.failure is not Failure.NO_DEVICE:
            raise
        pytest.skip(f"no {card} device here, so nothing was shown of it: {error}")


def test_the_package_has_the_scene() -> None:
    assert (FOLDER / BLEND).stat().st_size < 200_000


if __name__ == "__main__":
    print(json.dumps(asdict(replace(known.scene(""), manifest=None))))  # type: ignore[arg-type]
