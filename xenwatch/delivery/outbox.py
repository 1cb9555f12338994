"""What receivers are to be told: what stands, for Alertmanager, and what happened, for others.

Alertmanager wants to hear the whole again and again; a webhook or a command wants to hear of each
change once. All of it can be kept over a restart.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from xenwatch.alerts.messages import Message, of_active, of_change, rfc3339
from xenwatch.alerts.states import Active, Alerts, Key, State, ended
from xenwatch.alerts.table import ALERTS, CRITICAL, Alert

RETENTION: Final = 900.0
"""Seconds an alert that is over is repeated, as Prometheus does, should Alertmanager be away."""
MOST_EVENTS: Final = 5000
"""Events kept for a receiver that does not take them; the oldest give way. A thousand VMs that lose
disk and network at once are four thousand."""
MOST_PENDING: Final = 1000
"""Series of alerts that do not fire yet whose time is kept over a restart."""

Identity = tuple[tuple[str, str], ...]


class Outbox:
    """What there is to tell, of this host called `instance`, to receivers of events by name.

    `boot` says which boot of the host this is, empty where nobody knows. `lost` counts the events
    by receiver that had to give way.
    """

    def __init__(self, instance: str, runbooks: str, receivers: Iterable[str]) -> None:
        self.alerts = Alerts()
        self.queues: dict[str, deque[dict[str, Any]]] = {
            name: deque(maxlen=MOST_EVENTS) for name in receivers
        }
        self.runbooks = runbooks
        self.boot = ""
        self.lost: Counter[str] = Counter()
        self._restored = False
        self._instance = instance
        self._over: dict[Identity, Message] = {}

    def take(self, alerts: Alerts, now: float) -> bool:
        """Take up the alerts of a new page. Returns whether there is something to tell at once.

        That is what began to fire or is over, and after a restart what still fires.
        """
        self._over = {
            identity: message
            for identity, message in self._over.items()
            if message.ends is not None and now - message.ends < RETENTION
        }
        first = self._restored
        self.alerts, self._restored = alerts, False
        found = [of_change(it, self._instance, self.runbooks) for it in alerts.changes]
        news = [message for message in found if message is not None]
        for message in news:
            self._over.pop(message.identity, None)
            if message.ends is not None:
                self._over[message.identity] = message
            for name, queue in self.queues.items():
                if len(queue) == MOST_EVENTS:
                    self.lost[name] += 1
                queue.append(message.document())
        return first or bool(news)

    def standing(self, now: float, lasting: float) -> list[dict[str, Any]]:
        """Alerts as Alertmanager's API v2 takes them: what fires, and what was over lately.

        What fires ends by itself in `lasting` seconds unless it is told again: a daemon that dies
        leaves nothing behind. Source: Prometheus, rules/alerting.go and notifier/notifier.go.
        The critical come first: an Alertmanager just started notifies of old alerts at once, and a
        warning is to find there what inhibits it. Source: Alertmanager, dispatch/dispatch.go.
        What was restored is not told before a page has shown what has become of it.
        """
        firing = () if self._restored else self.alerts.firing
        messages = sorted(
            (of_active(it, self._instance, self.runbooks) for it in firing),
            key=lambda message: message.labels["severity"] != CRITICAL,
        )
        return [
            {
                "labels": dict(message.labels),
                "annotations": dict(message.annotations),
                "startsAt": rfc3339(message.starts),
                "endsAt": rfc3339(now + lasting if message.ends is None else message.ends),
            }
            for message in (*messages, *self._over.values())
        ]

    def kept(self, now: float) -> dict[str, Any]:
        """What is to be kept over a restart, as JSON."""
        pending = [it for it in self.alerts.active.values() if it.state is State.PENDING]
        return {
            "saved": now,
            "boot": self.boot,
            "active": [_kept(it) for it in (*self.alerts.firing, *pending[:MOST_PENDING])],
            "over": [dataclasses.asdict(message) for message in self._over.values()],
            "queues": {name: list(queue) for name, queue in self.queues.items()},
        }

    def restore(self, document: Mapping[str, Any], now: float, lasting: float) -> None:
        """Take up what was kept; alerts that are no longer in the table are left behind.

        What fired goes on where the first page still shows it. Else it is over: at once when
        Alertmanager, told that it ends by itself in `lasting` seconds, has ended it already. After
        a boot of the host it is over in any case: domain ids are those of others then.
        Raises `KeyError`, `TypeError` or `ValueError` when it was not made by `kept`.
        """
        saved, same = float(document["saved"]), document["boot"] == self.boot
        away = max(0.0, now - saved)
        seen = saved if away < lasting else 0.0
        active = [_restored(it, seen, away) for it in document["active"]]
        over = [Message(**it) for it in document["over"]]
        queues: Mapping[str, Sequence[dict[str, Any]]] = document["queues"]
        alerts = Alerts({key: it for found in active for key, it in found.items()})
        self._over = {message.identity: message for message in over}
        for name, queue in self.queues.items():
            queue.extend(dict(it) for it in queues.get(name, ()))
        if same:
            self.alerts, self._restored = alerts, True
        else:
            self.take(ended(alerts, now), now)


_BY_NAME: Final[Mapping[str, Alert]] = {alert.name: alert for alert in ALERTS}


def _kept(active: Active) -> dict[str, Any]:
    return {
        "alert": active.alert.name,
        "severity": active.severity,
        "labels": dict(active.labels),
        "since": active.since,
        "fired": active.fired,
        "ended": active.ended,
        "value": active.value,
    }


def _restored(document: Mapping[str, Any], seen: float, away: float) -> dict[Key, Active]:
    """The alert of a document, if there still is one.

    Nobody saw what fired after `seen`; what did not fire yet, did not go on while nobody looked,
    `away` seconds, and begins anew where that was long.
    """
    alert = _BY_NAME.get(document["alert"])
    if alert is None or document["severity"] not in alert.conditions:
        return {}
    labels = tuple(sorted((str(name), str(it)) for name, it in document["labels"].items()))
    since, value = float(document["since"]), float(document["value"])
    active = Active(alert, document["severity"], labels, since, value)
    if document["fired"] is not None:
        last = seen if document["ended"] is None else min(float(document["ended"]), seen)
        active = dataclasses.replace(active, fired=float(document["fired"]), ended=last)
    elif seen:
        active = dataclasses.replace(active, since=since + away)
    else:
        return {}
    return {(alert.name, active.severity, labels): active}
