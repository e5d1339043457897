"""Where a setting comes from, and what is refused."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from tegula_market.model import ETHER, Wei
from tegula_worker.config import Config, ConfigError, Parties, check_for_work, load
from tegula_worker.pauses import Hours, Limits, Owner
from tegula_worker.pricing import Electricity, FollowMarket, PriceRule, Pricing
from tegula_worker.replies import Device
from tegula_worker.sandbox import Isolation
from tegula_worker.spans import Span

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


def test_no_sandbox_takes_the_whole_phrase() -> None:
    assert load(None, {}, ENOUGH).sandbox is Isolation.BUBBLEWRAP
    environment = {"TEGULA_WORKER_SANDBOX": "none, this machine may be harmed"}
    assert load(None, environment, ENOUGH).sandbox is Isolation.NONE


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
        ({"pirce": 1}, r"unknown key pirce; did you mean price\? known are"),
        ({"pricing": 1}, "unknown key pricing"),
        ({"price": -1}, "cannot be negative"),
        ({"price": 1.5}, "price cannot be 1.5"),
        ({"price": True}, "price cannot be True"),
        ({"price": "cheap"}, "price cannot be 'cheap'"),
        ({"rpc": 3}, "rpc cannot be 3"),
        ({"slots": 0}, "slots"),
        ({"metrics": "9101"}, "want HOST:PORT"),
        ({"metrics": "localhost:http"}, "want HOST:PORT"),
        ({"limits": {"free_bytes": -1}}, "limits.free_bytes cannot be negative"),
        ({"slots": 65}, "slots"),
        ({"verifier": "perhaps"}, "choose true or false"),
        ({"device": "abacus"}, "device cannot be 'abacus'"),
        ({"device": 3}, "device cannot be 3"),
        ({"device": ""}, "choose auto"),
        ({"device": ["CPU", "abacus_0000:03:00"]}, "choose auto, CPU, CUDA"),
        ({"warm_bytes": -1}, "cannot be negative"),
        ({"token": "0x1234"}, "20 bytes"),
        ({"data": 3}, "data cannot be 3"),
        ({"grace_seconds": -1}, "grace_seconds cannot be negative"),
        ({"ether_price": 0}, "ether_price"),
        ({"claim_fee_share": -1}, "claim_fee_share cannot be negative"),
        ({"hours": "always"}, r"want a table, \[hours\]"),
        ({"sandbox": False}, "sandbox cannot be False"),
        ({"sandbox": "none"}, "none, this machine may be harmed"),
        ({"sandbox": "None, this machine may be harmed"}, "choose one of"),
        ({"memory_bytes": 1_000_000}, "memory_bytes"),
        ({"memory_bytes": -1}, "memory_bytes"),
        ({"render_seconds": 0}, "render_seconds"),
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


TABLES = """
token = "0x0404040404040404040404040404040404040404"
ether_price = 3_000_000_000

[price]
base = 40
minimum = 10
maximum = 90
job_minimum = 500
devices = { optix = 9 }
electricity = { per_kwh = 300_000, watts = 350, speed = 2_000_000 }
market = { percent = 95, lowest = 20 }

[[price.rules]]
when = ["sat-sun 00:00-24:00", "22:00-06:00"]
percent = 80

[[price.rules]]
when = "mon-fri 17:00-20:00"
device = "CPU"
price = 60

[hours]
open = ["18:00-08:00"]

[owner]
idle_hint = true
cpu_percent = 20

[limits]
gpu_celsius = 83

[allow]
requesters = ["0x0101010101010101010101010101010101010101"]

[block]
coordinators = ["0x0202020202020202020202020202020202020202"]
"""


def test_rules_in_tables(tmp_path: Path) -> None:
    config = load(_file(tmp_path, TABLES), {}, {})
    rules = (
        PriceRule((Span.parse("sat-sun 00:00-24:00"), Span.parse("22:00-06:00")), percent=80),
        PriceRule((Span.parse("mon-fri 17:00-20:00"),), Device.CPU, Wei(60)),
    )
    assert config.prices == Pricing(
        Wei(40), Wei(10), Wei(90), Wei(500), {Device.OPTIX: Wei(9)}, rules,
        Electricity(Wei(300_000), 350, 2_000_000), FollowMarket(95, Wei(20)),
    )  # fmt: skip
    assert config.hours == Hours((Span.parse("18:00-08:00"),))
    assert (config.owner, config.limits) == (Owner(idle_hint=True, cpu_percent=20), Limits(gpu_celsius=83))
    assert (config.allow.requesters, config.block) == ((b"\x01" * 20,), Parties((b"\x02" * 20,)))  # type: ignore[arg-type]


def test_a_price_on_the_command_line_replaces_the_rules(tmp_path: Path) -> None:
    config = load(_file(tmp_path, TABLES), {}, {"price": 7})
    assert (config.prices, config.price) == (Pricing(Wei(7)), 7)


def test_a_price_for_this_device_is_enough() -> None:
    prices = {"devices": {"CPU": 5}}
    check_for_work(load(None, {}, {**ENOUGH, "price": prices}))
    with pytest.raises(ConfigError, match="name a price"):
        check_for_work(load(None, {}, {**ENOUGH, "price": prices, "device": "CUDA"}))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[price]\nbsae = 1", r"unknown key bsae in \[price\]; did you mean base\?"),
        ("[price]\nbase = 1.5", "price.base cannot be 1.5: want a whole number"),
        ("[price]\nminimum = 5\nmaximum = 4", "price: the minimum 5 is above"),
        ("[price]\nrules = [{percent = 80, price = 1}]", "one of price and percent"),
        ("[price]\nrules = 3", "price.rules cannot be 3: want a list"),
        ("[price]\nrules = [{wenn = 1}]", r"unknown key wenn in \[price.rules\]; did you mean when\?"),
        ("[price]\ndevices = {abacus = 1}", "price.devices cannot be 'abacus'"),
        ("[price]\nelectricity = {watts = 1}", r"\[price.electricity\] wants per_kwh too"),
        ("[hours]\nopen = ['late']", "hours.open cannot be 'late': want a time like"),
        ("[limits]\ngpu_celcius = 1", "did you mean gpu_celsius"),
        ("[allow]\ntokens = ['0x12']", "allow.tokens cannot be '0x12': want 20 bytes"),
    ],
)
def test_tables_are_read_strictly(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        load(_file(tmp_path, text), {}, {})


def test_what_an_ether_is_worth(tmp_path: Path) -> None:
    config = load(_file(tmp_path, TABLES), {}, {})
    assert config.worth_of_ether(config.token) == 3_000_000_000
    assert config.worth_of_ether(ETHER) == 10**18
    assert load(None, {}, {"token": "0x" + "04" * 20}).worth_of_ether(config.token) is None


def _keys(kind: Any, place: str = "") -> Iterator[str]:
    hints = get_type_hints(kind)
    for field in dataclasses.fields(kind):
        hint = hints[field.name]
        inner = [arm for arm in (hint, *get_args(hint)) if dataclasses.is_dataclass(arm) and arm is not Span]
        yield f"{place}{field.name}"
        for arm in inner:
            yield from _keys(arm, f"{place}{field.name}.")


def test_every_key_is_in_the_guide() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "provider.md").read_text()
    keys = [key.replace("pricing", "price") for key in _keys(Config)]
    tables = {key.rpartition(".")[0] for key in keys}
    assert [key for key in keys if key not in tables and f"`{key}`" not in guide] == []
