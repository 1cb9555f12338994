"""The families of a pass, each made when it is asked for, and kept while its readings are the same.

Which readings a metric uses is noted while it reads them, not declared: a declaration could be
wrong, and the series then out of date.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from xenwatch.exposition.text_format import Family
from xenwatch.limits.states import LimitState
from xenwatch.metrics.base import Metric, Readings
from xenwatch.readings.noted import NOTED, NotedSnapshot, differing
from xenwatch.readings.snapshot import Snapshot
from xenwatch.values import dataclass

_OF_READINGS: Final = frozenset(field.name for field in dataclasses.fields(Readings))
COUNTS: Final = "counts"
"""The field of the readings with what the daemon knows of itself."""
ALL: Final = ""
"""In place of the name of a limit: every one."""
_INPUTS: Final = NOTED | {COUNTS}
"""What is compared from pass to pass."""


class _NotedStates(Mapping[str, Sequence[LimitState]]):
    """The states of limits by name, which note of which limit they are read; `ALL` if of every."""

    def __init__(self, states: Mapping[str, Sequence[LimitState]], noted: set[str]) -> None:
        self._states = states
        self._noted = noted

    def __getitem__(self, name: str) -> Sequence[LimitState]:
        self._noted.add(name)
        return self._states[name]

    def __iter__(self) -> Iterator[str]:
        self._noted.add(ALL)
        return iter(self._states)

    def __len__(self) -> int:
        self._noted.add(ALL)
        return len(self._states)


class _NotedReadings(Readings):
    """Readings that note which of their fields are read: those of the snapshot, or their own."""

    __slots__ = ("_noted", "_snapshot", "_states")

    @classmethod
    def of(cls, readings: Readings, noted: set[str], limits: set[str]) -> _NotedReadings:
        """The same readings, which add to `noted`, and of states of limits to `limits`."""
        values: dict[str, Any] = {name: getattr(readings, name) for name in _OF_READINGS}
        found = cls(**values)
        object.__setattr__(found, "_noted", noted)
        object.__setattr__(found, "_snapshot", NotedSnapshot.of(readings.snapshot, noted))
        object.__setattr__(found, "_states", _NotedStates(readings.states, limits))
        return found

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot, which notes too."""
        found: Snapshot = object.__getattribute__(self, "_snapshot")
        return found

    def __getattribute__(self, name: str) -> Any:
        if name == "states":
            return object.__getattribute__(self, "_states")
        if name in _OF_READINGS:
            object.__getattribute__(self, "_noted").add(name)
        return object.__getattribute__(self, name)


@dataclass(frozen=True, slots=True)
class _Made:
    """A family, and what it was made of: fields of the snapshot or `COUNTS`, and limits.

    `inputs` is `None` if it was made of more than that.
    """

    family: Family
    inputs: frozenset[str] | None
    limits: frozenset[str]


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
        self._limits: set[str] = set()
        self._snapshot = readings.snapshot
        self._states = readings.states
        self._counts = readings.counts
        self._fence = readings.assessment.fence
        self._readings = _NotedReadings.of(readings, self._noted, self._limits)
        self._made = before.still(readings) if before is not None else {}

    def still(self, readings: Readings) -> dict[str, _Made]:
        """What was made so far and is the same of these readings.

        All of it is of the readings of this pass, or would be the same if it were: what differs
        between the two passes is found once for all families.
        """
        so_far = self._made.copy()  # at once, as another thread may add to it
        inputs = differing(self._snapshot, readings.snapshot)
        if self._counts != readings.counts:
            inputs.add(COUNTS)
        mine, its = self._states, readings.states
        limits = {name for name in mine.keys() | its.keys() if mine.get(name) != its.get(name)}
        if limits:
            limits.add(ALL)
        return {
            name: made
            for name, made in so_far.items()
            if made.inputs is not None
            and inputs.isdisjoint(made.inputs)
            and limits.isdisjoint(made.limits)
        }

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
        self._limits.clear()
        family = metric.family(self._readings, self._fence)
        if family.unmade or not self._noted <= _INPUTS:
            return _Made(family, None, frozenset())
        return _Made(family, frozenset(self._noted), frozenset(self._limits))
