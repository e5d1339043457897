import numpy as np
import pytest

from tegula_blender.session.blender import SceneRefused
from tegula_blender.session.denoising import guide, merged
from tegula_market.adapters.exr import Image

PASSES = ("Combined.R", "Combined.G", "Combined.B", "Combined.A")
GUIDES = tuple(f"Denoising {name}" for name in ("Normal.X", "Normal.Y", "Normal.Z"))
ALBEDO = tuple(f"Denoising Albedo.{c}" for c in "RGB")


def frame(*layers: str) -> Image:
    random = np.random.default_rng(1)
    names = [f"{layer}.{name}" for layer in layers for name in (*PASSES, *GUIDES, *ALBEDO)]
    return Image(5, 3, {name: random.random((3, 5), np.float32) for name in names}, {"kept": "yes"})


def test_the_denoiser_sees_the_frame_from_its_bottom_line_up() -> None:
    noisy = frame("A", "B.C")
    seen = guide(noisy, ("B.C",))
    assert not [name for name in seen.channels if not name.startswith("B.C.")]
    for name in (*PASSES[:3], *GUIDES, *ALBEDO):
        assert np.array_equal(seen.channels[f"B.C.{name}"], noisy.channels[f"B.C.{name}"][::-1])
    assert not seen.channels["B.C.Vector.W"].any()
    assert seen.text == {"cycles.B.C.samples": "1"}


def test_denoised_layers_keep_their_noisy_image_and_their_alpha() -> None:
    noisy = frame("A", "B")
    clean = guide(noisy, ("B",))
    clean.channels["B.Combined.R"][0] = 7  # its first line is the picture's last
    done = merged(noisy, clean, ("B",))
    assert (done.channels["B.Combined.R"][-1] == 7).all()
    assert np.array_equal(done.channels["B.Combined.R"][:-1], noisy.channels["B.Combined.R"][:-1])
    assert np.array_equal(done.channels["B.Noisy Image.R"], noisy.channels["B.Combined.R"])
    assert np.array_equal(done.channels["B.Noisy Image.A"], noisy.channels["B.Combined.A"])
    assert "A.Noisy Image.R" not in done.channels
    assert np.array_equal(done.channels["A.Combined.R"], noisy.channels["A.Combined.R"])
    assert done.text == {"kept": "yes"}


def test_a_frame_without_the_denoisers_passes() -> None:
    with pytest.raises(SceneRefused, match=r"no Combined\.R for layer Gone"):
        guide(frame("A"), ("Gone",))
