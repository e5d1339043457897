"""Values by the fields' types; what is nested is read as strictly as what is not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tegula_market.model import Address, Wei
from tegula_worker import tables
from tegula_worker.replies import Device
from tegula_worker.spans import Span
from tegula_worker.tables import ConfigError


@dataclass(frozen=True)
class Inner:
    wanted: int
    name: str = ""


@dataclass(frozen=True)
class Outer:
    inner: Inner | None = None
    several: tuple[Inner, ...] = ()
    by_device: Mapping[Device, Wei] = field(default_factory=dict)


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        (int, "7", 7),
        (Wei | None, 7, 7),
        (bool, "False", False),
        (Path, "/x", Path("/x")),
        (Device, "cuda", Device.CUDA),
        (Address, "0x" + "ab" * 20, b"\xab" * 20),
        (tuple[Span, ...], "sun 00:00-24:00", (Span.parse("sun 00:00-24:00"),)),
        (tuple[int, ...], [1, 2], (1, 2)),
        (str, "text", "text"),
    ],
)
def test_values(kind: Any, raw: Any, value: Any) -> None:
    assert tables.value("x", kind, raw) == value


def test_tables_in_tables() -> None:
    raw = {"inner": {"wanted": 1}, "several": [{"wanted": 2, "name": "b"}], "by_device": {"cpu": 3}}
    assert tables.table(Outer, raw, "x") == Outer(Inner(1), (Inner(2, "b"),), {Device.CPU: Wei(3)})
    assert tables.table(Outer, {}, "x") == Outer()


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (3, r"x cannot be 3: want a table, \[x\]"),
        (
            {"iner": {}},
            r"unknown key iner in \[x\]; did you mean inner\? known are inner, several, by_device",
        ),
        ({"zzz": {}}, r"unknown key zzz in \[x\]; known are"),
        ({"inner": {}}, r"\[x.inner\] wants wanted too"),
        ({"inner": {"wanted": 1, "name": 2}}, "x.inner.name cannot be 2: want text"),
        ({"several": [{"wanted": "one"}]}, "x.several.wanted cannot be 'one'"),
        ({"by_device": []}, r"want a table, \[x.by_device\]"),
        ({"by_device": {"cpu": True}}, "x.by_device.cpu cannot be True: want a whole number"),
    ],
)
def test_what_is_refused(raw: Any, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        tables.table(Outer, raw, "x")
