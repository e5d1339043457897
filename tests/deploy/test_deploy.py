"""What lies in deploy/ passes the linters of its kind, as far as this machine has them."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from deploy.linters import linter, run
from tegula_worker import config

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNIT = DEPLOY / "tegula-worker.service"
EXPOSURE = 40
"""Of 100: what `systemd-analyze security` may find open. Bubblewrap and GPUs need the rest."""
IN_THE_WAY = (
    "ProtectProc",
    "ProcSubset",
    "ProtectKernelTunables",
    "ProtectKernelLogs",
    "ProtectControlGroups",
    "ProtectHostname",
    "PrivateUsers",
    "PrivateDevices",
    "ProtectClock",
    "MemoryDenyWriteExecute",
)
"""With these bubblewrap makes no sandbox, or there is no GPU."""


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """With a program that is there."""
    made = tmp_path / UNIT.name
    made.write_text(UNIT.read_text().replace("/opt/tegula/bin/tegula-worker", "/bin/true"))
    return made


def test_the_unit_is_one(unit: Path) -> None:
    assert run(linter("systemd-analyze"), "verify", unit) == ""


def test_the_unit_shuts_what_it_can(unit: Path) -> None:
    analyze = linter("systemd-analyze")
    run(analyze, "security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager", unit)


def test_the_unit_leaves_bubblewrap_and_gpus_alone() -> None:
    settings = dict(re.findall(r"^(\w+)=(.*)$", UNIT.read_text(), re.MULTILINE))
    assert [name for name in IN_THE_WAY if name in settings] == []
    assert set(settings["RestrictNamespaces"].split()) == {
        "user",
        "mnt",
        "pid",
        "net",
        "ipc",
        "uts",
        "cgroup",
    }
    assert "AF_NETLINK" in settings["RestrictAddressFamilies"], "bubblewrap brings up its loopback by it"
    assert {"@mount", "seccomp", "sethostname"} <= set(settings["SystemCallFilter"].split())


def test_the_container_file() -> None:
    assert run(linter("hadolint"), DEPLOY / "Containerfile") == ""


def test_what_the_container_file_copies_is_there() -> None:
    copied = re.findall(r"^COPY (?!--from)(\S+) ", (DEPLOY / "Containerfile").read_text(), re.MULTILINE)
    assert copied
    assert [name for name in copied if not (ROOT / name).exists()] == []


def test_the_manifest_fits_the_schema() -> None:
    said = run(linter("kubernetes-validate"), "--strict", DEPLOY / "kubernetes.yaml")
    assert said.count("passed") == 3


def test_the_batch_script() -> None:
    script = DEPLOY / "slurm.sh"
    run("bash", "-n", script)
    assert run(linter("shellcheck"), script) == ""


def test_the_batch_script_gives_every_worker_a_folder_of_its_own(tmp_path: Path) -> None:
    srun = tmp_path / "srun"
    srun.write_text('#!/bin/sh\necho "$@"\n')
    srun.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "HOME": str(tmp_path), "SLURM_ARRAY_TASK_ID": "3"}
    said = subprocess.run(
        ["bash", DEPLOY / "slurm.sh"], env=environment, capture_output=True, text=True, check=True
    ).stdout
    data = tmp_path / "tegula-worker" / "3"
    assert said.split()[-2:] == ["--data", str(data)]
    assert data.stat().st_mode & 0o777 == 0o700


def test_the_configurations_are_good() -> None:
    (inner,) = re.findall(r"worker\.toml: \|\n((?:    .*\n)+)", (DEPLOY / "kubernetes.yaml").read_text())
    for text in (inner, (DEPLOY / "worker.toml").read_text()):
        config.check_for_work(config.load(None, {}, tomllib.loads(text)))
