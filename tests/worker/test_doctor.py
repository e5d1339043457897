"""All that a worker needs is looked at, whatever is wrong with the rest."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from tegula_worker import doctor
from tegula_worker.config import Config, ConfigError
from tegula_worker.doctor import Asked
from tegula_worker.findings import Finding, fine, wrong

OPTIONS = {"coordinator": "http://c", "rpc": "http://r", "price": 5}


def _good(config: Config) -> Finding:
    return fine("good", f"works for {config.coordinator}")


def _bad(_: Config) -> Finding:
    raise ConfigError("it is bad; make it good")


def _odd(_: Config) -> Finding:
    raise PermissionError(13, "not yours")


def _absent(_: Config) -> None:
    return None


def test_no_fault_hides_another() -> None:
    checks = {"bad": _bad, "odd": _odd, "absent": _absent, "good": _good}
    first, *found = doctor.examine(Asked(None, {}, OPTIONS), checks)
    assert (first.check, first.ok) == ("configuration", True)
    assert found == [
        wrong("bad", "it is bad; make it good"),
        wrong("odd", "the system says: [Errno 13] not yours"),
        fine("good", "works for http://c"),
    ]


def test_a_configuration_that_cannot_be_read_or_used(tmp_path: Path) -> None:
    path = tmp_path / "worker.toml"
    path.write_text('coordinater = "http://c"')
    first, good = doctor.examine(Asked(path, {}, {}), {"good": _good})
    assert (first.ok, "did you mean coordinator" in first.said, good.ok) == (False, True, True)
    first, good = doctor.examine(Asked(None, {}, OPTIONS | {"price": None}), {"good": _good})
    assert (first.ok, "name a price" in first.said) == (False, True)
    assert good.said == "works for http://c", "what was said counts all the same"


def test_every_part_is_looked_at() -> None:
    here = ["data folder", "keys", "sandbox", "Blender", "GPU driver"]
    assert list(doctor.CHECKS) == [*here, "coordinator", "clock", "chain", "gas"]


@pytest.mark.parametrize("width", [40, 200])
def test_a_finding_as_people_read_it(width: int) -> None:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    doctor.show(wrong("chain", "0x" + "04" * 20 + " is [bold]away[/bold]", "ask [it] again"), console)
    doctor.show(fine("clock", "is right"), console)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    together = "".join(shown.split())
    assert "0x" + "04" * 20 + "is[bold]away[/bold]" in together, "nothing is cut, and no word is markup"
    assert "todo:ask[it]again" in together
    assert shown.splitlines()[0].startswith("!! chain")
    assert shown.splitlines()[-1].rstrip() == "OK clock          is right"
