"""Strict JSON for the model's types: what is not exactly expected is refused.

Bytes are "0x" hex of the length their type has, money is a decimal string (JavaScript cannot hold
it as a number), everything else is what JSON has for it. Used on the wire, in the event log and in HTTP
bodies, so that there is one spelling of every type.
"""

import json
import math
import re
import types
import typing
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from tegula_market.model import (
    UNSAID,
    Address,
    Digest,
    InvalidValue,
    JobId,
    Signature,
    TegulaError,
    Wei,
    WorkerId,
)

T = TypeVar("T")
Encoder = Callable[[Any], Any]
Decoder = Callable[[Any, str], Any]

STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"')
BRACKETS = re.compile(rb"[\[\]{}]")
LENGTHS = {Digest: 32, Address: 20, JobId: 32, WorkerId: 32, Signature: 65}
MAX_TEXT = 4096
LONGEST_LINE = 1000
"""Of words that others may quote in theirs."""
LONGEST_NAME = 40
"""Characters of a key that nobody knows, as far as it is told back."""
MAX_DEPTH = 16
"""Of nested lists and objects. json counts on Python's recursion limit, which py-evm raises beyond the stack:
100,000 brackets then end the process and not just the call."""
MAX_INT = 2**63 - 1
MAX_WEI = 2**96 - 1
"""The escrow counts in uint96."""
LATER = types.MappingProxyType({"later": True})
"""Metadata of a field with a default that older programs do not write. It may be missing; no other may."""


class MalformedInput(TegulaError):
    """Bytes or JSON that are not what they should be; the message names the place."""


def line(text: str, longest: int = LONGEST_LINE) -> str:
    """Somebody else's words, fit for a message: one line, of at most so many characters."""
    return "".join(letter if letter.isprintable() else " " for letter in text)[:longest]


def dumps(value: object) -> bytes:
    """Canonical JSON of a dataclass: sorted keys, no spaces, so that equal values have equal digests."""
    return _CANONICAL.encode(encode(value)).encode()


def loads(kind: type[T], data: bytes) -> T:
    """The `kind` that `data` spells.

    Raises:
        MalformedInput: not JSON, not UTF-8, a key too many or too few, a wrong type, NaN or Infinity.
    """
    if _depth(data) > MAX_DEPTH:
        raise MalformedInput(f"JSON nested deeper than {MAX_DEPTH}")
    try:
        raw = _STRICT.decode(data.decode())
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise MalformedInput(f"not JSON: {error}") from error
    return decode(kind, raw)


def encode(value: object) -> Any:
    kind: Any = type(value)
    return _writer(kind)(value)


def decode(kind: type[T], raw: object, place: str = "") -> T:
    """As `loads`, from parsed JSON."""
    key: Any = kind
    result: T = _decoder(key)(raw, place or kind.__name__)
    return result


@cache
def _writer(kind: Any) -> Encoder:
    """Made once for each type: an encoder that looks at every value anew takes ten times as long."""
    if kind is Wei:
        return str
    if isinstance(kind, typing.NewType):
        return _writer(kind.__supertype__)
    if get_origin(kind) in (Union, types.UnionType):
        return _optional_writer(kind)
    if get_origin(kind) is tuple:
        write = _writer(get_args(kind)[0])
        return lambda value: [write(item) for item in value]
    if kind is tuple:
        return lambda value: [encode(item) for item in value]
    if not isinstance(kind, type):
        raise TypeError(f"{kind} has no JSON spelling")
    if issubclass(kind, StrEnum):
        return lambda value: value.value
    if issubclass(kind, bytes):
        return lambda value: "0x" + value.hex()
    if kind is types.NoneType or issubclass(kind, bool | int | float | str):
        return _itself
    if is_dataclass(kind):
        return _dataclass_writer(kind)
    raise TypeError(f"{kind.__name__} has no JSON spelling")


def _optional_writer(kind: Any) -> Encoder:
    arms = [arm for arm in get_args(kind) if arm is not types.NoneType]
    write = _writer(arms[0]) if len(arms) == 1 else encode
    return lambda value: None if value is None else write(value)


def _dataclass_writer(kind: Any) -> Encoder:
    hints, unsaid = get_type_hints(kind), _unsaid(kind)
    writers = [(field.name, _writer(hints[field.name])) for field in fields(kind)]
    if not unsaid:
        return lambda value: {name: write(getattr(value, name)) for name, write in writers}
    return lambda value: {
        name: write(found)
        for name, write in writers
        if (found := getattr(value, name)) is not None or name not in unsaid
    }


def _unsaid(kind: Any) -> frozenset[str]:
    """Names of fields that are left out where they are None."""
    return frozenset(field.name for field in fields(kind) if field.metadata == UNSAID)


def _itself(value: Any) -> Any:
    return value


@cache
def _decoder(kind: Any) -> Decoder:
    if kind in LENGTHS:
        return _bytes_decoder(LENGTHS[kind])
    plain: dict[Any, Decoder] = {Wei: _wei, bool: _bool, int: _int, float: _float, str: _text}
    if kind is bytes:
        return _bytes_decoder(32)
    if kind in plain:
        return plain[kind]
    if get_origin(kind) in (Union, types.UnionType):
        return _optional_decoder(kind)
    if get_origin(kind) is tuple:
        return _tuple_decoder(get_args(kind)[0])
    if isinstance(kind, typing.NewType):
        return _decoder(kind.__supertype__)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _enum_decoder(kind)
    return _dataclass_decoder(kind)


def _bytes_decoder(length: int) -> Decoder:
    def read(raw: Any, place: str) -> bytes:
        if isinstance(raw, str) and raw.startswith("0x") and len(raw) == 2 + 2 * length:
            digits = raw[2:]
            if digits == digits.lower() and digits.isascii() and digits.isalnum():
                try:
                    return bytes.fromhex(digits)
                except ValueError:
                    pass  # falls through to the one message for every misspelling
        raise MalformedInput(f"{place}: want 0x and {2 * length} lower-case hex digits")

    return read


def _wei(raw: Any, place: str) -> int:
    canonical = isinstance(raw, str) and raw.isascii() and raw.isdigit() and len(raw) <= 30
    if not canonical or str(int(raw)) != raw or int(raw) > MAX_WEI:
        raise MalformedInput(f"{place}: want an amount as a decimal string below 2^96")
    return int(raw)


def _bool(raw: Any, place: str) -> bool:
    if not isinstance(raw, bool):
        raise MalformedInput(f"{place}: want true or false")
    return raw


def _int(raw: Any, place: str) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int) or abs(raw) > MAX_INT:
        raise MalformedInput(f"{place}: want an integer")
    return raw


def _float(raw: Any, place: str) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float) or abs(raw) > MAX_INT or math.isnan(raw):
        raise MalformedInput(f"{place}: want a finite number")
    return float(raw)


def _text(raw: Any, place: str) -> str:
    if not isinstance(raw, str) or len(raw) > MAX_TEXT or not raw.isprintable():
        raise MalformedInput(f"{place}: want one line of at most {MAX_TEXT} characters")
    return raw


def _optional_decoder(kind: Any) -> Decoder:
    (inner,) = [arm for arm in get_args(kind) if arm is not type(None)]
    read_inner = _decoder(inner)
    return lambda raw, place: None if raw is None else read_inner(raw, place)


def _tuple_decoder(inner: Any) -> Decoder:
    read_inner = _decoder(inner)

    def read(raw: Any, place: str) -> tuple[Any, ...]:
        if not isinstance(raw, list):
            raise MalformedInput(f"{place}: want a list")
        return tuple(read_inner(item, f"{place}[{i}]") for i, item in enumerate(raw))

    return read


def _enum_decoder(kind: type[StrEnum]) -> Decoder:
    def read(raw: Any, place: str) -> StrEnum:
        if not isinstance(raw, str) or raw not in kind.__members__.values():
            raise MalformedInput(f"{place}: want one of {', '.join(kind)}")
        return kind(raw)

    return read


def _dataclass_decoder(kind: Any) -> Decoder:
    hints = get_type_hints(kind)
    readers = {f.name: _decoder(hints[f.name]) for f in fields(kind)}
    unsaid = _unsaid(kind)
    later = unsaid.union(f.name for f in fields(kind) if f.metadata == LATER)

    def read(raw: Any, place: str) -> Any:
        if not isinstance(raw, dict):
            raise MalformedInput(f"{place}: want an object")
        wanted = readers
        if raw.keys() != readers.keys():
            wanted = {name: read for name, read in readers.items() if name in raw or name not in later}
        if raw.keys() != wanted.keys():
            # Cut short: they are logged, and told to whoever sent them and may have sent a megabyte.
            odd = [repr(name[:LONGEST_NAME]) for name in sorted(raw.keys() ^ wanted.keys())[:5]]
            raise MalformedInput(f"{place}: keys missing or not known: {', '.join(odd)}")
        if unsaid and any(name in raw and raw[name] is None for name in unsaid):
            raise MalformedInput(f"{place}: {', '.join(sorted(unsaid))} is left out where there is none")
        try:
            return kind(**{name: read(raw[name], f"{place}.{name}") for name, read in wanted.items()})
        except InvalidValue as error:
            raise MalformedInput(f"{place}: {error}") from error

    return read


def _depth(data: bytes) -> int:
    """At most: few brackets, as most messages have, are not looked at one by one."""
    brackets = data.count(b"[") + data.count(b"{")
    if brackets <= MAX_DEPTH:
        return brackets
    depth = deepest = 0
    for bracket in BRACKETS.findall(STRINGS.sub(b"", data)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key occurs twice")
    return result


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number that is accepted here")


# json makes a new one for each call that says how.
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)
_STRICT = json.JSONDecoder(object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
