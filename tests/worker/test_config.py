"""Where a setting comes from, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

from tegula_worker.config import Config, ConfigError, check_for_work, load

ENOUGH = {"coordinator": "http://127.0.0.1:8700", "rpc": "http://127.0.0.1:8545", "price": 7}


def _file(folder: Path, text: str) -> Path:
    path = folder / "worker.toml"
    path.write_text(text)
    return path


def test_options_go_before_environment_before_file_before_defaults(tmp_path: Path) -> None:
    path = _file(tmp_path, 'price = 1\nrpc = "file"\ncoordinator = "file"\nslots = 3\n')
    environment = {"TEGULA_WORKER_PRICE": "2", "TEGULA_WORKER_RPC": "environment", "HOME": "/"}
    config = load(path, environment, {"price": "3", "rpc": None})
    assert (config.price, config.rpc, config.coordinator, config.slots) == (3, "environment", "file", 3)
    assert config.device == ("CPU",)


def test_paths_in_the_file_are_relative_to_it(tmp_path: Path) -> None:
    path = _file(tmp_path, 'data = "here"\nblender = "/opt/blender"\n')
    config = load(path, {}, ENOUGH)
    assert config.data == tmp_path / "here"
    assert config.blender == Path("/opt/blender")
    assert load(path, {}, {**ENOUGH, "data": Path("there")}).data == Path("there")


def test_text_becomes_what_the_field_wants() -> None:
    environment = {
        "TEGULA_WORKER_VERIFIER": "true",
        "TEGULA_WORKER_DEVICE": "optix",
        "TEGULA_WORKER_ESCROW": "0x" + "ab" * 20,
    }
    config = load(None, environment, ENOUGH)
    assert (config.verifier, config.device, config.escrow) == (True, ("OPTIX",), b"\xab" * 20)


@pytest.mark.parametrize(
    ("raw", "wishes"),
    [
        ("auto", ("AUTO",)),
        ("hip, cpu", ("HIP", "CPU")),
        (["OptiX", "CUDA_RTX 3090_0000:21:00"], ("OPTIX", "CUDA_RTX 3090_0000:21:00")),
    ],
)
def test_devices_are_named_by_kind_or_id(raw: object, wishes: tuple[str, ...]) -> None:
    assert load(None, {}, {**ENOUGH, "device": raw}).device == wishes


def test_memory_for_warm_scenes_is_half_the_machines_unless_it_is_said() -> None:
    assert load(None, {}, ENOUGH).warm_bytes is None
    assert load(None, {"TEGULA_WORKER_WARM_BYTES": "0"}, ENOUGH).warm_bytes == 0


def test_a_verifier_needs_neither_price_nor_chain() -> None:
    config = load(None, {}, {"coordinator": "http://c", "verifier": True})
    assert config == Config("http://c", verifier=True)
    check_for_work(config)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"coordinator": None}, "name a coordinator"),
        ({"price": None}, "name a price"),
        ({"price": 0}, "name a price"),
        ({"rpc": None}, "name the chain"),
    ],
)
def test_what_a_worker_has_to_know(change: dict[str, Any], sentence: str) -> None:
    check_for_work(load(None, {}, ENOUGH))
    with pytest.raises(ConfigError, match=sentence):
        check_for_work(load(None, {}, {**ENOUGH, **change}))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"pirce": 1}, "unknown keys pirce"),
        ({"price": -1}, "cannot be negative"),
        ({"price": 1.5}, "price cannot be 1.5"),
        ({"price": True}, "price cannot be True"),
        ({"price": "cheap"}, "price cannot be 'cheap'"),
        ({"rpc": 3}, "rpc cannot be 3"),
        ({"slots": 0}, "slots"),
        ({"slots": 65}, "slots"),
        ({"verifier": "perhaps"}, "choose true or false"),
        ({"device": "abacus"}, "device cannot be 'abacus'"),
        ({"device": 3}, "device cannot be 3"),
        ({"device": ""}, "choose auto"),
        ({"device": ["CPU", "abacus_0000:03:00"]}, "choose auto, CPU, CUDA"),
        ({"warm_bytes": -1}, "cannot be negative"),
        ({"token": "0x1234"}, "20 bytes"),
        ({"data": 3}, "data cannot be 3"),
        ({"grace_seconds": -1}, "cannot be negative"),
    ],
)
def test_what_is_refused(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        load(None, {}, {**ENOUGH, **change})


@pytest.mark.parametrize("text", ["price = ", "\xff"])
def test_a_file_that_is_not_toml(tmp_path: Path, text: str) -> None:
    path = tmp_path / "worker.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match="cannot read"):
        load(path, {}, ENOUGH)
    with pytest.raises(ConfigError, match="cannot read"):
        load(tmp_path / "absent.toml", {}, ENOUGH)
