"""What lies in deploy/coordinator/ passes the linters of its kind, and names nothing that is not there."""

import asyncio
import json
import re
import tomllib
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Counter, Gauge, Histogram
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from deploy.linters import linter, run
from tegula_coordinator import config
from tegula_coordinator.config import Config
from tegula_coordinator.metrics import Metrics
from tegula_market.model import WorkerId

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy" / "coordinator"
UNIT = DEPLOY / "tegula-coordinator.service"
EXPOSURE = 20
"""Of 100: what `systemd-analyze security` may find open. A coordinator needs the network, and no more."""
NAME = re.compile(r"tegula_coordinator_\w+")
SELECTED = re.compile(r"(tegula_coordinator_\w+)\{([^}]*)\}")
LABEL = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"')


def sampled() -> dict[str, set[str]]:
    """The names of all samples that the program can give, with their labels."""
    suffixes = {Counter: ("_total",), Histogram: ("_bucket", "_count", "_sum"), Gauge: ("",)}
    return {
        metric._name + suffix: {"le"} if suffix == "_bucket" else set(metric._labelnames)
        for metric in vars(Metrics()).values()
        for suffix in suffixes.get(type(metric), ())
    }


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((DEPLOY / "alerts.yaml").read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((DEPLOY / "grafana.json").read_text())["panels"]
    return found


def expressions() -> list[str]:
    of_panels = (target["expr"] for panel in panels() for target in panel["targets"])
    return [*(rule["expr"] for rule in rules()), *of_panels]


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """With a program that is there."""
    made = tmp_path / UNIT.name
    made.write_text(UNIT.read_text().replace("/opt/tegula/bin/tegula-coordinator", "/bin/true"))
    return made


def test_the_unit_is_one(unit: Path) -> None:
    assert run(linter("systemd-analyze"), "verify", unit) == ""


def test_the_unit_shuts_what_it_can(unit: Path) -> None:
    analyze = linter("systemd-analyze")
    run(analyze, "security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager", unit)


def test_the_container_file() -> None:
    assert run(linter("hadolint"), DEPLOY / "Containerfile") == ""


def test_what_the_container_file_copies_is_there() -> None:
    copied = re.findall(r"^COPY (?!--from)(\S+) ", (DEPLOY / "Containerfile").read_text(), re.MULTILINE)
    assert copied
    assert [name for name in copied if not (ROOT / name).exists()] == []


def test_the_manifests_fit_the_schema() -> None:
    said = run(linter("kubernetes-validate"), "--strict", DEPLOY / "kubernetes.yaml")
    assert said.count("passed") == 4


def _loaded(text: str, folder: Path) -> Config:
    path = folder / "coordinator.toml"
    path.write_text(text)
    return config.load(path)


def _configurations() -> dict[str, str]:
    config_map, *_ = yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text())
    return {
        "coordinator.toml": (DEPLOY / "coordinator.toml").read_text(),
        "kubernetes.yaml": config_map["data"]["coordinator.toml"],
    }


@pytest.mark.parametrize("name", ["coordinator.toml", "kubernetes.yaml"])
def test_the_configurations_are_good(name: str, tmp_path: Path) -> None:
    text = _configurations()[name]
    read = _loaded(text, tmp_path)
    assert (read.log, read.drain_seconds) == ("json", 60.0)
    assert read.metrics.endswith(":9102")
    key = f'["0x{"cd" * 32}"]'
    wanted = _loaded(text.replace("verifiers = []", f"verifiers = {key}"), tmp_path)
    assert wanted.verifiers == (WorkerId(b"\xcd" * 32),)
    with_database = _loaded(text.replace("#database", "database"), tmp_path)
    assert ("passfile" in with_database.database_url) == (name == "coordinator.toml")


def test_what_is_waited_for_at_the_end_fits_before_the_kill() -> None:
    drain = tomllib.loads((DEPLOY / "coordinator.toml").read_text())["drain_seconds"]
    _, stateful, *_ = yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text())
    assert stateful["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > drain
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["coordinator"]
    assert int(compose["stop_grace_period"].removesuffix("s")) > drain
    assert int(re.findall(r"^TimeoutStopSec=(\d+)$", UNIT.read_text(), re.MULTILINE)[0]) > drain


def test_the_compose_file_names_what_is_there() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    built = compose["services"]["coordinator"]["build"]
    context = (DEPLOY / built["context"]).resolve()
    assert context == ROOT
    assert (context / built["dockerfile"]) == DEPLOY / "Containerfile"
    named = {
        volume.split(":")[0]
        for service in compose["services"].values()
        for volume in service["volumes"]
        if not volume.startswith(".")
    }
    assert named == compose["volumes"].keys()
    open_to_all = [
        port for port in compose["services"]["coordinator"]["ports"] if not port.startswith("127.")
    ]
    assert open_to_all == ["8701:8701"], "HTTP is a proxy's, metrics are this machine's"
    assert "ports" not in compose["services"]["postgres"]


def test_keys_are_made_by_a_container_that_may_write_into_a_folder_of_anybodys() -> None:
    """Of root without CAP_DAC_OVERRIDE that is not true, and the service has no capability left."""
    text = (DEPLOY / "compose.yaml").read_text()
    service = yaml.safe_load(text)["services"]["coordinator"]
    assert service["cap_drop"] == ["ALL"]
    (command,) = re.findall(r"^# +(.* keys --dir /keys)$", text, re.MULTILINE)
    assert command.startswith("podman run ")
    assert service["image"] in command.split()


def test_an_update_does_not_wait_for_one_that_stands_by() -> None:
    _, stateful, *_ = yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text())
    assert stateful["spec"]["updateStrategy"] == {"type": "OnDelete"}


def test_alerts_and_board_ask_for_what_the_program_has() -> None:
    known = sampled()
    asked = {name for text in expressions() for name in NAME.findall(text)}
    assert asked - known.keys() == set()
    wrong = [
        (name, label)
        for text in expressions()
        for name, selectors in SELECTED.findall(text)
        for label in LABEL.findall(selectors)
        if label not in known[name]
    ]
    assert wrong == []
    stems = {re.sub(r"_(total|bucket|count|sum)$", "", name) for name in known}
    drawn = {re.sub(r"_(total|bucket|count|sum)$", "", name) for name in asked}
    assert stems - drawn == set(), "a metric that nobody looks at"


def test_the_guide_explains_every_metric() -> None:
    guide = (ROOT / "docs/operator.md").read_text()
    table = guide[guide.index("| metric, after `tegula_coordinator_`") :].split("\n\n")[0]
    told = {
        name: set(filter(None, labels.split(",")))
        for name, labels in re.findall(r"`(\w+)(?:\{([\w,]*)\})?`", table)
    }
    known = {
        re.sub(r"_(bucket|count|sum)$", "", name).removeprefix("tegula_coordinator_"): labels - {"le"}
        for name, labels in sampled().items()
    }
    assert {name: told.get(name) for name in known} == known


def test_every_alert_says_what_to_do() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)
    for rule in rules():
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert set(rule["annotations"]) == {"summary", "action"}
        assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}


def test_the_alerts_are_ones() -> None:
    run(linter("promtool"), "check", "rules", DEPLOY / "alerts.yaml")


def test_the_boards_panels_do_not_overlap() -> None:
    cells = {}
    for panel in panels():
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells[panel["id"]] = {
            (x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
        }
    assert len(cells) == len(panels())
    assert [pair for pair in combinations(cells, 2) if cells[pair[0]] & cells[pair[1]]] == []


def test_who_comes_through_a_proxy_is_told_from_others() -> None:
    """What `serve` hands the variable to is uvicorn's own middleware."""
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["coordinator"]
    _, stateful, *_ = yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text())
    (container,) = stateful["spec"]["template"]["spec"]["containers"]
    (variable,) = container["env"]
    assert variable["name"] == "FORWARDED_ALLOW_IPS"
    for trusted in (compose["environment"]["FORWARDED_ALLOW_IPS"], variable["value"]):
        for proxy in ("10.89.0.1", "172.18.0.1", "192.168.3.2"):
            assert seen(trusted, proxy, "198.51.100.1, 203.0.113.9") == "203.0.113.9"  # the first is a claim
        assert seen(trusted, "203.0.113.7", "198.51.100.1") == "203.0.113.7"


def seen(trusted: str, peer: str, forwarded: str) -> str:
    """The address that a request has behind the middleware."""
    found: list[str] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        found.append(scope["client"][0])

    scope: Any = {
        "type": "http",
        "client": (peer, 1),
        "headers": [(b"x-forwarded-for", forwarded.encode())],
    }
    nothing: Any = None
    asyncio.run(ProxyHeadersMiddleware(app, trusted)(scope, nothing, nothing))
    return found[0]
