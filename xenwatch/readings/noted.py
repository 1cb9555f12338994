"""A snapshot that notes which of its fields are read, so that what was made of them can be kept.

What is used is noted, not declared: a declaration could be wrong, and what was made out of date.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from xenwatch.readings.snapshot import Snapshot

FIELDS: Final = frozenset(field.name for field in dataclasses.fields(Snapshot))


class NotedSnapshot(Snapshot):
    """A snapshot that notes which of its fields are read."""

    __slots__ = ("_noted",)

    @classmethod
    def of(cls, snapshot: Snapshot, noted: set[str]) -> NotedSnapshot:
        """The same snapshot, which adds to `noted`."""
        values: dict[str, Any] = {name: getattr(snapshot, name) for name in FIELDS}
        found = cls(**values)
        object.__setattr__(found, "_noted", noted)
        return found

    def __getattribute__(self, name: str) -> Any:
        if name in FIELDS:
            object.__getattribute__(self, "_noted").add(name)
        return object.__getattribute__(self, name)


def are_same(inputs: Mapping[str, object], snapshot: Snapshot) -> bool:
    """Whether these fields of the snapshot are the same values."""
    return all(getattr(snapshot, name) is value for name, value in inputs.items())
