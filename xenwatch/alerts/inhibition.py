"""Which alerts say nothing new beside others: warnings, symptoms, a host that does not answer.

Alertmanager inhibits them by the rules generated from here, and the daemon does not tell webhooks
and commands of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from xenwatch.alerts.base import Alert, Watch
from xenwatch.alerts.conditions import matcher
from xenwatch.alerts.names import CRITICAL, WARNING, alert_name
from xenwatch.alerts.near_limit import LIMIT, NEAR_LIMIT
from xenwatch.alerts.table import ALERTS, WATCHES
from xenwatch.values import dataclass

Labels = Mapping[str, str]
INTERVAL: Final = 1800.0
"""Seconds in which a receiver is told of one trouble once."""
HOST: Final = ("job", "instance")
"""The labels that name a host."""
OF_LIMITS: Final = (LIMIT,)
"""The labels that tell the troubles of limits apart: near its max or soon to be, it is one."""
OF_OTHERS: Final = ("alertname", "kind", "storage")
"""Those of other troubles: what a log reports, and which storage fails, are causes of their own."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """That a label has one of these values, or none of them; a `pattern` is a regular expression.

    A label that is missing is empty, as for Alertmanager.
    """

    label: str
    values: tuple[str, ...]
    negated: bool = False
    pattern: bool = False

    def __str__(self) -> str:
        """It as Alertmanager writes it."""
        if self.pattern:
            return f'{self.label}=~"{"|".join(self.values)}"'
        return matcher(self.label, self.values, "!" if self.negated else "")

    def matches(self, labels: Labels) -> bool:
        """Whether an alert with these labels matches."""
        value = labels.get(self.label, "")
        if self.pattern:
            return any(re.fullmatch(each, value) for each in self.values)
        return (value in self.values) is not self.negated


OURS: Final = Matcher("alertname", ("Xenwatch.*",), pattern=True)
"""That an alert is one of these: an Alertmanager has others too."""


@dataclass(frozen=True, slots=True)
class Inhibition:
    """An alert that matches `target` says nothing new while one that matches `source` fires.

    Both have the same values of the labels in `equal`.
    """

    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...]

    def key(self, labels: Labels) -> tuple[str, ...]:
        """What both have in common."""
        return tuple(labels.get(name, "") for name in self.equal)


def inhibited(firing: Sequence[Labels], rules: Iterable[Inhibition]) -> frozenset[int]:
    """The places of those that say nothing new among all alerts that fire."""
    found: set[int] = set()
    for rule in rules:
        sources = {rule.key(labels) for labels in firing if _match(rule.source, labels)}
        if sources:
            found |= {
                place
                for place, labels in enumerate(firing)
                if rule.key(labels) in sources
                # An alert does not inhibit itself.
                and _match(rule.target, labels)
                and not _match(rule.source, labels)
            }
    return frozenset(found)


def _match(matchers: Iterable[Matcher], labels: Labels) -> bool:
    return all(each.matches(labels) for each in matchers)


def inhibitions(
    alerts: Iterable[Alert] = ALERTS, watches: Iterable[Watch] = WATCHES
) -> list[Inhibition]:
    """A warning by its critical alert, a symptom by its cause on the same host and series.

    What a limit is going to be by what it is, and all of a host that does not answer or is to be
    left alone.
    """
    every: tuple[Alert | Watch, ...] = (*alerts, *watches)
    graded = [alert for alert in every if isinstance(alert, Alert)]
    labels = dict.fromkeys(label for alert in graded for label in alert.labels)
    warnings = Inhibition(
        (_is_critical(),),
        (Matcher("severity", (WARNING,)), OURS),
        ("alertname", *HOST, *labels),
    )
    by_name = {alert.name: alert for alert in every}
    symptoms = (
        _symptom(by_name[name], symptom)
        for symptom in every
        for name in dict.fromkeys((*symptom.causes, *_explaining(symptom, graded)))
    )
    muted = (_muted(watch) for watch in every if isinstance(watch, Watch) and watch.mutes)
    return [warnings, *symptoms, *_of_limits(every), *muted]


def _is_critical() -> Matcher:
    return Matcher("severity", (CRITICAL,))


def _explaining(symptom: Alert | Watch, graded: Iterable[Alert]) -> Iterator[str]:
    return (alert.name for alert in graded if symptom.name in alert.explains)


def _symptom(cause: Alert | Watch, symptom: Alert | Watch) -> Inhibition:
    only = symptom.explained if isinstance(symptom, Alert) else {}
    common = [label for label in cause.labels if label in symptom.labels]
    return Inhibition(
        (Matcher("alertname", (cause.title,)), *_severity(cause)),
        (
            Matcher("alertname", (symptom.title,)),
            *(Matcher(label, values) for label, values in only.items()),
        ),
        (*(() if "job" in common else HOST), *common),
    )


def _severity(cause: Alert | Watch) -> tuple[Matcher, ...]:
    """A cause that is a matter of degree inhibits once it is critical, one that is a fact at once.

    An event channel that is still free explains no failure; a path that is lost explains a session.
    """
    if not isinstance(cause, Alert) or CRITICAL not in cause.conditions:
        return ()
    by_degree = cause.thresholds is not None or _is_near_limit(cause)
    return (_is_critical(),) if by_degree else ()


def _of_limits(every: Iterable[Alert | Watch]) -> Iterator[Inhibition]:
    """A limit that is nearly exhausted, or soon will be, is one trouble."""
    limits = tuple(each.title for each in every if _is_near_limit(each))
    trends = tuple(each.title for each in every if LIMIT in each.labels)
    if limits and trends:
        near = Matcher("alertname", limits)
        rising = Matcher("alertname", trends)
        yield Inhibition((near, _is_critical()), (rising,), (*HOST, LIMIT))
        warning = Matcher("severity", (WARNING,))
        yield Inhibition((rising, _is_critical()), (near, warning), (*HOST, LIMIT))


def _is_near_limit(alert: Alert | Watch) -> bool:
    return isinstance(alert, Alert) and alert.section == NEAR_LIMIT


def _muted(watch: Watch) -> Inhibition:
    """What an alert inhibits that mutes its host: all but what says more of the same."""
    others = (watch.title, *map(alert_name, watch.spares))
    return Inhibition(
        (Matcher("alertname", (watch.title,)),),
        (
            OURS,
            Matcher("alertname", others, negated=True),
        ),
        HOST,
    )
