"""Values of JSON as dataclasses, each field checked against its type."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from typing import Any, Final, TypeVar

Row = TypeVar("Row")

LARGEST: Final = 2.0**100
"""No number of a host is larger: the sum of its counters of 64 bits, as bytes of pages.

What is larger has no figure.
"""


def parts(document: bytes) -> int:
    """How many objects and arrays JSON has, to be compared with a max before it is decoded.

    Or more: a text in it may have brackets. Empty ones take thirty times their JSON in memory.
    """
    return document.count(b"[") + document.count(b"{")


@functools.cache
def _hints(kind: Any) -> Mapping[str, Any]:
    """The types of a dataclass's fields; cached, as resolving them is slower than reading a row."""
    return typing.get_type_hints(kind)


def read(kind: type[Row], value: object) -> Row:
    """A value of JSON as a dataclass.

    Raises `TypeError` and `KeyError` for one of other types, and `ValueError` for a number that is
    none of a host's: too large, infinite or not a number.
    A field that an older version did not have has its default.
    """
    if not isinstance(value, dict):
        raise TypeError(f"{kind.__name__} is not an object")
    hints = _hints(typing.cast(Any, kind))
    missing = _optional(typing.cast(Any, kind)) - value.keys()
    return kind(
        **{
            name: _checked(hint, value[name], name)
            for name, hint in hints.items()
            if name not in missing
        }
    )


@functools.cache
def _optional(kind: Any) -> frozenset[str]:
    """The fields that have a default."""
    fields = dataclasses.fields(kind)
    return frozenset(each.name for each in fields if each.default is not dataclasses.MISSING)


def _checked(hint: Any, value: object, name: str) -> object:
    if isinstance(hint, types.UnionType):  # X | None
        if value is None:
            return None
        hint = next(kind for kind in typing.get_args(hint) if kind is not types.NoneType)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint):
        return read(typing.cast(type[object], hint), value)
    if origin is tuple and isinstance(value, list):
        return tuple(_checked(arguments[0], item, name) for item in value)
    if origin is Mapping and isinstance(value, dict):
        return {str(key): _checked(arguments[1], item, name) for key, item in value.items()}
    if isinstance(value, int | float) and not abs(value) <= LARGEST:  # nan is not less either
        raise ValueError(f"{name} is out of range")
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if origin or not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise TypeError(f"{name} is {type(value).__name__}")
    return value
