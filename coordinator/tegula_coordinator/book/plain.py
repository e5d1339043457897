"""State as JSON, and back, by the type hints of its dataclasses: for closed jobs and checkpoints of the book.

`tegula_market.codec` spells messages, which strangers send. This spells what a program holds in memory: dicts
with any key, sets, deques, and objects that are in two places and have to be one again. A dataclass is a list
of its fields; which these are is said once, beside the values. So a later program reads what an earlier one
has written, for as long as each field that came has a default and none has gone. Nothing is run that the data
names: only the classes in the hints are ever made.
"""

import collections
import dataclasses
import json
import types
import typing
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import is_dataclass
from enum import StrEnum
from functools import cache
from itertools import islice
from operator import attrgetter, methodcaller
from typing import Any, TypeAlias, Union, get_args, get_origin, get_type_hints

from tegula_market.model import TegulaError

FAST = 1
"""Level of compression: higher ones take three times as long for a few per cent."""
PIECE = 64
"""Items of a dict or list that are written at a time: at most 4 ms of those that closed jobs have."""
Names: TypeAlias = dict[str, list[str]]
"""The fields of each dataclass, in the order in which they are written."""
Write: TypeAlias = Callable[[Any, dict[int, int]], Any]
"""A value as JSON has it. The dict has the numbers of objects that can change, in order of writing."""
Read: TypeAlias = Callable[[Any, list[Any]], Any]
"""And back; the list has the objects that can change, by number."""


class Unreadable(TegulaError):
    """Not what this program, or an earlier one, has written."""


def pack(holder: type, names: tuple[str, ...], values: Sequence[object]) -> bytes:
    """These fields of a dataclass, compressed. Equal values in equal order give equal bytes."""
    return b"".join(packing(holder, names, values))


def packing(holder: type, names: tuple[str, ...], values: Sequence[object]) -> Iterator[bytes]:
    """As `pack`, in pieces: between two of them somebody else may have the processor, but change nothing."""
    hints, known = _speaks_of(holder, names)
    written: dict[int, int] = {}
    squeeze = zlib.compressobj(FAST)
    yield squeeze.compress(f'{{"fields":{_json(names)},"of":{_json(known)},"values":['.encode())
    for index, (hint, value) in enumerate(zip(hints, values, strict=True)):
        yield squeeze.compress(b"," if index else b"")
        for piece in _spelled(_writer(hint), value, written):
            yield squeeze.compress(piece.encode())
    yield squeeze.compress(b"]}") + squeeze.flush()


def _spelled(write: Write | None, value: Any, written: dict[int, int]) -> Iterator[str]:
    """One field's JSON. What is long is a list there, whose parts one after the other are the whole; a long
    tuple is one of any length."""
    if not isinstance(value, list | tuple | dict) or len(value) <= PIECE:
        yield _json(_apply(write, value, written))
        return
    items = iter(value.items() if isinstance(value, dict) else value)
    begin = "["
    while some := list(islice(items, PIECE)):
        part = dict(some) if isinstance(value, dict) else some
        yield begin + _json(_apply(write, part, written))[1:-1]
        begin = ","
    yield "]"


def _json(plain: Any) -> str:
    return json.dumps(plain, separators=(",", ":"))


def unpack(holder: type, data: bytes) -> dict[str, Any]:
    """The fields that were packed, by name.

    Raises:
        Unreadable: damaged, or of a program with other fields.
    """
    try:
        said = json.loads(zlib.decompress(data))
        hints = get_type_hints(holder)
        read = _Reading(said["of"])
        made: list[Any] = []
        pairs = zip(said["fields"], said["values"], strict=True)
        return {name: _back(read.of(hints[name]), plain, made) for name, plain in pairs}
    except (zlib.error, ValueError, LookupError, TypeError, AttributeError, TegulaError) as error:
        raise Unreadable(f"cannot be read: {type(error).__name__}: {error}") from error


def shape(holder: type, names: tuple[str, ...]) -> Names:
    """The fields of all dataclasses that these fields speak of."""
    return _speaks_of(holder, names)[1]


@cache
def _speaks_of(holder: type, names: tuple[str, ...]) -> tuple[list[Any], Names]:
    """Types of the fields, and the dataclasses in them."""
    hints = [get_type_hints(holder)[name] for name in names]
    found: dict[str, type] = {}
    todo = list(hints)
    while todo:
        kind = todo.pop()
        if isinstance(kind, typing.NewType):
            todo.append(kind.__supertype__)
        elif not (isinstance(kind, type) and is_dataclass(kind)):
            todo += [arm for arm in get_args(kind) if arm is not Ellipsis]
        elif kind.__qualname__ not in found:
            found[kind.__qualname__] = kind
            todo += [get_type_hints(kind)[name] for name in _fields(kind)]
        elif found[kind.__qualname__] is not kind:
            raise TypeError(
                f"two classes are called {kind.__qualname__}; a checkpoint cannot tell them apart"
            )
    return hints, {name: _fields(found[name]) for name in sorted(found)}


def _fields(kind: type) -> list[str]:
    return [field.name for field in dataclasses.fields(kind) if field.init]


def _apply(write: Write | None, value: Any, written: dict[int, int]) -> Any:
    return value if write is None else write(value, written)


def _back(read: Read | None, plain: Any, made: list[Any]) -> Any:
    return plain if read is None else read(plain, made)


@cache
def _writer(kind: Any) -> Write | None:
    """None for what is JSON as it is."""
    if isinstance(kind, typing.NewType):
        return _writer(kind.__supertype__)
    origin, arms = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        inner = _writer(_optional(kind))
        if inner is None:
            return None
        return lambda value, written: None if value is None else inner(value, written)
    if origin is dict:
        key, item = map(_writer, arms)
        return lambda value, written: [
            [_apply(key, k, written), _apply(item, v, written)] for k, v in value.items()
        ]
    if origin is tuple and arms[-1] is not Ellipsis:
        each = [_writer(arm) for arm in arms]
        return lambda value, written: [
            _apply(write, item, written) for write, item in zip(each, value, strict=True)
        ]
    if origin in (list, tuple, collections.deque, set, frozenset):
        return _row_writer(origin, _writer(arms[0]))
    if kind in (bool, int, float, str, None):
        return None
    if kind is bytes:
        to_hex = methodcaller("hex")
        return lambda value, _written: to_hex(value)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return lambda value, _written: value.value
    if isinstance(kind, type) and is_dataclass(kind):
        return _dataclass_writer(kind)
    raise TypeError(f"{kind} cannot be in a checkpoint; say in book/plain.py how it is written")


def _row_writer(origin: Any, inner: Write | None) -> Write:
    def write(value: Any, written: dict[int, int]) -> Any:
        row = list(value) if inner is None else [inner(item, written) for item in value]
        if origin in (set, frozenset):
            row.sort()
        return [value.maxlen, row] if origin is collections.deque else row

    return write


def _dataclass_writer(kind: type) -> Write:
    names = _fields(kind)
    hints = get_type_hints(kind)
    get = attrgetter(*names) if len(names) > 1 else lambda value: [getattr(value, name) for name in names]
    frozen = kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    writers = [_writer(hints[name]) for name in names]
    plain = all(write is None for write in writers)

    def row(value: Any, written: dict[int, int]) -> list[Any]:
        if plain:
            return list(get(value))
        return [
            item if write is None else write(item, written)
            for write, item in zip(writers, get(value), strict=True)
        ]

    def changing(value: Any, written: dict[int, int]) -> Any:
        if id(value) in written:
            return written[id(value)]
        done = row(value, written)
        written[id(value)] = len(written)
        return done

    return row if frozen else changing


class _Reading:
    """Readers for what was written with these fields."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._known: dict[Any, Read | None] = {}

    def of(self, kind: Any) -> Read | None:
        if kind not in self._known:
            self._known[kind] = self._reader(kind)
        return self._known[kind]

    def _reader(self, kind: Any) -> Read | None:
        if isinstance(kind, typing.NewType):
            return self.of(kind.__supertype__)
        origin, arms = get_origin(kind), get_args(kind)
        if origin in (Union, types.UnionType):
            inner = self.of(_optional(kind))
            return lambda plain, made: None if plain is None else _back(inner, plain, made)
        if origin is dict:
            key, item = map(self.of, arms)
            return lambda plain, made: {_back(key, k, made): _back(item, v, made) for k, v in plain}
        if origin is tuple and arms[-1] is not Ellipsis:
            each = [self.of(arm) for arm in arms]
            return lambda plain, made: tuple(
                _back(read, part, made) for read, part in zip(each, plain, strict=True)
            )
        if origin in (list, tuple, collections.deque, set, frozenset):
            return _row_reader(origin, self.of(arms[0]))
        if kind in (bool, int, float, str):
            return _exactly(kind)
        if kind is None:
            return None
        if kind is bytes:
            return lambda plain, _made: bytes.fromhex(plain)
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            by_value = {member.value: member for member in kind}
            return lambda plain, _made: by_value[plain]
        if isinstance(kind, type) and is_dataclass(kind):
            return self._dataclass_reader(kind)
        raise TypeError(f"{kind} cannot be in a checkpoint; say in book/plain.py how it is read")

    def _dataclass_reader(self, kind: type) -> Read:
        hints = get_type_hints(kind)
        names = self._names[kind.__qualname__]
        gone = set(names) - set(_fields(kind))
        if gone:
            raise Unreadable(f"{kind.__qualname__} has no {', '.join(sorted(gone))} here")
        readers = [self.of(hints[name]) for name in names]
        in_order = names == _fields(kind)
        frozen = kind.__dataclass_params__.frozen  # type: ignore[attr-defined]

        def read(plain: Any, made: list[Any]) -> Any:
            if isinstance(plain, int):
                return made[plain]
            parts = [
                part if read is None else read(part, made) for read, part in zip(readers, plain, strict=True)
            ]
            value = kind(*parts) if in_order else kind(**dict(zip(names, parts, strict=True)))
            if not frozen:
                made.append(value)
            return value

        return read


def _row_reader(origin: Any, inner: Read | None) -> Read:
    def read(plain: Any, made: list[Any]) -> Any:
        longest, row = plain if origin is collections.deque else (None, plain)
        items = row if inner is None else [inner(item, made) for item in row]
        return collections.deque(items, longest) if origin is collections.deque else origin(items)

    return read


def _exactly(kind: type) -> Read:
    def read(plain: Any, _made: list[Any]) -> Any:
        if type(plain) is not kind and not (kind is float and type(plain) is int):
            raise Unreadable(f"{plain!r:.40} is no {kind.__name__}")
        return plain

    return read


def _optional(kind: Any) -> Any:
    """Of `X | None`, X."""
    (inner,) = [arm for arm in get_args(kind) if arm is not types.NoneType]
    return inner
