"""What is to be delivered: all current alerts for Alertmanager, events for the other receivers.

Alertmanager expects all current alerts repeatedly; a webhook or a command gets each event
once. All of it can be saved and restored across a restart.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from xenwatch.alerts import states
from xenwatch.alerts.base import Alert
from xenwatch.alerts.maintenance import LONGEST, Maintenance
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
from xenwatch.alerts.wording import texts
from xenwatch.delivery import maintenance, saved
from xenwatch.delivery.gate import Gate
from xenwatch.delivery.maintenance import Notice
from xenwatch.delivery.saved import Value
from xenwatch.readings.moment import Moment

RETENTION: Final = 900.0
"""Seconds a resolved alert is resent, as Prometheus does, should Alertmanager be down."""
MOST_EVENTS: Final = 5000
"""Events queued for a receiver that does not accept them; the oldest are dropped first. A thousand
VMs that lose disk and network at once are four thousand."""
MOST_PENDING: Final = 1000
"""Pending series of alerts that are saved across a restart."""


class Outbox:
    """The alerts of `sender` to deliver, and a queue of events for each receiver named.

    It counts in instants, and tells Unix times: those of the moment at which it is asked.
    `boot` identifies this boot of the host, empty where unknown. `dropped` counts the events by
    receiver that a full queue has dropped.
    """

    def __init__(self, sender: Sender, receivers: Iterable[str]) -> None:
        self.alerts = Alerts()
        self.queues: dict[str, deque[Message]] = {
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

    def maintain(self, found: Maintenance | None, now: Moment, keep: float) -> bool:
        """Note whether the host is in maintenance. Returns whether something is to be sent at once.

        Alertmanager has the alert until `keep` seconds after the end, as from the rule; the other
        receivers get an event at the beginning and one at the end.
        """
        before = self._notice
        lasted = before is not None and before.over is None
        if found is not None:
            since = before.message.starts if before else now.instant
            message = maintenance.message(found, since, self.sender)
            lasts = min(found.until - now.time, LONGEST)
            self._notice = Notice(message, now.instant + lasts + keep)
            self._resolved.pop(message.identity, None)
            if not lasted:
                self._queue(message)
            return not lasted
        if before is None:
            return False
        over = now.instant if before.over is None else before.over
        if lasted:
            self._queue(ended(before.message, State.OK, now.instant))
        self._notice = Notice(before.message, over + keep, over)
        if now.instant - over >= keep:
            self._notice = None
            self._resolved[before.message.identity] = ended(before.message, State.OK, now.instant)
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
            queue.append(message)

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

    def current(self, now: Moment, expiry: float) -> list[dict[str, Any]]:
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
            *(_posted(one.message, now, _ahead(one.expires, now)) for one in notice),
            *(_posted(message, now, now.time + expiry) for message in messages),
            *(
                _posted(message, now, now.unix(message.ends))
                for message in self._resolved.values()
                if message.ends is not None
            ),
        ]

    def saved(self, now: Moment) -> dict[str, Any]:
        """What is to survive a restart, as JSON: its times are Unix times."""
        active = self.alerts.active.values()
        pending = [one for one in active if one.state is State.PENDING]
        return {
            "saved": now.time,
            "boot": self.boot,
            "active": [_saved(one, now) for one in (*self.alerts.firing, *pending[:MOST_PENDING])],
            "gate": self._gate.saved(now),
            "held": [[name, severity, dict(labels)] for name, severity, labels in self._held],
            "maintenance": None if self._notice is None else _saved_notice(self._notice, now),
            "over": [_saved_message(message, now) for message in self._resolved.values()],
            "queues": {
                name: [message.document(now) for message in queue]
                for name, queue in self.queues.items()
            },
        }

    def restore(self, document: Value, now: Moment, expiry: float) -> None:
        """Restore what was saved, but for alerts that are no longer in the table.

        Ages are those of when it was saved, and what has passed since by the clock, if that was not
        set back. What fired keeps firing where the first page still shows it. Else it is resolved:
        at once where it has expired at Alertmanager, `expiry` seconds after it was last sent. After
        a boot of the host it is resolved in any case: domain ids belong to other domains then.
        Raises `SavedError`; the outbox is of no use then.
        """
        then = moment_saved(document, now)
        short = now.instant - then.instant < expiry
        active = (_restored(one, then, now, short=short) for one in document["active"].each())
        alerts = Alerts({_key(one): one for one in active if one is not None})
        resolved = [saved.message(one, then) for one in document["over"].each()]
        self._resolved = {one.identity: one for one in resolved if one.ends is not None}
        held = document.get("held")
        self._held = frozenset(_restored_key(one) for one in (held.each() if held else ()))
        if gate := document.get("gate"):
            self._gate.restore(gate, then)
        if notice := document.get("maintenance"):
            self._notice = _restored_notice(notice, then)
        for name, events in document["queues"].items().items():
            messages = [saved.event(one, then) for one in events.each()]
            if name in self.queues:
                self.queues[name].extend(messages)
        if document["boot"].text() == self.boot:
            self.alerts, self._restored = alerts, True
        else:
            self.enqueue(states.ended(alerts, now.instant), now.instant)


def moment_saved(document: Value, now: Moment) -> Moment:
    """When a document was saved; a time ahead is now."""
    time = document["saved"].time()
    return Moment(time, now.instant_of(time))


_BY_NAME: Final[Mapping[str, Alert]] = {alert.name: alert for alert in ALERTS}


def _key(active: Active) -> SeriesKey:
    return active.alert.name, active.severity, active.labels


def _ahead(instant: float, now: Moment) -> float:
    """The Unix time of an instant that may be ahead."""
    return now.time + (instant - now.instant)


def _posted(message: Message, now: Moment, ends: float) -> dict[str, Any]:
    """A message as Alertmanager's API v2 accepts it."""
    return {
        "labels": dict(message.labels),
        "annotations": dict(message.annotations),
        "startsAt": rfc3339(now.unix(message.starts)),
        "endsAt": rfc3339(ends),
    }


def _saved(active: Active, now: Moment) -> dict[str, Any]:
    fired, ended_ = active.fired, active.ended
    return {
        "alert": active.alert.name,
        "severity": active.severity,
        "labels": dict(active.labels),
        "since": now.unix(active.since),
        "fired": None if fired is None else now.unix(fired),
        "ended": None if ended_ is None else now.unix(ended_),
        "value": active.value,
        "detail": active.detail,
    }


def _saved_message(message: Message, now: Moment) -> dict[str, Any]:
    ends = None if message.ends is None else now.unix(message.ends)
    return {**dataclasses.asdict(message), "starts": now.unix(message.starts), "ends": ends}


def _saved_notice(notice: Notice, now: Moment) -> dict[str, Any]:
    return {
        "message": _saved_message(notice.message, now),
        "expires": _ahead(notice.expires, now),
        "over": None if notice.over is None else now.unix(notice.over),
    }


def _restored_notice(value: Value, then: Moment) -> Notice:
    over, expires = value.get("over"), value["expires"].time()
    return Notice(
        saved.message(value["message"], then),
        then.instant + min(expires - then.time, LONGEST),
        None if over is None else then.instant_of(over.time()),
    )


def _restored_key(value: Value) -> SeriesKey:
    parts = value.each()
    if len(parts) != 3:
        raise value.error("a name, a severity and labels")
    name, severity, labels = parts
    return name.text(), severity.text(), tuple(sorted(labels.texts().items()))


def _restored(value: Value, then: Moment, now: Moment, *, short: bool) -> Active | None:
    """An alert that was saved at the moment `then`; `None` where the table no longer has it.

    A firing alert was last seen then, or long ago where the daemon was away for no `short` time.
    For a pending one that time does not count, and where it was long it starts anew.
    """
    alert, severity = _BY_NAME.get(value["alert"].text()), value["severity"].text()
    labels, detail = value["labels"].texts(), value.get("detail")
    since, number = then.instant_of(value["since"].time()), value["value"].number()
    detail_ = "" if detail is None else detail.text()
    fired, ended_ = (
        None if found is None else then.instant_of(found.time())
        for found in (value.get("fired"), value.get("ended"))
    )
    if not labels.get("backend_domid", "0").isdecimal():
        raise value["labels"].error("a number as backend_domid")
    if alert is None or severity not in alert.conditions or (fired is None and not short):
        return None
    try:
        texts(alert, number, {**labels, **alert.fixed}, detail_)
    except KeyError:  # it had other labels then
        return None
    if fired is None:
        since += now.instant - then.instant
    else:
        last = then.instant if short else then.instant_of(0.0)
        ended_ = last if ended_ is None else min(ended_, last)
    series = tuple(sorted(labels.items()))
    return Active(alert, severity, series, since, number, fired, ended_, detail_)
