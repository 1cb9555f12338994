"""What is to be delivered: all current alerts for Alertmanager, events for the other receivers.

Alertmanager expects all current alerts repeatedly; a webhook or a command gets each event
once. All of it can be saved and restored across a restart.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from xenwatch.alerts import states
from xenwatch.alerts.base import Alert
from xenwatch.alerts.maintenance import LATEST, LONGEST, Maintenance
from xenwatch.alerts.messages import (
    Identity,
    Message,
    Sender,
    ended,
    of_active,
    of_change,
    rfc3339,
)
from xenwatch.alerts.names import CRITICAL
from xenwatch.alerts.states import Active, Alerts, Change, SeriesKey, State
from xenwatch.alerts.table import ALERTS
from xenwatch.delivery import maintenance
from xenwatch.delivery.gate import Gate
from xenwatch.delivery.maintenance import Notice
from xenwatch.display.text import shown

RETENTION: Final = 900.0
"""Seconds a resolved alert is resent, as Prometheus does, should Alertmanager be down."""
MOST_EVENTS: Final = 5000
"""Events queued for a receiver that does not accept them; the oldest are dropped first. A thousand
VMs that lose disk and network at once are four thousand."""
MOST_PENDING: Final = 1000
"""Pending series of alerts that are saved across a restart."""


class Outbox:
    """The alerts of `sender` to deliver, and a queue of events for each receiver named.

    `boot` identifies this boot of the host, empty where unknown. `dropped` counts the events by
    receiver that a full queue has dropped.
    """

    def __init__(self, sender: Sender, receivers: Iterable[str]) -> None:
        self.alerts = Alerts()
        self.queues: dict[str, deque[dict[str, Any]]] = {
            name: deque(maxlen=MOST_EVENTS) for name in receivers
        }
        self.sender = sender
        self.boot = ""
        self.dropped: Counter[str] = Counter()
        self._restored = False
        self._held: frozenset[SeriesKey] = frozenset()
        self._gate = Gate()
        self._resolved: dict[Identity, Message] = {}
        self._notice: Notice | None = None

    def maintain(self, found: Maintenance | None, now: float, keep: float) -> bool:
        """Note whether the host is in maintenance. Returns whether something is to be sent at once.

        Alertmanager has the alert until `keep` seconds after the end, as from the rule; the other
        receivers get an event at the beginning and one at the end.
        """
        before = self._notice
        lasted = before is not None and before.over is None
        if found is not None:
            since = before.message.starts if before else now
            message = maintenance.message(found, since, self.sender)
            self._notice = Notice(message, min(found.until, now + LONGEST) + keep)
            self._resolved.pop(message.identity, None)
            if not lasted:
                self._queue(message)
            return not lasted
        if before is None:
            return False
        over = now if before.over is None else min(before.over, now)
        if lasted:
            self._queue(ended(before.message, State.OK, now))
        self._notice = Notice(before.message, over + keep, over)
        if now - over >= keep:
            self._notice = None
            self._resolved[before.message.identity] = ended(before.message, State.OK, now)
        return lasted or self._notice is None

    def enqueue(self, alerts: Alerts, now: float, *, quiet: bool = False) -> bool:
        """Queue the alerts of a new page. Returns whether something is to be sent at once.

        That is what started firing or is resolved, and after a restart what still fires. What
        starts firing while it is `quiet` is held back, and sent once it no longer is, if its
        condition holds then: one that is only kept firing is over.
        """
        self._resolved = {
            identity: message
            for identity, message in self._resolved.items()
            if message.ends is not None and now - message.ends < RETENTION
        }
        first = self._restored
        self.alerts, self._restored = alerts, False
        changes = self._told(alerts, now, quiet=quiet)
        found = [of_change(change, self.sender) for change in changes]
        events = [message for message in found if message is not None]
        for message in events:
            self._resolved.pop(message.identity, None)
            if message.ends is not None:
                self._resolved[message.identity] = message
        passed = self._gate.passed(events, self._messages(), now) if self.queues else []
        for message in passed:
            self._queue(message)
        return first or bool(events) or bool(passed)

    def _messages(self) -> Iterator[Message]:
        """The alerts that fire and are not held back."""
        return (
            of_active(active, self.sender)
            for active in self.alerts.firing
            if _key(active) not in self._held
        )

    def _queue(self, message: Message) -> None:
        """Add an event for the receivers that get each once."""
        for name, queue in self.queues.items():
            if len(queue) == MOST_EVENTS:
                self.dropped[name] += 1
            queue.append(message.document())

    def _told(self, alerts: Alerts, now: float, *, quiet: bool) -> list[Change]:
        """The changes to tell; what was held back and is over, nobody is told at all."""
        firing = {key: one for key, one in alerts.active.items() if one.state is State.FIRING}
        began = {_key(change.active) for change in alerts.changes if change.now is State.FIRING}
        held = self._held
        waiting = (held & firing.keys()) - began
        due = frozenset(key for key in waiting if not quiet and firing[key].ended is None)
        self._held = (waiting - due) | (began if quiet else frozenset())
        late = [Change(alerts.active[key], State.PENDING, State.FIRING, now) for key in sorted(due)]
        silent = (held - began) | self._held
        return [*late, *(each for each in alerts.changes if _key(each.active) not in silent)]

    def current(self, now: float, expiry: float) -> list[dict[str, Any]]:
        """Alerts as Alertmanager's API v2 accepts them: firing, and resolved lately.

        A firing alert expires in `expiry` seconds unless it is resent: a daemon that dies leaves
        nothing behind. Source: Prometheus, rules/alerting.go and notifier/notifier.go.
        That of maintenance expires when that ends: the host may be down for longer. It comes
        first, then the critical: an Alertmanager just started notifies of old alerts at once, and
        the alert that inhibits others has to be there first. Source: Alertmanager,
        dispatch/dispatch.go.
        What was restored is not sent before a page shows its present state.
        """
        messages = sorted(
            () if self._restored else self._messages(),
            key=lambda message: message.labels["severity"] != CRITICAL,
        )
        notice = [] if self._notice is None else [self._notice]
        return [
            *(_posted(each.message, each.expires) for each in notice),
            *(_posted(message, now + expiry) for message in messages),
            *(_posted(message, message.ends or now) for message in self._resolved.values()),
        ]

    def saved(self, now: float) -> dict[str, Any]:
        """What is to survive a restart, as JSON."""
        active = self.alerts.active.values()
        pending = [one for one in active if one.state is State.PENDING]
        return {
            "saved": now,
            "boot": self.boot,
            "active": [_saved(one) for one in (*self.alerts.firing, *pending[:MOST_PENDING])],
            "gate": self._gate.saved(),
            "held": [[name, severity, dict(labels)] for name, severity, labels in self._held],
            "maintenance": None if self._notice is None else dataclasses.asdict(self._notice),
            "over": [dataclasses.asdict(message) for message in self._resolved.values()],
            "queues": {name: list(queue) for name, queue in self.queues.items()},
        }

    def restore(self, document: Mapping[str, Any], now: float, expiry: float) -> None:
        """Restore what was saved, but for alerts that are no longer in the table.

        What fired keeps firing where the first page still shows it. Else it is resolved: at once
        where it has expired at Alertmanager, `expiry` seconds after it was last sent. After a boot
        of the host it is resolved in any case: domain ids belong to other domains then.
        Raises `KeyError`, `TypeError` or `ValueError` when it was not made by `saved`.
        """
        saved, same = _time(document["saved"]), document["boot"] == self.boot
        away = max(0.0, now - saved)
        seen = saved if away < expiry else 0.0
        active = [_restored(one, seen, away) for one in document["active"]]
        resolved = [_restored_message(one) for one in document["over"]]
        queues: Mapping[str, Sequence[dict[str, Any]]] = document["queues"]
        self._held = frozenset(
            (str(name), str(severity), tuple(sorted(labels.items())))
            for name, severity, labels in document.get("held", ())
        )
        self._gate.restore(document.get("gate", {}))
        self._notice = _restored_notice(document.get("maintenance"))
        alerts = Alerts({key: one for found in active for key, one in found.items()})
        self._resolved = {message.identity: message for message in resolved}
        for name, queue in self.queues.items():
            queue.extend(dict(event) for event in queues.get(name, ()))
        if same:
            self.alerts, self._restored = alerts, True
        else:
            self.enqueue(states.ended(alerts, now), now)


_BY_NAME: Final[Mapping[str, Alert]] = {alert.name: alert for alert in ALERTS}


def _key(active: Active) -> SeriesKey:
    return active.alert.name, active.severity, active.labels


def _posted(message: Message, ends: float) -> dict[str, Any]:
    """A message as Alertmanager's API v2 accepts it."""
    return {
        "labels": dict(message.labels),
        "annotations": dict(message.annotations),
        "startsAt": rfc3339(message.starts),
        "endsAt": rfc3339(ends),
    }


def _saved(active: Active) -> dict[str, Any]:
    return {
        "alert": active.alert.name,
        "severity": active.severity,
        "labels": dict(active.labels),
        "since": active.since,
        "fired": active.fired,
        "ended": active.ended,
        "value": active.value,
        "detail": active.detail,
    }


def _restored_message(document: Mapping[str, Any]) -> Message:
    labels, annotations = (
        {str(name): str(text) for name, text in document[field].items()}
        for field in ("labels", "annotations")
    )
    ends = document["ends"]
    return Message(
        labels,
        annotations,
        _time(document["starts"]),
        None if ends is None else _time(ends),
        str(document["state"]),
    )


def _restored_notice(document: Mapping[str, Any] | None) -> Notice | None:
    if document is None:
        return None
    over = document["over"]
    message = _restored_message(document["message"])
    return Notice(message, _time(document["expires"]), None if over is None else _time(over))


def _time(value: Any) -> float:
    """A Unix time that can be written as a date. Raises `TypeError` or `ValueError`."""
    time = float(value)
    if not 0 <= time < LATEST:
        raise ValueError(f"no time: {shown(value)}")
    return time


def _restored(document: Mapping[str, Any], seen: float, away: float) -> dict[SeriesKey, Active]:
    """The alert of a document; empty where the table no longer has it.

    A firing alert was last seen at `seen`; for a pending one, the `away` seconds without a daemon
    do not count, and where they were many it starts anew.
    """
    alert = _BY_NAME.get(document["alert"])
    if alert is None or document["severity"] not in alert.conditions:
        return {}
    labels = tuple(sorted((str(name), str(text)) for name, text in document["labels"].items()))
    since, value = _time(document["since"]), float(document["value"])
    detail = str(document.get("detail", ""))
    active = Active(alert, document["severity"], labels, since, value, detail=detail)
    if document["fired"] is not None:
        last = seen if document["ended"] is None else min(_time(document["ended"]), seen)
        active = dataclasses.replace(active, fired=_time(document["fired"]), ended=last)
    elif seen:
        active = dataclasses.replace(active, since=since + away)
    else:
        return {}
    return {(alert.name, active.severity, labels): active}
