"""A snapshot that notes which of its fields are read, so that what was made of them can be kept.

What is used is noted, not declared: a declaration could be wrong, and what was made out of date.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from xenwatch.readings.snapshot import Snapshot

FIELDS: Final = frozenset(field.name for field in dataclasses.fields(Snapshot))
PARTS: Final = frozenset({"domids", "running", "identities"})
"""Properties made of what seldom changes in a reading that is another in each pass."""
NOTED: Final = FIELDS | PARTS


class NotedSnapshot(Snapshot):
    """A snapshot that notes which of its fields and parts are read."""

    __slots__ = ("_noted", "_plain")

    @classmethod
    def of(cls, snapshot: Snapshot, noted: set[str]) -> NotedSnapshot:
        """The same snapshot, which adds to `noted`."""
        values: dict[str, Any] = {name: getattr(snapshot, name) for name in FIELDS}
        found = cls(**values)
        object.__setattr__(found, "_noted", noted)
        object.__setattr__(found, "_plain", snapshot)
        return found

    def __getattribute__(self, name: str) -> Any:
        if name in NOTED:
            object.__getattribute__(self, "_noted").add(name)
        if name in PARTS:  # without the fields it is made of
            return getattr(object.__getattribute__(self, "_plain"), name)
        return object.__getattribute__(self, name)


class Compared:
    """A snapshot that is compared with what was noted of another; each part is made once."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._parts: dict[str, object] = {}

    def has(self, inputs: Mapping[str, object]) -> bool:
        """Whether its fields of these names are the same values, and its parts equal."""
        return all(self._has(name, value) for name, value in inputs.items())

    def _has(self, name: str, value: object) -> bool:
        if name not in PARTS:
            return getattr(self._snapshot, name) is value
        if name not in self._parts:
            self._parts[name] = getattr(self._snapshot, name)
        return self._parts[name] == value
