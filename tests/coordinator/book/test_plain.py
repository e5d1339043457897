import json
import zlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, make_dataclass, replace
from enum import StrEnum
from typing import Any, NewType

import pytest

from tegula_coordinator.book import plain
from tegula_coordinator.book.plain import Unreadable

Key = NewType("Key", bytes)


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: float = 0.5


@dataclass(slots=True)
class Bag:
    name: str
    things: set[Key] = field(default_factory=set)
    sum: int = field(init=False)

    def __post_init__(self) -> None:
        self.sum = len(self.things)


@dataclass(slots=True)
class Holder:
    by_key: dict[Key, Bag]
    same: dict[Key, Bag]
    places: dict[Point, tuple[Point, ...]]
    pairs: list[tuple[Key, Point | None]]
    last: deque[int]
    colour: Colour | None
    seen: frozenset[int]
    only: dict[Key, None]
    amount: int


NAMES = tuple(Holder.__dataclass_fields__)


def a_holder() -> Holder:
    bag = Bag("a", {Key(b"\x02"), Key(b"\x01")})
    return Holder(
        {Key(b"\x01"): bag, Key(b"\x02"): Bag("b")},
        {Key(b"\x09"): bag},
        {Point(1): (Point(2, 1e300), Point(3, 1.0))},
        [(Key(b"\xff"), None), (Key(b""), Point(-1))],
        deque([1, 2], maxlen=3),
        Colour.RED,
        frozenset({3, 1, 2}),
        {Key(b"\x05"): None},
        2**90,
    )


def packed(holder: Holder, names: tuple[str, ...] = NAMES) -> bytes:
    return plain.pack(Holder, names, [getattr(holder, name) for name in names])


def test_everything_comes_back_as_it_was() -> None:
    was = a_holder()
    back = Holder(**plain.unpack(Holder, packed(was)))
    assert back == was
    assert back.last.maxlen == 3
    assert list(back.by_key) == list(was.by_key)
    assert type(back.colour) is Colour
    assert packed(back) == packed(was)


@pytest.mark.parametrize("length", [plain.PIECE, plain.PIECE + 1, 2 * plain.PIECE, 3 * plain.PIECE])
def test_what_is_long_is_written_in_pieces_and_as_it_would_be_in_one(
    monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    bags = [Bag(str(number)) for number in range(length)]
    keys = [Key(number.to_bytes(2)) for number in range(len(bags))]
    many = replace(
        a_holder(),
        by_key=dict(zip(keys, bags, strict=True)),
        same=dict(zip(reversed(keys), bags[:1] * len(keys), strict=True)),
        pairs=[(key, Point(1)) for key in keys],
    )
    values = [getattr(many, name) for name in NAMES]
    pieces = list(plain.packing(Holder, NAMES, values))
    long = 3 * -(-length // plain.PIECE) if length > plain.PIECE else 0
    assert len(pieces) > len(NAMES) + long
    data = b"".join(pieces)
    assert data == plain.pack(Holder, NAMES, values)
    again = Holder(**plain.unpack(Holder, data))
    assert again == many
    assert all(bag is again.by_key[keys[0]] for bag in again.same.values())
    said = zlib.decompress(data)
    assert said == json.dumps(json.loads(said), separators=(",", ":")).encode()
    monkeypatch.setattr(plain, "PIECE", length)
    assert zlib.decompress(plain.pack(Holder, NAMES, values)) == said


def test_what_was_one_object_is_one_again() -> None:
    back = Holder(**plain.unpack(Holder, packed(a_holder())))
    assert back.same[Key(b"\x09")] is back.by_key[Key(b"\x01")]
    assert back.by_key[Key(b"\x02")] is not back.by_key[Key(b"\x01")]


def test_a_field_that_came_later_has_its_default() -> None:
    older = make_dataclass("Point", [("x", int)], frozen=True)
    old = make_dataclass("Holder", [("places", dict[older, tuple[older, ...]])])  # type: ignore[valid-type]
    data = plain.pack(old, ("places",), [{older(1): (older(2),)}])
    assert plain.unpack(Holder, data) == {"places": {Point(1, 0.5): (Point(2, 0.5),)}}


def test_a_field_that_is_gone_is_told() -> None:
    newer = make_dataclass("Point", [("x", int), ("y", float), ("z", float)], frozen=True)
    new = make_dataclass("Holder", [("places", dict[newer, tuple[newer, ...]])])  # type: ignore[valid-type]
    with pytest.raises(Unreadable, match="Point has no z here"):
        plain.unpack(Holder, plain.pack(new, ("places",), [{newer(1, 2.0, 3.0): ()}]))
    newest = make_dataclass("Holder", [("price", int)])
    with pytest.raises(Unreadable, match="price"):
        plain.unpack(Holder, plain.pack(newest, ("price",), [1]))


def spoilt(change: Callable[[Any], Any]) -> bytes:
    said = json.loads(zlib.decompress(packed(a_holder())))
    return zlib.compress(json.dumps(change(said)).encode())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no zlib",
        zlib.compress(b"no json"),
        zlib.compress(b"[1]"),
        packed(a_holder())[:-9],
        spoilt(lambda said: {**said, "of": {}}),
        spoilt(lambda said: {**said, "values": said["values"][:-1]}),
        spoilt(lambda said: {**said, "values": [*said["values"][:-1], "12"]}),
        spoilt(lambda said: {**said, "values": [*said["values"][:-1], True]}),
        spoilt(lambda said: {**said, "values": [[["01", 7]], *said["values"][1:]]}),
        spoilt(lambda said: {**said, "values": [[["xx", ["a", []]]], *said["values"][1:]]}),
    ],
)
def test_what_is_damaged_is_told(data: bytes) -> None:
    with pytest.raises(Unreadable):
        plain.unpack(Holder, data)


def test_what_cannot_be_written_is_told_at_once() -> None:
    odd = make_dataclass("Odd", [("run", Callable[[], None])])
    with pytest.raises(TypeError, match="cannot be in a checkpoint"):
        plain.pack(odd, ("run",), [print])
    twin = make_dataclass("Bag", [("x", int)])
    both = make_dataclass("Both", [("one", Bag), ("other", twin)])
    with pytest.raises(TypeError, match="two classes are called Bag"):
        plain.pack(both, ("one", "other"), [Bag("a"), twin(1)])
