"""The families of a pass, each made when it is asked for, and kept while its readings are the same.

Which readings a metric uses is noted while it reads them, not declared: a declaration could be
wrong, and the series then out of date.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from xenwatch.exposition.text_format import Family
from xenwatch.metrics.base import Metric, Readings
from xenwatch.readings.snapshot import Snapshot

_OF_SNAPSHOT: Final = frozenset(field.name for field in dataclasses.fields(Snapshot))
_OF_READINGS: Final = frozenset(field.name for field in dataclasses.fields(Readings))


class _NotedSnapshot(Snapshot):
    """A snapshot that notes which of its fields are read."""

    __slots__ = ("_noted",)

    @classmethod
    def of(cls, snapshot: Snapshot, noted: set[str]) -> _NotedSnapshot:
        """The same snapshot, which adds to `noted`."""
        values: dict[str, Any] = {name: getattr(snapshot, name) for name in _OF_SNAPSHOT}
        found = cls(**values)
        object.__setattr__(found, "_noted", noted)
        return found

    def __getattribute__(self, name: str) -> Any:
        if name in _OF_SNAPSHOT:
            object.__getattribute__(self, "_noted").add(name)
        return object.__getattribute__(self, name)


class _NotedReadings(Readings):
    """Readings that note which of their fields are read: those of the snapshot, or their own."""

    __slots__ = ("_noted", "_snapshot")

    @classmethod
    def of(cls, readings: Readings, noted: set[str]) -> _NotedReadings:
        """The same readings, which add to `noted`."""
        values: dict[str, Any] = {name: getattr(readings, name) for name in _OF_READINGS}
        found = cls(**values)
        object.__setattr__(found, "_noted", noted)
        object.__setattr__(found, "_snapshot", _NotedSnapshot.of(readings.snapshot, noted))
        return found

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot, which notes too."""
        found: Snapshot = object.__getattribute__(self, "_snapshot")
        return found

    def __getattribute__(self, name: str) -> Any:
        if name in _OF_READINGS:
            object.__getattribute__(self, "_noted").add(name)
        return object.__getattribute__(self, name)


@dataclass(frozen=True, slots=True)
class _Made:
    """A family, and what it was made of: fields of the snapshot, `None` if of more than that."""

    family: Family
    inputs: Mapping[str, object] | None

    def holds(self, snapshot: Snapshot) -> bool:
        """Whether it would be the same if made of this snapshot: everything used is the same."""
        return self.inputs is not None and all(
            getattr(snapshot, name) is value for name, value in self.inputs.items()
        )


class Families(Mapping[str, Family]):
    """The families of a pass by name, in the order of the metrics; one without samples is empty.

    `before` are those of a pass before, or of the pass this is a part of. To be used by one thread
    at a time.
    """

    def __init__(
        self, metrics: Iterable[Metric], readings: Readings, before: Families | None = None
    ) -> None:
        self._metrics = {metric.name: metric for metric in metrics}
        self._noted: set[str] = set()
        self._snapshot = readings.snapshot
        self._fence = readings.assessment.fence
        self._readings = _NotedReadings.of(readings, self._noted)
        self._made = before.still(self._snapshot) if before is not None else {}

    def still(self, snapshot: Snapshot) -> dict[str, _Made]:
        """What was made so far and is the same of this snapshot."""
        so_far = self._made.copy()  # at once, as another thread may add to it
        return {name: made for name, made in so_far.items() if made.holds(snapshot)}

    def __getitem__(self, name: str) -> Family:
        made = self._made.get(name)
        if made is None:
            made = self._made[name] = self._make(self._metrics[name])
        return made.family

    def __iter__(self) -> Iterator[str]:
        return iter(self._metrics)

    def __len__(self) -> int:
        return len(self._metrics)

    def _make(self, metric: Metric) -> _Made:
        self._noted.clear()
        family = metric.family(self._readings, self._fence)
        if family.unmade or not self._noted <= _OF_SNAPSHOT:
            return _Made(family, None)
        return _Made(family, {name: getattr(self._snapshot, name) for name in self._noted})
