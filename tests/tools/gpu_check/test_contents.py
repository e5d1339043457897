"""What goes into the kit and what does not, of this machine's installation."""

import re
import shutil
from pathlib import Path

import pytest

from tegula_worker import syscalls
from tools.gpu_check import contents
from tools.gpu_check.contents import NotFound, Piece


@pytest.fixture(scope="module")
def pieces() -> dict[str, Piece]:
    return {piece.name: piece for piece in contents.pieces()}


def names(pieces: dict[str, Piece], pattern: str) -> list[str]:
    return sorted(Path(name).name for name in pieces if re.search(pattern, name))


def test_kernels_of_nvidia_cards_come_along_and_no_others(pieces: dict[str, Piece]) -> None:
    kernels = names(pieces, r"cycles/lib/kernel_")
    assert "kernel_compute_75.ptx.zst" in kernels  # for cards newer than Blender
    assert {"kernel_optix.ptx.zst", "kernel_optix_shader_raytrace.ptx.zst"} <= {*kernels}
    cubins = [name.partition(".")[0] for name in kernels if ".cubin" in name]
    assert cubins == ["kernel_sm_120", "kernel_sm_75", "kernel_sm_86", "kernel_sm_89"]
    assert not names(pieces, "fatbin|hipfb|device_hip|device_sycl")


def test_what_no_headless_render_needs_stays_here(pieces: dict[str, Piece]) -> None:
    assert not names(pieces, "fonts/Noto|datafiles/assets|__pycache__|/pxr/|_tkinter[.]|direct_url[.]json")
    assert not names(pieces, "packages/(pytest|mypy|ruff|playwright)/")


def test_all_programs_and_benchmarks_come_along(pieces: dict[str, Piece]) -> None:
    expected = {
        "run",
        "python/bin/python",
        "python/bin/tegula-worker",
        "tegula/worker/tegula_worker/known/known.blend",
        "tegula/bench/verification/pairs.py",
        "tegula/examples/stress.py",
        "tegula/tools/gpu_check/check.py",
    }
    assert expected <= pieces.keys()
    packages = Path(contents.PACKAGES)
    assert {str(packages / name) for name in ("scipy/__init__.py", "zmq/__init__.py", "bpy/__init__.so")} <= {
        *pieces
    }


def test_what_the_first_archive_needs_is_in_it(pieces: dict[str, Piece]) -> None:
    """Python runs, and reads zstd, before the second one is there."""
    base = {name for name, piece in pieces.items() if piece.base}
    assert {"run", f"python/bin/{contents.VERSION}", f"python/lib/{contents.VERSION}/os.py"} <= base
    assert any("zstandard/backend_c" in name for name in base)
    assert not any("/bpy/" in name for name in base)


def test_the_c_library_and_the_driver_are_the_machines_own(pieces: dict[str, Piece]) -> None:
    system = names(pieces, "^python/lib/system/")
    assert "libX11.so.6" in system
    assert "libstdc++.so.6" in system
    assert not [name for name in system if re.match(r"lib(c|m|pthread|dl|cuda|nvidia.*)\.so", name)]


def test_a_sandbox_comes_along_whole_or_not_at_all(
    pieces: dict[str, Piece], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No binary is linked with libseccomp: a bare machine that got bubblewrap alone had no sandbox."""
    assert contents.FILTER == syscalls.LIBRARY
    sandbox = {"python/bin/bwrap", f"{contents.SYSTEM}/{contents.FILTER}"}
    here = shutil.which("bwrap") is not None
    assert sandbox & pieces.keys() == (sandbox if here else set())
    monkeypatch.setattr(contents, "FILTER", "libnothing.so.0")
    assert not {piece.name for piece in contents._python()} & {*sandbox, "libnothing.so.0"}


def test_no_two_files_have_one_name_and_each_is_here(pieces: dict[str, Piece]) -> None:
    assert all(piece.source.is_file() if piece.source else piece.text for piece in pieces.values())


def test_a_package_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "ROOTS", ("no-such-thing",))
    with pytest.raises(NotFound, match="no-such-thing is not installed: run make setup"):
        contents.pieces()
