"""Tables of a scenario in TOML as dataclasses."""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any, TypeVar

_T = TypeVar("_T")


class ScenarioError(Exception):
    """The scenario is invalid; the text names it, the place and the reason."""


def tables(value: object, name: str, place: str) -> dict[str, Any]:
    """A table of tables. Raises `ScenarioError`."""
    if not isinstance(value, dict) or not all(isinstance(table, dict) for table in value.values()):
        raise ScenarioError(f"scenario {name}: {place} must be a table of tables")
    return value


def build(cls: type[_T], table: object, name: str, place: str, checked: tuple[str, ...] = ()) -> _T:
    """The dataclass whose fields are the keys of the table, each of its type.

    Keys that are `checked` already are taken as they are. Raises `ScenarioError`.
    """
    problem = f"scenario {name}: {place}: "
    if not isinstance(table, dict):
        raise ScenarioError(f"{problem}must be a table")
    hints = typing.get_type_hints(cls)
    for key, value in table.items():
        if key not in hints:
            raise ScenarioError(f"{problem}unknown key {key}; must be one of: {', '.join(hints)}")
        if key not in checked and not _is(value, hints[key]):
            raise ScenarioError(f"{problem}{key}: must be {_type_name(hints[key])}, not {value!r}")
    missing = [
        entry.name
        for entry in dataclasses.fields(cls)  # type: ignore[arg-type]
        if entry.name not in table
        if entry.default is entry.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ScenarioError(f"{problem}{missing[0]} is missing")
    return cls(**table)


def _is(value: object, hint: Any) -> bool:
    """Whether a TOML value has a field's type; integers are numbers too."""
    if isinstance(hint, types.UnionType):
        return any(_is(value, part) for part in typing.get_args(hint))
    if typing.get_origin(hint) is not None:
        return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())
    if isinstance(value, bool) or hint is bool:
        return isinstance(value, bool) and hint is bool
    if hint is float:
        return isinstance(value, int | float) and value >= 0
    if hint is int:
        return isinstance(value, int) and value >= 0
    return isinstance(value, hint)


def _type_name(hint: Any) -> str:
    names = {int: "an integer >= 0", float: "a number >= 0", bool: "true or false", str: "a string"}
    return next(
        (text for kind, text in names.items() if _matches(hint, kind)), "a table of strings"
    )


def _matches(hint: Any, kind: type) -> bool:
    return hint is kind or (isinstance(hint, types.UnionType) and kind in typing.get_args(hint))
