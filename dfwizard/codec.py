"""Frozen dataclasses to JSON and back, naming the key that does not fit.

Supported: dataclasses, `str`, `int`, `float`, `bool`, `None`, enums of strings, `tuple[X, ...]`, `Mapping[str, X]` and
unions of those with `None` or, for dataclasses, of classes told apart by a class attribute `KIND` that is written as
`"kind"`. Unknown keys are refused, and so is a `schema` that is higher than the class's own: a document written by a newer dfwizard
must not be half understood.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import math
import types
import typing
from collections.abc import Hashable, Mapping
from functools import cache
from typing import Any, TypeVar

from dfwizard.errors import CodecError

T = TypeVar("T")


def to_data(value: object) -> Any:
    """Give `value` as plain dicts, lists and scalars that `json.dumps` takes."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        data = {field.name: to_data(getattr(value, field.name)) for field in dataclasses.fields(value)}
        kind = getattr(type(value), "KIND", None)
        return data if kind is None else {"kind": kind, **data}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): to_data(item) for key, item in value.items()}
    if isinstance(value, (tuple, list, set, frozenset)):
        items = sorted(value) if isinstance(value, (set, frozenset)) else value
        return [to_data(item) for item in items]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise TypeError(f"{type(value).__name__} has no JSON form")


def dumps(value: object, *, indent: int | None = None) -> str:
    """Give `value` as JSON text; lone surrogates (bytes that were not UTF-8) survive as escapes."""
    return json.dumps(to_data(value), indent=indent)


def loads(kind: type[T], text: str | bytes, *, where: str = "") -> T:
    """Read JSON `text` as a `kind`.

    Raises:
        CodecError: the text is not JSON, or a key is missing, unknown or of another type.
    """
    try:
        data = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise CodecError(f"not JSON: {error}", where=where or None) from None
    return from_data(kind, data, where=where)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def from_data(kind: type[T], data: Any, *, where: str = "") -> T:
    """Read plain data as a `kind`; see `loads`."""
    return typing.cast("T", _read(kind, data, where or "document"))


def _read(kind: Any, data: Any, where: str) -> Any:
    origin = typing.get_origin(kind)
    if kind is Any:
        return data
    if origin in (typing.Union, types.UnionType):
        return _read_union(typing.get_args(kind), data, where)
    if origin is tuple:
        _expect(isinstance(data, list), where, "a list", data)
        item = typing.get_args(kind)[0]
        return tuple(_read(item, entry, f"{where}[{index}]") for index, entry in enumerate(data))
    if origin in (Mapping, dict):
        _expect(isinstance(data, dict), where, "an object", data)
        item = typing.get_args(kind)[1]
        return {key: _read(item, entry, f"{where}.{key}") for key, entry in data.items()}
    if origin is typing.Literal:
        _expect(data in typing.get_args(kind), where, f"one of {typing.get_args(kind)}", data)
        return data
    if dataclasses.is_dataclass(kind):
        return _read_dataclass(typing.cast("type[Any]", kind), data, where)
    return _read_scalar(kind, data, where)


def _read_scalar(kind: Any, data: Any, where: str) -> Any:
    if kind is type(None):
        _expect(data is None, where, "null", data)
        return None
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        try:
            return kind(data)
        except ValueError:
            raise _wrong(where, "one of " + ", ".join(repr(item.value) for item in kind), data) from None
    if kind is float:
        _expect(isinstance(data, (int, float)) and not isinstance(data, bool), where, "a number", data)
        try:
            number = float(data)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise CodecError("the number is too large", where=where)
        return number
    if kind is int:
        _expect(isinstance(data, int) and not isinstance(data, bool), where, "a whole number", data)
        return data
    _expect(isinstance(data, kind), where, f"a {kind.__name__}", data)
    return data


def _read_union(kinds: tuple[Any, ...], data: Any, where: str) -> Any:
    if data is None and type(None) in kinds:
        return None
    candidates = [kind for kind in kinds if kind is not type(None)]
    tagged = [kind for kind in candidates if hasattr(kind, "KIND")]
    if tagged and isinstance(data, dict):
        if "kind" not in data:
            raise CodecError("the key is missing", where=f"{where}.kind")
        for kind in tagged:
            if data["kind"] == kind.KIND:
                return _read(kind, data, where)
        raise CodecError(f"{data['kind']!r} is no known kind", where=f"{where}.kind")
    if len(candidates) == 1:
        return _read(candidates[0], data, where)
    for kind in candidates:
        try:
            return _read(kind, data, where)
        except CodecError:
            continue
    raise _wrong(where, "one of the allowed types", data)


@cache
def _hints(kind: Hashable) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _read_dataclass(kind: type[Any], data: Any, where: str) -> Any:
    _expect(isinstance(data, dict), where, "an object", data)
    tag = getattr(kind, "KIND", None)
    rest = {key: value for key, value in data.items() if not (tag is not None and key == "kind")}
    if tag is not None and "kind" not in data:
        raise CodecError("the key is missing", where=f"{where}.kind")
    if tag is not None and data["kind"] != tag:
        raise CodecError(f"expected {tag!r}", where=f"{where}.kind")
    _refuse_newer(kind, rest, where)
    hints = _hints(typing.cast("Hashable", kind))
    values = {}
    for field in dataclasses.fields(kind):
        if field.name in rest:
            values[field.name] = _read(hints[field.name], rest.pop(field.name), f"{where}.{field.name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise CodecError("the key is missing", where=f"{where}.{field.name}")
    if rest:
        raise CodecError(
            f"unknown key {next(iter(rest))!r}",
            where=where,
            remedy="It may have been written by a newer dfwizard: use that one.",
        )
    return kind(**values)


def _refuse_newer(kind: type[Any], data: dict[str, Any], where: str) -> None:
    known, found = getattr(kind, "schema", None), data.get("schema")
    if isinstance(known, int) and isinstance(found, int) and found > known:
        raise CodecError(
            f"written in form {found}, known is {known}",
            where=where,
            remedy="A newer dfwizard wrote it: use that version.",
        )


def _expect(condition: bool, where: str, expected: str, data: Any) -> None:
    if not condition:
        raise _wrong(where, expected, data)


def _wrong(where: str, expected: str, data: Any) -> CodecError:
    return CodecError(f"expected {expected}, found {type(data).__name__}", where=where)
