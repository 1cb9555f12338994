"""What Alertmanager makes of alerts by the route and the inhibitions of its example, played.

As in Alertmanager, dispatch/dispatch.go and notify/notify.go (DedupStage): alerts that are
inhibited stand in their group, and are left out when it is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.alerts.played import Told
from xenwatch.alerts.inhibition import inhibited, inhibitions
from xenwatch.alerts.table import ALERTS
from xenwatch.generate.rules import route

STEP: Final = 0.5
"""Minutes between two looks: the example's group_wait."""
UNITS: Final = {"s": 1 / 60, "m": 1.0, "h": 60.0}
BY_NAME: Final = {alert.name: alert for alert in ALERTS}
Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Notification:
    """What a receiver was told in which minute: names of what fires, none where all is over."""

    receiver: str
    minute: float
    alerts: frozenset[str]


@dataclass(slots=True)
class Group:
    """Alerts that are told together: when next, and which were told last."""

    due: float
    told: frozenset[tuple[tuple[str, str], ...]] = frozenset()


def minutes(text: str) -> float:
    """A duration of the route."""
    return float(text[:-1]) * UNITS[text[-1]]


def matches(matchers: Iterable[str], labels: Labels) -> bool:
    """Whether an alert has what the matchers of a route ask."""
    for text in matchers:
        found = re.fullmatch(r'(\w+)(=~|!=|=)"(.*)"', text)
        assert found is not None, text
        value = labels.get(found[1], "")
        same = re.fullmatch(found[3], value) if found[2] == "=~" else value == found[3]
        if bool(same) is (found[2] == "!="):
            return False
    return True


def routed(labels: Labels, here: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part of the route an alert takes, with what it inherits."""
    for child in here.get("routes", ()):
        if matches(child["matchers"], labels):
            inherited = {name: value for name, value in here.items() if name != "routes"}
            return routed(labels, {**inherited, **child})
    return here


def labels_of(one: Told) -> Labels:
    """The labels of an alert as Alertmanager gets it."""
    alert = BY_NAME[one.alert]
    own = {"alertname": alert.title, "severity": one.severity, "job": "xenwatch", "instance": "a"}
    return {**own, **one.labels, **alert.fixed}


def notifications(told: Iterable[Told], until: float) -> list[Notification]:
    """What each receiver is told up to a minute."""
    groups: dict[tuple[str, ...], Group] = {}
    found: list[Notification] = []
    told, tree, rules = list(told), route(), inhibitions()
    for step in range(int(until / STEP)):
        now = step * STEP
        firing = [
            labels_of(one)
            for one in told
            if one.begin <= now < (until if one.end is None else one.end)
        ]
        muted = inhibited(firing, rules)
        active: dict[tuple[str, ...], list[int]] = {key: [] for key in groups}
        for place, labels in enumerate(firing):
            taken = routed(labels, tree)
            key = (taken["receiver"], *(labels.get(name, "") for name in taken["group_by"]))
            groups.setdefault(key, Group(now + minutes(taken["group_wait"])))
            active.setdefault(key, []).append(place)
        for key, group in list(groups.items()):
            if now < group.due:
                continue
            alerts = [firing[place] for place in active[key] if place not in muted]
            fires = frozenset(tuple(sorted(labels.items())) for labels in alerts)
            if fires != group.told and key[0] != "nobody":
                names = frozenset(labels["alertname"] for labels in alerts)
                found.append(Notification(key[0], now, names))
            group.told, group.due = fires, now + minutes(tree["group_interval"])
            if not active[key]:
                del groups[key]
    return found


def most(found: Iterable[Notification], receiver: str, window: float = 30) -> int:
    """The most notifications a receiver gets within half an hour."""
    times = [each.minute for each in found if each.receiver == receiver]
    return max((sum(a <= b < a + window for b in times) for a in times), default=0)
