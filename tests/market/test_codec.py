import json
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders import an_order
from tegula_market import codec
from tegula_market.codec import MalformedInput
from tegula_market.digests import digest
from tegula_market.model import (
    Adaptive,
    Address,
    CostMap,
    Digest,
    LeaseId,
    Order,
    Outcome,
    Rect,
    Result,
    Scene,
    SceneFile,
    SceneManifest,
    Signature,
    Verdict,
    Wei,
)

BEFORE_COSTS = "7c7ea4fbe91c5b2c5067f4aa62c3c4f32f7142bf8b5f2a678fc66d770079bff2"
"""Digest of `an_order()` by a program that knew of no cost maps."""
text = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=40)
seconds = st.floats(0, 1e9)
rects = st.builds(
    lambda x, y, w, h: Rect(x, y, x + w, y + h), *[st.integers(0, 9999)] * 2, *[st.integers(1, 9999)] * 2
)
results = st.builds(
    Result,
    lease=text.map(LeaseId),
    image=st.binary(min_size=32, max_size=32).map(Digest),
    render_seconds=seconds,
    load_seconds=seconds,
    device=text,
    signature=st.binary(min_size=65, max_size=65).map(Signature),
)
verdicts = st.builds(
    Verdict,
    lease=text.map(LeaseId),
    outcome=st.sampled_from(Outcome),
    statistic=seconds,
    threshold=seconds,
    probe_pixels=st.integers(0, 10**9),
    probe_seconds=seconds,
    reason=text,
    salt=st.binary(min_size=32, max_size=32),
)
manifests = st.builds(
    SceneManifest,
    blend=text,
    files=st.lists(
        st.builds(
            SceneFile,
            path=text,
            digest=st.binary(min_size=32, max_size=32).map(Digest),
            size=st.integers(0, 2**40),
        )
    ).map(tuple),
)
orders = st.builds(
    lambda region, adaptive, frames, ceiling, costs: an_order(
        region=region, adaptive=adaptive, frames=tuple(frames), ceiling=ceiling, costs=costs
    ),
    st.none() | rects,
    st.none() | st.builds(Adaptive, st.floats(0, 1), st.integers(0, 4096)),
    st.lists(st.integers(-100, 10**6)),
    st.integers(0, codec.MAX_WEI).map(Wei),
    st.none() | st.lists(st.integers(1, 16), min_size=3, max_size=3).map(lambda w: CostMap(3, tuple(w))),
)


@given(st.one_of(results, verdicts, manifests, orders))
def test_what_is_written_is_read_back(value: object) -> None:
    assert codec.loads(type(value), codec.dumps(value)) == value


@given(orders)
def test_equal_values_are_spelled_equally(order: Order) -> None:
    again = codec.loads(Order, codec.dumps(order))
    assert codec.dumps(again) == codec.dumps(order)


@given(orders, st.data())
def test_every_key_is_needed_and_no_other_is_taken(order: Order, data: st.DataObject) -> None:
    raw = codec.encode(order)
    key = data.draw(st.sampled_from(sorted(raw.keys() - {"costs"})))
    with pytest.raises(MalformedInput, match=key):
        codec.decode(Order, {k: v for k, v in raw.items() if k != key})
    with pytest.raises(MalformedInput, match="surplus"):
        codec.decode(Order, raw | {"surplus": 1})


def test_orders_from_before_cost_maps_are_read_and_spelled_as_they_were() -> None:
    """Their digests are signed, and in logs. Without a map an order is one that older programs take."""
    order = an_order()
    assert digest(codec.dumps(order)).hex() == BEFORE_COSTS
    assert "costs" not in codec.encode(order)
    with pytest.raises(MalformedInput, match="costs is left out where there is none"):
        codec.decode(Order, codec.encode(order) | {"costs": None})


@pytest.mark.parametrize(
    ("costs", "why"),
    [
        ({"columns": 1, "weights": [17]}, "1 to 16"),
        ({"columns": 1, "weights": [0]}, "1 to 16"),
        ({"columns": 1, "weights": []}, "1 to 8 columns"),
        ({"columns": 1, "weights": [True]}, "an integer"),
        ({"columns": 1, "weights": [1.5]}, "an integer"),
        ({"columns": 1}, "weights"),
        ([1], "an object"),
    ],
)
def test_bad_cost_maps_are_refused(costs: object, why: str) -> None:
    with pytest.raises(MalformedInput, match=f"^Order.costs.*{why}"):
        codec.decode(Order, codec.encode(an_order()) | {"costs": costs})


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        (Wei, 5),
        (Wei, "05"),
        (Wei, "-5"),
        (Wei, "٣"),  # a digit to str.isdigit, none to us
        (Wei, str(2**96)),
        (Wei, "9" * 10_000),
        (Address, "0x" + "ab" * 19),
        (Address, "ab" * 20),
        (Address, "0x" + "AB" * 20),
        (Address, "0x" + "g0" * 20),
        (Address, "0x" + " a" * 20),
        (int, True),
        (int, 1.0),
        (int, 2**70),
        (float, "1"),
        (float, True),
        (float, 1e300),
        (bool, 1),
        (str, "two\nlines"),
        (str, "x" * 5000),
        (Outcome, "MAYBE"),
        (Outcome, ["ACCEPTED"]),
        (tuple[int, ...], {"0": 1}),
        (Rect, {"x0": 0, "y0": 0, "x1": 0, "y1": 1}),
        (Rect, [0, 0, 1, 1]),
    ],
)
def test_wrong_values_are_refused(kind: type, raw: object) -> None:
    with pytest.raises(MalformedInput):
        codec.decode(kind, raw, "value")


@dataclass(frozen=True, slots=True)
class Grown:
    """As a type is that got a field after others had been written."""

    old: int
    new: str = field(default="", metadata=codec.LATER)
    other: int = 0


def test_what_an_older_program_wrote_lacks_what_came_later_and_nothing_else() -> None:
    assert codec.decode(Grown, {"old": 1, "other": 2}, "it") == Grown(1, "", 2)
    assert codec.decode(Grown, {"old": 1, "new": "x", "other": 2}, "it") == Grown(1, "x", 2)
    for raw, odd in (
        ({"old": 1}, "'other'"),
        ({"other": 1}, "'old'"),
        ({"old": 1, "other": 2, "newer": 3}, "'newer'"),
    ):
        with pytest.raises(MalformedInput, match=f"keys missing or not known: {odd}$"):
            codec.decode(Grown, raw, "it")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"{",
        b'{"x0":0,"x0":0,"y0":0,"x1":1,"y1":1}',
        b'{"x0":NaN,"y0":0,"x1":1,"y1":1}',
        b'{"x0":0,"y0":0,"x1":1,"y1":Infinity}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"x0": ["]]]]]", ' + b"[" * 100_000,
    ],
)
def test_wrong_json_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedInput):
        codec.loads(Rect, data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(json_values)
def test_no_json_crashes_the_decoder(raw: object) -> None:
    with pytest.raises(MalformedInput):
        codec.loads(Scene, json.dumps(raw).encode())


def test_a_message_names_the_place() -> None:
    raw = codec.encode(an_order())
    raw["scene"]["spp"] = "many"
    with pytest.raises(MalformedInput, match=r"Order\.scene\.spp: want an integer"):
        codec.decode(Order, raw)
