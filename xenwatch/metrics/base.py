"""A metric: its name, help text, and the function from readings to rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from typing import TypeVar

from xenwatch.assessment import Assessment
from xenwatch.exposition.text_format import Family, Histogram, Kind
from xenwatch.fence import OPEN, Fence, Part
from xenwatch.limits.states import LimitState
from xenwatch.readings.snapshot import Snapshot
from xenwatch.values import dataclass

Row = tuple[tuple[str, ...], float | Histogram | None]
Rows = Callable[["Readings"], Iterable[Row]]
_Reading = TypeVar("_Reading")


@dataclass(frozen=True, slots=True)
class Configured:
    """The configuration of the daemon.

    Whether the newest one was accepted, and the instant at which that in use was read.
    """

    accepted: bool
    instant: float


@dataclass(frozen=True, slots=True)
class Recorded:
    """The record of the past: how many writes failed, and its size in bytes, if it is known.

    Whether the newest write succeeded, `None` before the first, and the instant of the last moment
    that was written, `None` while there is none.
    """

    failures: int
    size: int | None
    successful: bool | None = None
    instant: float | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """What the daemon knows of itself.

    The runs skipped by the scheduler, by probe; how many writes of the textfile failed, how many
    passes could not be assessed or rendered; its configuration, `None` where there is none; how
    often a part raised, by kind; by reason, how many requests and connections were not served; the
    record, `None` where there is none; and how many events were lost, by probe.
    """

    overruns: Mapping[str, int] = field(default_factory=dict)
    textfile_failures: int | None = None
    render_failures: int | None = None
    configured: Configured | None = None
    faults: Mapping[str, int] = field(default_factory=dict)
    refused: Mapping[str, int] = field(default_factory=dict)
    recorded: Recorded | None = None
    lost: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Readings:
    """The input of a metric: an assessment, its `states` by name of limit, and counts."""

    assessment: Assessment
    states: Mapping[str, Sequence[LimitState]]
    counts: Counts

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot that was assessed."""
        return self.assessment.snapshot

    @classmethod
    def from_assessment(cls, assessment: Assessment, counts: Counts | None = None) -> Readings:
        """The readings of an assessment."""
        by_limit: defaultdict[str, list[LimitState]] = defaultdict(list)
        for state in assessment.states:
            by_limit[state.limit.name].append(state)
        return cls(assessment, dict(by_limit), counts or Counts())


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric as declared. `read` yields a row for each series, `None` where there is no value.

    `source` is the origin of its values, as one line for people.
    """

    name: str
    kind: Kind
    help: str
    source: str
    read: Rows
    labels: tuple[str, ...] = ()

    def family(self, readings: Readings, fence: Fence = OPEN) -> Family:
        """The metric's samples now, none where they are unknown because it raised."""
        unmade = Family(self.name, self.kind, self._text, self.labels, (), unmade=True)
        return fence(Part.METRIC, self.name, lambda: self._family(self.read(readings)), unmade)

    @property
    def _text(self) -> str:
        return f"{self.help} Source: {self.source.rstrip('.')}."

    def _family(self, rows: Iterable[Row]) -> Family:
        samples: list[tuple[tuple[str, ...], float]] = []
        histograms: list[tuple[tuple[str, ...], Histogram]] = []
        for labels, value in rows:
            if isinstance(value, Histogram):
                histograms.append((labels, value))
            elif value is not None:
                samples.append((labels, value))
        return Family(self.name, self.kind, self._text, self.labels, samples, histograms)


def rows_of(
    field: Callable[[Snapshot], _Reading | None],
) -> Callable[[Callable[[_Reading], Iterable[Row]]], Rows]:
    """What makes a metric of one field of the snapshot; without a reading it has no rows."""

    def of(value: Callable[[_Reading], Iterable[Row]]) -> Rows:
        def rows(readings: Readings) -> Iterable[Row]:
            reading = field(readings.snapshot)
            return () if reading is None else value(reading)

        return rows

    return of


def number_of(
    field: Callable[[Snapshot], _Reading | None],
) -> Callable[[Callable[[_Reading], float | None]], Rows]:
    """What makes a metric without labels of one field of the snapshot."""
    rows = rows_of(field)
    return lambda value: rows(lambda reading: [((), value(reading))])
