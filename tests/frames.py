"""What peers could send: messages with any values that the codec takes, and frames that are none."""

import json
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import StrEnum
from typing import Any, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from tegula_market import codec, messages
from tegula_market.messages import Message
from tegula_market.model import InvalidValue, Wei

Known = Mapping[Any, Sequence[Any]]
"""By type: values that mean something to whoever hears them. Else no message gets past the first look."""

TEXT = st.text(st.characters(exclude_categories=("C", "Z")), max_size=60) | st.just("x" * codec.MAX_TEXT)
INTS = st.integers(-3, 300) | st.integers(-codec.MAX_INT, codec.MAX_INT)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def said(kinds: Any, known: Known) -> st.SearchStrategy[Message]:
    """Messages of a union of kinds, such as FromWorker."""
    return st.one_of([values(kind, known) for kind in get_args(kinds)])


def values(kind: Any, known: Known) -> st.SearchStrategy[Any]:
    """Whatever of that type comes through the codec."""
    if kind in known:
        return st.sampled_from(known[kind]) | _any(kind, known)
    return _any(kind, known)


def _any(kind: Any, known: Known) -> st.SearchStrategy[Any]:
    if kind in codec.LENGTHS or kind is bytes:
        length = codec.LENGTHS.get(kind, 32)
        return st.binary(min_size=length, max_size=length)
    plain = {Wei: st.integers(0, codec.MAX_WEI), bool: st.booleans(), int: INTS, str: TEXT}
    if kind in plain:
        return plain[kind]
    if kind is float:
        return st.floats(-(2.0**62), 2.0**62)
    if isinstance(kind, typing.NewType):
        return values(kind.__supertype__, known)
    if get_origin(kind) in (Union, types.UnionType):
        return st.one_of(
            [st.none() if arm is types.NoneType else values(arm, known) for arm in get_args(kind)]
        )
    if get_origin(kind) is tuple:
        return st.lists(values(get_args(kind)[0], known), max_size=4).map(tuple)
    if issubclass(kind, StrEnum):
        return st.sampled_from(kind)
    assert is_dataclass(kind)
    return _made(kind, known).filter(lambda made: made is not None)


def _made(kind: Any, known: Known) -> st.SearchStrategy[Any]:
    hints = get_type_hints(kind)

    def make(**given: Any) -> Any:
        try:
            return kind(**given)
        except InvalidValue:
            return None

    return st.builds(make, **{each.name: values(hints[each.name], known) for each in fields(kind)})


@st.composite
def broken(draw: st.DrawFn, kinds: Any, known: Known) -> list[bytes]:
    """Frames that were a message, before something happened to them. A few still are one."""
    frames = messages.encode(draw(said(kinds, known)))
    return draw(st.sampled_from([_other_bytes, _other_value, _other_frames]))(draw, frames)


def rubbish() -> st.SearchStrategy[list[bytes]]:
    """Frames that never were a message; zmq sends no message of none."""
    return st.lists(st.binary(max_size=100), min_size=1, max_size=5)


def _other_bytes(draw: st.DrawFn, frames: list[bytes]) -> list[bytes]:
    which = draw(st.integers(0, len(frames) - 1))
    at = draw(st.integers(0, len(frames[which])))
    removed, added = draw(st.integers(0, 3)), draw(st.binary(max_size=3))
    frames[which] = frames[which][:at] + added + frames[which][at + removed :]
    return frames


def _other_value(draw: st.DrawFn, frames: list[bytes]) -> list[bytes]:
    """One value of the JSON is another, however deep it is."""
    holder = {"all": json.loads(frames[2])}
    place, key = holder, "all"
    while isinstance(place[key], dict | list) and place[key] and draw(st.booleans()):
        place = place[key]
        key = draw(st.sampled_from(list(place) if isinstance(place, dict) else range(len(place))))
    place[key] = draw(JSON)
    return [*frames[:2], json.dumps(holder["all"]).encode()]


def _other_frames(draw: st.DrawFn, frames: list[bytes]) -> list[bytes]:
    kind = draw(st.sampled_from([*messages._KINDS, b"", b"\xff"]))
    return draw(
        st.sampled_from([frames[:1], frames[:2], frames[1:], [*frames, b""], [frames[0], kind, frames[2]]])
    )
