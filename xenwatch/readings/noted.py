"""A snapshot that notes which of its fields are read, so that what was made of them can be kept.

What is used is noted, not declared: a declaration could be wrong, and what was made out of date.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from xenwatch.readings.snapshot import PARTS, Snapshot

FIELDS: Final = frozenset(field.name for field in dataclasses.fields(Snapshot))
NOTED: Final = FIELDS | PARTS


class NotedSnapshot(Snapshot):
    """A snapshot that notes which of its fields and parts are read."""

    __slots__ = ("_noted", "_of")

    @classmethod
    def of(cls, snapshot: Snapshot, noted: set[str]) -> NotedSnapshot:
        """The same snapshot, which adds to `noted`."""
        found = object.__new__(cls)  # its own fields stay empty: those of the other are read
        object.__setattr__(found, "_noted", noted)
        object.__setattr__(found, "_of", snapshot)
        return found

    def copy(self, fields: Mapping[str, object]) -> Snapshot:
        """Not of this one, which would be empty: raises `TypeError`."""
        raise TypeError("a NotedSnapshot has no fields of its own: copy the snapshot it notes")

    def __getattribute__(self, name: str) -> Any:
        if name in NOTED:
            object.__getattribute__(self, "_noted").add(name)
            return getattr(object.__getattribute__(self, "_of"), name)
        return object.__getattribute__(self, name)


def are_same(inputs: Mapping[str, object], snapshot: Snapshot) -> bool:
    """Whether these fields of the snapshot are the same values, and its parts equal."""
    return all(_is_same(name, value, snapshot) for name, value in inputs.items())


def differing(before: Snapshot, now: Snapshot) -> set[str]:
    """The fields that are not the same values, and the parts that are not equal."""
    return {name for name in NOTED if not _is_same(name, getattr(before, name), now)}


def _is_same(name: str, value: object, snapshot: Snapshot) -> bool:
    now = getattr(snapshot, name)
    return now is value or (name in PARTS and now == value)
