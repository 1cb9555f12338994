"""What Alertmanager makes of alerts by the route and the inhibitions of its example, played.

As in Alertmanager, dispatch/dispatch.go and notify/notify.go (MuteStage, DedupStage.needsUpdate):
alerts that are inhibited stand in their group, and are left out when it is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.alerts.played import Told
from xenwatch.alerts.base import Alert, Watch
from xenwatch.alerts.inhibition import inhibited, inhibitions
from xenwatch.alerts.table import ALERTS, WATCHES
from xenwatch.generate.rules import route

STEP: Final = 0.5
"""Minutes between two looks: the example's group_wait."""
UNITS: Final = {"s": 1 / 60, "m": 1.0, "h": 60.0}
EVERY: Final[tuple[Alert | Watch, ...]] = (*ALERTS, *WATCHES)
BY_NAME: Final = {alert.name: alert for alert in EVERY}
NOBODY: Final = "nobody"
Labels = Mapping[str, str]
Key = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Notification:
    """What a receiver was told in which minute: names of what fires, none where all is over."""

    receiver: str
    minute: float
    alerts: frozenset[str]


@dataclass(slots=True)
class Group:
    """Alerts that are told together: when next, when again without news, and which they are."""

    due: float
    repeat: float
    members: dict[Key, Labels] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """What was told last of a group, as the log of notifications has it."""

    firing: frozenset[Key]
    resolved: frozenset[Key]
    minute: float


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
    fixed = alert.fixed if isinstance(alert, Alert) else {}
    own = {"alertname": alert.title, "severity": one.severity, "job": "xenwatch", "instance": "a"}
    return {name: text for name, text in {**own, **one.labels, **fixed}.items() if text}


def key_of(labels: Labels) -> Key:
    """What makes it the same alert."""
    return tuple(sorted(labels.items()))


class Keeper:
    """An Alertmanager that is looked at every `STEP`."""

    def __init__(self) -> None:
        self.found: list[Notification] = []
        self._tree, self._rules = route(), inhibitions()
        self._groups: dict[tuple[str, ...], Group] = {}
        self._entries: dict[tuple[str, ...], Entry] = {}

    def look(self, now: float, firing: list[Labels]) -> None:
        """What it tells at a time when these alerts fire."""
        for labels in firing:
            taken = routed(labels, self._tree)
            key = (taken["receiver"], *(labels.get(name, "") for name in taken["group_by"]))
            wait, repeat = minutes(taken["group_wait"]), minutes(taken["repeat_interval"])
            group = self._groups.setdefault(key, Group(now + wait, repeat))
            group.members[key_of(labels)] = labels
        for key, group in list(self._groups.items()):
            if now >= group.due:
                self._tell(key, group, now, firing)

    def _tell(self, key: tuple[str, ...], group: Group, now: float, firing: list[Labels]) -> None:
        """Tell a group whose time has come, unless there is nothing new."""
        fire = {key_of(labels) for labels in firing}
        over = [each for each in group.members if each not in fire]
        muted = {key_of(firing[place]) for place in inhibited(firing, self._rules)} | {
            each
            for each in over
            # What is over is inhibited too, by what fires.
            if len(firing) in inhibited([*firing, group.members[each]], self._rules)
        }
        told = group.members.keys() - muted
        entry = Entry(frozenset(told & fire), frozenset(told - fire), now)
        if told and self._is_new(entry, self._entries.get(key), group.repeat):
            self._entries[key] = entry
            if key[0] != NOBODY:
                names = frozenset(group.members[each]["alertname"] for each in entry.firing)
                self.found.append(Notification(key[0], now, names))
        group.due = now + minutes(self._tree["group_interval"])
        for each in over:
            del group.members[each]
        if not group.members:
            del self._groups[key]

    def _is_new(self, now: Entry, before: Entry | None, repeat: float) -> bool:
        if before is None:
            return bool(now.firing)
        if not now.firing <= before.firing:
            return True
        if not now.firing:
            return bool(before.firing)
        return not now.resolved <= before.resolved or before.minute < now.minute - repeat


def notifications(told: Iterable[Told], until: float) -> list[Notification]:
    """What each receiver is told up to a minute."""
    told, keeper = list(told), Keeper()
    for step in range(int(until / STEP)):
        now = step * STEP
        keeper.look(
            now,
            [labels_of(one) for one in told if one.begin <= now < (one.end or until)],
        )
    return keeper.found


def most(found: Iterable[Notification], receiver: str, window: float = 30) -> int:
    """The most notifications a receiver gets within half an hour."""
    times = [each.minute for each in found if each.receiver == receiver]
    return max((sum(a <= b < a + window for b in times) for a in times), default=0)
