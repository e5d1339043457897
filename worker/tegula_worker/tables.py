"""Settings into values, strictly, by the fields' types: TOML's own, or text from the environment."""

import dataclasses
import difflib
import types
from collections.abc import Collection, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from tegula_market.model import Address, TegulaError, Wei
from tegula_worker.spans import Span

T = TypeVar("T")


class ConfigError(TegulaError):
    """A configuration that cannot be used; the message says what to change."""


def table(kind: type[T], raw: Any, place: str) -> T:
    """The dataclass that a TOML table spells.

    Raises:
        ConfigError: no table, a key that is not known or is missing, a value that makes no sense.
    """
    if not isinstance(raw, Mapping):
        raise ConfigError(f"{place} cannot be {raw!r}: want a table, [{place}]")
    fields = dataclasses.fields(kind)  # type: ignore[arg-type]
    refuse_unknown(raw, [field.name for field in fields], place)
    hints = get_type_hints(kind)
    made = {name: value(f"{place}.{name}", hints[name], each) for name, each in raw.items()}
    absent = [f.name for f in fields if f.name not in made and _is_required(f)]
    if absent:
        raise ConfigError(f"[{place}] wants {', '.join(absent)} too")
    return kind(**made)


def refuse_unknown(raw: Collection[str], known: Collection[str], place: str = "") -> None:
    """Raises: ConfigError: names the nearest key that is known."""
    for name in sorted(set(raw) - set(known)):
        near = difflib.get_close_matches(name, known, 1)
        meant = f"did you mean {near[0]}? " if near else ""
        where = f" in [{place}]" if place else ""
        raise ConfigError(f"unknown key {name}{where}; {meant}known are {', '.join(known)}")


def value(place: str, kind: Any, raw: Any) -> Any:
    """Raises: ConfigError: it is not what the field wants."""
    if isinstance(kind, type) and dataclasses.is_dataclass(kind) and kind is not Span:
        return table(kind, raw, place)
    if get_origin(kind) in (Union, types.UnionType):
        return value(place, next(arm for arm in get_args(kind) if arm is not type(None)), raw)
    if get_origin(kind) is tuple:
        return _several(place, get_args(kind)[0], raw)
    if get_origin(kind) is Mapping:
        return _by_name(place, get_args(kind), raw)
    try:
        return _single(kind, raw)
    except (AttributeError, TypeError, ValueError) as error:
        raise ConfigError(f"{place} cannot be {raw!r}: {error}") from error


def _several(place: str, kind: Any, raw: Any) -> tuple[Any, ...]:
    if isinstance(raw, Mapping | str):
        raw = [raw]
    if not isinstance(raw, list):
        raise ConfigError(f"{place} cannot be {raw!r}: want a list")
    return tuple(value(place, kind, each) for each in raw)


def _by_name(place: str, kinds: tuple[Any, ...], raw: Any) -> dict[Any, Any]:
    if not isinstance(raw, Mapping):
        raise ConfigError(f"{place} cannot be {raw!r}: want a table, [{place}]")
    name, kind = kinds
    return {value(place, name, key): value(f"{place}.{key}", kind, each) for key, each in raw.items()}


def _single(kind: Any, raw: Any) -> Any:
    if kind is bool:
        return _bool(raw)
    if kind in (int, Wei):
        return _int(raw)
    if kind is Address:
        return _address(raw)
    if kind is Path:
        return Path(raw).expanduser()
    if kind is Span:
        return Span.parse(raw)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _member(kind, raw)
    if isinstance(raw, str):
        return raw
    raise TypeError("want text")


def _member(kind: type[StrEnum], raw: str) -> StrEnum:
    for spelt in (raw, raw.upper()):
        if spelt in list(kind):
            return kind(spelt)
    raise ValueError("choose one of " + ", ".join(f'"{member}"' for member in kind))


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _bool(raw: Any) -> bool:
    made = {"true": True, "false": False}.get(str(raw).lower())
    if made is None:
        raise ValueError("choose true or false")
    return made


def _int(raw: Any) -> int:
    if isinstance(raw, bool | float):
        raise TypeError("want a whole number")
    return int(raw)


def _address(raw: str) -> Address:
    made = bytes.fromhex(raw.removeprefix("0x"))
    if len(made) != 20:
        raise ValueError("want 20 bytes of hex")
    return Address(made)
