"""What a metric is: a name, words, and a function from readings to rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from xenwatch.alerts.states import Alerts
from xenwatch.exposition.text_format import Family, Histogram, Kind
from xenwatch.limits.base import Thresholds
from xenwatch.limits.states import LimitState
from xenwatch.planning.capacity import Plan
from xenwatch.readings.snapshot import Snapshot

Row = tuple[tuple[str, ...], float | Histogram | None]
Rows = Callable[["Readings"], Iterable[Row]]


@dataclass(frozen=True, slots=True)
class EngineStats:
    """What the engine counts since its start: runs left out by probe."""

    overruns: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What follows from the readings.

    A plan for one VM of each shape, seconds until a limit is full by name of limit, the thresholds
    of alerts by their names, and the alerts.
    """

    plans: tuple[Plan, ...] = ()
    seconds_to_full: Mapping[str, float] = field(default_factory=dict)
    alert_thresholds: Mapping[str, Thresholds] = field(default_factory=dict)
    alerts: Alerts = field(default_factory=Alerts)


@dataclass(frozen=True, slots=True)
class Readings:
    """All a metric may look at: `states` by limit's name."""

    snapshot: Snapshot
    states: Mapping[str, Sequence[LimitState]]
    stats: EngineStats
    outlook: Outlook = field(default_factory=Outlook)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric as declared. `read` yields a row for each series, `None` where there is no value.

    `source` says where its values are from, as one line for people.
    """

    name: str
    kind: Kind
    help: str
    source: str
    read: Rows
    labels: tuple[str, ...] = ()

    def family(self, readings: Readings) -> Family:
        """What there is to tell now."""
        rows = self.read(readings)
        samples: list[tuple[tuple[str, ...], float]] = []
        histograms: list[tuple[tuple[str, ...], Histogram]] = []
        for labels, value in rows:
            if isinstance(value, Histogram):
                histograms.append((labels, value))
            elif value is not None:
                samples.append((labels, value))
        words = f"{self.help} Source: {self.source.rstrip('.')}."
        return Family(self.name, self.kind, words, self.labels, samples, histograms)
