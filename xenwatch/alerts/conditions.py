"""When an alert is active: a comparison of series of the page, here and as PromQL.

The daemon evaluates a condition on the very families it serves, Prometheus on what it scraped of
them, so both speak of the same series.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from xenwatch.exposition.text_format import Family

Labels = tuple[tuple[str, str], ...]
"""Names and values of labels, sorted by name."""
Page = Mapping[str, Family]
"""The families of a page by name."""
Samples = Mapping[Labels, float]

OPERATORS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
}
TARGET: Final = "job, instance"
"""The labels Prometheus adds to every series of a page."""


def matcher(label: str, values: tuple[str, ...], negation: str = "") -> str:
    """That a label has one of these values, as Prometheus and Alertmanager write it; `!`: none."""
    if len(values) == 1:
        return f'{label}{negation}="{values[0]}"'
    return f'{label}{negation or "="}~"{"|".join(values)}"'


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

    def find(self, page: Page) -> Samples:
        """The series on a page by their labels."""
        family = page.get(self.metric)
        if family is None:
            return {}
        found: dict[Labels, float] = {}
        for values, value in family.samples:
            labels = dict(zip(family.labels, values, strict=True))
            if all(labels[name] in allowed for name, allowed in self.only.items()) and not any(
                labels[name] in refused for name, refused in self.never.items()
            ):
                found[tuple(sorted(labels.items()))] = value
        return found


@dataclass(frozen=True, slots=True)
class Found:
    """What holds: `active` has the value by series, `unknown` the series that cannot be judged."""

    active: Samples
    unknown: frozenset[Labels] = frozenset()


@dataclass(frozen=True, slots=True)
class Condition:
    """`left`, as a part of `over` where there is one, compared with `right`.

    `right` is a number, or the one series that is the threshold; where it is missing, nothing is
    active. Only series whose label `among[0]` has a value that `among[1]` has too can be active;
    where there is no series of that metric at all, nobody can say which are.
    """

    left: Selector
    compare: str
    right: float | Selector
    over: Selector | None = None
    among: tuple[str, Selector] | None = None

    def promql(self) -> str:
        """The condition as an expression for Prometheus."""
        text = self.left.promql()
        if self.over is not None:
            text += f" / {self.over.promql()}"
        if isinstance(self.right, Selector):
            text += f"\n{self.compare} on ({TARGET}) group_left ()\n{self.right.promql()}"
        else:
            text += f" {self.compare} {self.right:g}"
        if self.among is not None:
            label, selector = self.among
            text = f"({text})\nand on ({TARGET}, {label})\n{selector.promql()}"
        return text

    def evaluate(self, page: Page) -> Found:
        """Which series are active on a page; without their threshold none, nor unknown."""
        threshold = self._threshold(page)
        if threshold is None:
            return Found({})
        left = self.left.find(page)
        whole = self.over.find(page) if self.over is not None else None
        active: dict[Labels, float] = {}
        unknown: set[Labels] = set()
        for labels, number in left.items():
            value = number if whole is None else _ratio(number, whole.get(labels))
            if value is None:
                unknown.add(labels)
            elif OPERATORS[self.compare](value, threshold):
                active[labels] = value
        return self._among(Found(active, frozenset(unknown)), page)

    def applies(self, page: Page) -> bool:
        """Whether there is anything to compare, and something to compare it with."""
        return self._threshold(page) is not None and bool(self.left.find(page))

    def _threshold(self, page: Page) -> float | None:
        if not isinstance(self.right, Selector):
            return self.right
        return next(iter(self.right.find(page).values()), None)

    def _among(self, found: Found, page: Page) -> Found:
        if self.among is None or not (found.active or found.unknown):
            return found
        label, selector = self.among
        if not Selector(selector.metric).find(page):
            return Found({}, found.unknown | found.active.keys())
        those = {dict(labels)[label] for labels in selector.find(page)}
        return Found(
            {
                labels: value
                for labels, value in found.active.items()
                if dict(labels)[label] in those
            },
            frozenset(labels for labels in found.unknown if dict(labels)[label] in those),
        )


def _ratio(part: float, whole: float | None) -> float | None:
    """As Prometheus divides, but that nothing of nothing is not known."""
    if whole is None or (part == 0 and whole == 0):
        return None
    return part / whole if whole else float("inf")
