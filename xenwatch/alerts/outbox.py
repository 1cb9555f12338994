"""What receivers are to be told: what stands, for Alertmanager, and what happened, for others.

Alertmanager wants to hear the whole again and again; a webhook or a command wants to hear of each
change once. All of it can be kept over a restart.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from xenwatch.alerts.messages import Message, of_active, of_change, rfc3339
from xenwatch.alerts.states import Active, Alerts, Key
from xenwatch.alerts.table import ALERTS, CRITICAL, Alert

RETENTION: Final = 900.0
"""Seconds an alert that is over is repeated, as Prometheus does, should Alertmanager be away."""
MOST_EVENTS: Final = 1000
"""Events kept for a receiver that does not take them; the oldest give way."""

Identity = tuple[tuple[str, str], ...]


class Outbox:
    """What there is to tell, of this host called `instance`, to receivers of events by name."""

    def __init__(self, instance: str, runbooks: str, receivers: Iterable[str]) -> None:
        self.alerts = Alerts()
        self.queues: dict[str, deque[dict[str, Any]]] = {
            name: deque(maxlen=MOST_EVENTS) for name in receivers
        }
        self.runbooks = runbooks
        self._instance = instance
        self._over: dict[Identity, Message] = {}

    def take(self, alerts: Alerts) -> bool:
        """Take up the alerts of a new page. Returns whether anything began to fire or is over."""
        self.alerts = alerts
        found = [of_change(it, self._instance, self.runbooks) for it in alerts.changes]
        news = [message for message in found if message is not None]
        for message in news:
            self._over.pop(message.identity, None)
            if message.ends is not None:
                self._over[message.identity] = message
            for queue in self.queues.values():
                queue.append(message.document())
        return bool(news)

    def standing(self, now: float, lasting: float) -> list[dict[str, Any]]:
        """Alerts as Alertmanager's API v2 takes them: what fires, and what was over lately.

        What fires ends by itself in `lasting` seconds unless it is told again: a daemon that dies
        leaves nothing behind. Source: Prometheus, rules/alerting.go and notifier/notifier.go.
        The critical come first: an Alertmanager just started notifies of old alerts at once, and a
        warning is to find there what inhibits it. Source: Alertmanager, dispatch/dispatch.go.
        """
        self._over = {
            identity: message
            for identity, message in self._over.items()
            if message.ends is not None and now - message.ends < RETENTION
        }
        firing = sorted(
            (of_active(it, self._instance, self.runbooks) for it in self.alerts.firing),
            key=lambda message: message.labels["severity"] != CRITICAL,
        )
        return [
            {
                "labels": dict(message.labels),
                "annotations": dict(message.annotations),
                "startsAt": rfc3339(message.starts),
                "endsAt": rfc3339(now + lasting if message.ends is None else message.ends),
            }
            for message in (*firing, *self._over.values())
        ]

    def kept(self) -> dict[str, Any]:
        """What is to be kept over a restart, as JSON."""
        return {
            "firing": [_kept(it) for it in self.alerts.firing],
            "over": [dataclasses.asdict(message) for message in self._over.values()],
            "queues": {name: list(queue) for name, queue in self.queues.items()},
        }

    def restore(self, document: Mapping[str, Any]) -> None:
        """Take up what was kept; alerts that are no longer in the table are left behind.

        Raises `KeyError`, `TypeError` or `ValueError` when it was not made by `kept`.
        """
        active = [_restored(it) for it in document["firing"]]
        over = [Message(**it) for it in document["over"]]
        queues: Mapping[str, Sequence[dict[str, Any]]] = document["queues"]
        self.alerts = Alerts({key: it for found in active for key, it in found.items()})
        self._over = {message.identity: message for message in over}
        for name, queue in self.queues.items():
            queue.extend(dict(it) for it in queues.get(name, ()))


_BY_NAME: Final[Mapping[str, Alert]] = {alert.name: alert for alert in ALERTS}


def _kept(active: Active) -> dict[str, Any]:
    return {
        "alert": active.alert.name,
        "severity": active.severity,
        "labels": dict(active.labels),
        "since": active.since,
        "fired": active.fired,
        "value": active.value,
    }


def _restored(document: Mapping[str, Any]) -> dict[Key, Active]:
    alert = _BY_NAME.get(document["alert"])
    if alert is None or document["severity"] not in alert.conditions:
        return {}
    labels = tuple(sorted((str(name), str(it)) for name, it in document["labels"].items()))
    since, fired, value = (float(document[name]) for name in ("since", "fired", "value"))
    active = Active(alert, document["severity"], labels, since, value, fired)
    return {(alert.name, active.severity, labels): active}
