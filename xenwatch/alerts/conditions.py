"""When an alert is active: one rule, evaluated here and written as PromQL for Prometheus.

A condition on a limit compares the state of the limit; every other compares exported
series with a number or with a threshold of the alert's own. Prometheus compares the exported series
of the same values.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from typing import Final, Protocol

from xenwatch.alerts.bounds import DEFAULTS, Bounds, OwnBound
from xenwatch.alerts.names import alert_name
from xenwatch.exposition.text_format import Family, Sample
from xenwatch.fence import Unmade
from xenwatch.limits.base import Limit, Thresholds
from xenwatch.limits.states import LimitState
from xenwatch.limits.thresholds import reached
from xenwatch.values import dataclass

Labels = tuple[tuple[str, str], ...]
"""Names and values of labels, sorted by name."""
EVERY: Final[Labels] = ()
"""In place of the labels of a series: any of the alert."""
Families = Mapping[str, Family]
"""Families of metrics by name."""
Samples = Mapping[Labels, float]

OPERATORS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
}
DAY: Final = 86400
TARGET: Final = "job, instance"
"""The labels Prometheus adds to every scraped series."""


def matcher(label: str, values: tuple[str, ...], negation: str = "") -> str:
    """That a label has one of these values, as Prometheus and Alertmanager write it; `!`: none."""
    if len(values) == 1:
        return f'{label}{negation}="{values[0]}"'
    return f'{label}{negation or "="}~"{"|".join(values)}"'


@dataclass(slots=True)
class Noted:
    """What was looked up in the evidence: families and states of limits by name, and the time."""

    families: dict[str, Family | None] = field(default_factory=dict)
    states: dict[str, Sequence[LimitState]] = field(default_factory=dict)
    time: bool = False

    def clear(self) -> None:
        """Nothing so far."""
        self.families.clear()
        self.states.clear()
        self.time = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """What conditions are judged on.

    The families of metrics by name, the states of limits by name of the limit, of alerts the
    thresholds by name of the alert and their bounds, and when all this was read (Unix time).
    `unknown` are series by metric that could not be made, `found` those of each selector that was
    looked for, `noted` is what was looked up.
    """

    families: Families
    states: Mapping[str, Sequence[LimitState]] = field(default_factory=dict)
    thresholds: Mapping[str, Thresholds] = field(default_factory=dict)
    bounds: Bounds = field(default_factory=dict)
    time: float | None = None
    unknown: Mapping[str, Iterable[Labels]] = field(default_factory=dict)
    found: dict[object, Samples] = field(default_factory=dict, init=False, repr=False)
    noted: Noted = field(default_factory=Noted, init=False, repr=False)

    def family(self, name: str) -> Family | None:
        """The family of a metric, `None` where there is none."""
        found = self.noted.families[name] = self.families.get(name)
        return found

    def limit(self, name: str) -> Sequence[LimitState]:
        """The states of a limit."""
        found = self.noted.states[name] = self.states.get(name, ())
        return found

    def now(self) -> float:
        """When all this was read (Unix time)."""
        if self.time is None:
            raise ValueError("evidence without a time")
        self.noted.time = True
        return self.time

    def find(self, selector: Selector) -> Samples:
        """The series of a selector, looked for once."""
        self.family(selector.metric)
        if selector.key not in self.found:
            self.found[selector.key] = selector.find(self.families)
        return self.found[selector.key]


@dataclass(frozen=True, slots=True)
class Found:
    """The result: `active` has the value by series, `unknown` the series that cannot be judged."""

    active: Samples
    unknown: frozenset[Labels] = frozenset()

    def with_unknown(self, unjudged: frozenset[Labels]) -> Found:
        """The same where these series, too, cannot be judged."""
        return Found(self.active, self.unknown | unjudged) if unjudged else self


class Condition(Protocol):
    """When an alert is active at one of its severities."""

    @property
    def metric(self) -> str:
        """The metric that is compared."""

    @property
    def lower_is_worse(self) -> bool:
        """Whether values below the threshold are the bad ones."""

    def promql(self, bounds: Bounds = DEFAULTS) -> str:
        """The condition as an expression for Prometheus, with these bounds in it."""

    def evaluate(self, evidence: Evidence) -> Found:
        """Which series are active; without a threshold none, and none is unknown."""

    def applies(self, evidence: Evidence) -> bool:
        """Whether there is anything to compare, and something to compare it with."""


@dataclass(frozen=True, slots=True)
class Selector:
    """Series of one metric. `only` says of labels which values they may have, `never` which not."""

    metric: str
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    never: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def promql(self) -> str:
        """The selector as Prometheus writes it; values are names and need no escape."""
        parts = [matcher(name, values) for name, values in self.only.items()]
        parts += [matcher(name, values, "!") for name, values in self.never.items()]
        return self.metric + (f"{{{','.join(parts)}}}" if parts else "")

    @property
    def key(self) -> object:
        """What it has in common with selectors of the same series."""
        return self.metric, tuple(self.only.items()), tuple(self.never.items())

    def find(self, families: Families) -> Samples:
        """The metric's series by their labels. Raises `Unmade` where it is unknown which."""
        family = families.get(self.metric)
        if family is None:
            return {}
        if family.unmade:
            raise Unmade(self.metric)
        place = {label: number for number, label in enumerate(family.labels)}
        by_label = sorted(place.items())
        only = [(place[label], allowed) for label, allowed in self.only.items()]
        never = [(place[label], refused) for label, refused in self.never.items()]
        samples: Iterable[Sample] = family.samples
        for number, allowed in only:
            samples = [sample for sample in samples if sample[0][number] in allowed]
        for number, refused in never:
            samples = [sample for sample in samples if sample[0][number] not in refused]
        return {
            tuple([(label, values[number]) for label, number in by_label]): value
            for values, value in samples
        }


@dataclass(frozen=True, slots=True)
class OwnThreshold:
    """The threshold of this severity that is set for the alert itself."""

    alert: str
    severity: str

    def value(self, evidence: Evidence) -> float | None:
        """The threshold as configured; `None`: never."""
        return _of_severity(evidence.thresholds.get(self.alert), self.severity)

    def selector(self) -> Selector:
        """The exported series that has it."""
        only = {"alert": (alert_name(self.alert),), "severity": (self.severity,)}
        return Selector("xenwatch_alert_threshold", only)


@dataclass(frozen=True, slots=True)
class Measured:
    """A symptom measured on the same host: some series of a metric is at a bound or above."""

    selector: Selector
    bound: OwnBound

    def promql(self, bounds: Bounds) -> str:
        """The measurement as an expression for Prometheus."""
        return f"{self.selector.promql()} >= {self.bound.value(bounds):.15g}"

    def found(self, evidence: Evidence) -> bool:
        """Whether it is."""
        bound = self.bound.value(evidence.bounds)
        return any(value >= bound for value in evidence.find(self.selector).values())


@dataclass(frozen=True, slots=True)
class SeriesCondition:
    """Series `left` compared with `right`, a number or a threshold of the alert's own.

    Only series whose label `among[0]` has a value that `among[1]` has too can be active; where
    there is no series of that metric at all, it is unknown which are. None is active unless
    `measured` is found too; where it was not measured, as in a single pass, there is nothing to
    compare.
    """

    left: Selector
    compare: str
    right: float | OwnThreshold
    among: tuple[str, Selector] | None = None
    measured: Measured | None = None

    @property
    def metric(self) -> str:
        """The metric that is compared."""
        return self.left.metric

    @property
    def lower_is_worse(self) -> bool:
        """Whether values below the threshold are the bad ones."""
        return self.compare == "<"

    def promql(self, bounds: Bounds = DEFAULTS) -> str:
        """The condition as an expression for Prometheus."""
        if isinstance(self.right, OwnThreshold):
            text = _compared(self.left.promql(), self.compare, self.right.selector())
        else:
            text = f"{self.left.promql()} {self.compare} {self.right:g}"
        if self.among is not None:
            label, selector = self.among
            text = f"({text})\nand on ({TARGET}, {label})\n{selector.promql()}"
        if self.measured is not None:
            text = f"({text})\nand on ({TARGET})\n{self.measured.promql(bounds)}"
        return text

    def evaluate(self, evidence: Evidence) -> Found:
        """Which series are active; without a threshold none, and none is unknown."""
        threshold = self._threshold(evidence)
        if threshold is None:
            return Found({})
        compare = OPERATORS[self.compare]
        values = evidence.find(self.left)
        active = {labels: value for labels, value in values.items() if compare(value, threshold)}
        if active and self.measured is not None and not self.measured.found(evidence):
            return Found({})
        found = self._among(active, evidence)
        unknown = evidence.unknown.get(self.left.metric, ())
        return Found(found.active, found.unknown.union(unknown)) if unknown else found

    def applies(self, evidence: Evidence) -> bool:
        """Whether there is anything to compare, and something to compare it with."""
        compared = (self.left, *([self.measured.selector] if self.measured else ()))
        return self._threshold(evidence) is not None and all(
            evidence.find(selector) for selector in compared
        )

    def _threshold(self, evidence: Evidence) -> float | None:
        return self.right.value(evidence) if isinstance(self.right, OwnThreshold) else self.right

    def _among(self, active: Samples, evidence: Evidence) -> Found:
        if self.among is None or not active:
            return Found(active)
        label, selector = self.among
        if not evidence.find(Selector(selector.metric)):
            return Found({}, frozenset(active))
        those = {dict(labels)[label] for labels in evidence.find(selector)}
        return Found(
            {labels: value for labels, value in active.items() if dict(labels)[label] in those}
        )


@dataclass(frozen=True, slots=True)
class DaysLeftCondition:
    """Unix times in series `left` that come in fewer days than the alert's threshold, or are past.

    The value is the seconds until then, negative once it is past.
    """

    left: Selector
    right: OwnThreshold

    @property
    def metric(self) -> str:
        """The metric that is compared."""
        return self.left.metric

    @property
    def lower_is_worse(self) -> bool:
        """Whether values below the threshold are the bad ones."""
        return True

    def promql(self, bounds: Bounds = DEFAULTS) -> str:
        """The condition as an expression for Prometheus."""
        left, right = f"{self.left.promql()} - time()", self.right.selector().promql()
        return f"{left}\n< on ({TARGET}) group_left ()\n{DAY} * {right}"

    def evaluate(self, evidence: Evidence) -> Found:
        """Which series are active; without a threshold none, and none is unknown."""
        days = self.right.value(evidence)
        if days is None:
            return Found({})
        now = evidence.now()
        left = {labels: value - now for labels, value in evidence.find(self.left).items()}
        return Found({labels: value for labels, value in left.items() if value < DAY * days})

    def applies(self, evidence: Evidence) -> bool:
        """Whether there is anything to compare, and something to compare it with."""
        there = bool(evidence.find(self.left))
        return there and self.right.value(evidence) is not None


@dataclass(frozen=True, slots=True)
class LimitCondition:
    """Instances of a limit that have reached its threshold of this severity."""

    limit: Limit
    severity: str

    @property
    def metric(self) -> str:
        """The metric that is compared."""
        return self.limit.used_metric

    @property
    def lower_is_worse(self) -> bool:
        """Whether values below the threshold are the bad ones."""
        return False

    def promql(self, bounds: Bounds = DEFAULTS) -> str:
        """The condition as an expression for Prometheus, with `LimitState.ratio` spelt out.

        A max of 0 is a max: nothing more fits, and the ratio is 1 where 0 / 0 would be NaN.
        """
        used, most = self.limit.used_metric, self.limit.max_metric
        ratio = f"(\n  {used} / ({most} > 0)\nor\n  ({most} <= bool 0) == 1\n)"
        only = {"limit": (self.limit.name,), "severity": (self.severity,)}
        return _compared(ratio, ">=", Selector("xenwatch_limit_threshold_ratio", only))

    def evaluate(self, evidence: Evidence) -> Found:
        """Which instances are active; without a threshold none, and none is unknown."""
        active: dict[Labels, float] = {}
        unknown: set[Labels] = set()
        for state in evidence.limit(self.limit.name):
            threshold = _of_severity(state.thresholds, self.severity)
            if threshold is None:
                continue
            if state.used is None:
                unknown.add(EVERY)
                continue
            labels = ((self.limit.label, state.instance),) if self.limit.label else ()
            ratio = state.ratio
            if ratio is None:
                unknown.add(labels)
            elif reached(ratio, threshold):
                active[labels] = ratio
        return Found(active, frozenset(unknown))

    def applies(self, evidence: Evidence) -> bool:
        """Whether there is anything to compare, and something to compare it with."""
        return any(
            state.used is not None and _of_severity(state.thresholds, self.severity) is not None
            for state in evidence.limit(self.limit.name)
        )


def _of_severity(thresholds: Thresholds | None, severity: str) -> float | None:
    found: float | None = getattr(thresholds, severity, None)
    return found


def _compared(left: str, compare: str, threshold: Selector) -> str:
    """A comparison with the one series that is the threshold."""
    return f"{left}\n{compare} on ({TARGET}) group_left ()\n{threshold.promql()}"
