"""Which alerts are messages of xapi, which are to become one, and which are to be removed.

Messages are files that xapi reads whole, at most 10,000 for a pool (xapi_globs.ml, message_limit);
the oldest are dropped first, whoever posted them. So what is posted is bounded, by the hour and
altogether, and what is resolved is removed: xapi does the same with its own alerts of certificates
(ocaml/alerts/expiry_alert.ml).
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import field
from typing import Any, Final

from xenwatch.alerts.names import CRITICAL, INFO, WARNING
from xenwatch.delivery.saved import Value
from xenwatch.messages import requests
from xenwatch.messages.requests import Message, Post, Remove
from xenwatch.readings.moment import Moment
from xenwatch.values import dataclass

HOUR: Final = 3600.0
MOST_POSTED: Final = 200
"""Messages that are posted at any time: a fiftieth of what xapi keeps."""
MOST_WAITING: Final = 1000
"""Alerts that wait to be posted or to be removed; further ones are not told."""
GIVE_UP: Final = 86400.0
"""Seconds after which a message that cannot be posted or removed is left as it is."""
PRIORITIES: Final = {CRITICAL: 2, WARNING: 3, INFO: 5}
"""Priority of a message by severity of the alert. 1, imminent loss of data, is for xapi."""
NO_VM: Final = "00000000-0000-0000-0000-000000000000"
"""The UUID of dom0, which the host stands for."""


@dataclass(frozen=True, slots=True)
class Task:
    """Something to be done for an alert: since which instant, and how often it has failed."""

    request: Post | Remove
    since: float
    tries: int = 0

    @property
    def order(self) -> tuple[int, bool, int, float]:
        """The lower, the sooner: a request that keeps failing does not hold up the others."""
        removes = isinstance(self.request, Remove)
        return self.tries, removes, self.request.message.priority, self.since


def message_of(event: Mapping[str, Any]) -> Message:
    """The message of an event of a firing alert.

    It says when the alert began, so that no two alerts have the same.
    """
    labels, texts = event["labels"], event["annotations"]
    body = (
        f"{texts['summary']} (since {event['startsAt'][:19]}Z). {texts['description']} "
        f"Runbook: {texts['runbook_url']}"
    )
    uuid = labels.get("uuid", "")
    vm = uuid if re.fullmatch(requests.UUID, uuid) and uuid != NO_VM else ""
    return Message(labels["alertname"], PRIORITIES[labels["severity"]], requests.line_of(body), vm)


@dataclass(slots=True)
class Ledger:
    """What is posted, and what waits; `per_hour` messages are posted at most.

    Alerts are known by their labels, as JSON, without the `common` ones: every alert of the host
    has these, and they may be configured otherwise after a restart.
    """

    per_hour: int
    common: frozenset[str] = frozenset()
    waiting: dict[str, Task] = field(default_factory=dict)
    posted: dict[str, Message] = field(default_factory=dict)
    removals: deque[Task] = field(default_factory=deque)
    times: deque[float] = field(default_factory=deque)
    dropped: int = 0

    def take(self, event: Mapping[str, Any], now: float) -> None:
        """Note an event: an alert that fires, or one that is resolved.

        What is resolved before it was posted is not told at all.
        """
        labels = {name: text for name, text in event["labels"].items() if name not in self.common}
        key = json.dumps(labels, sort_keys=True)
        if event["status"] == "firing":
            if key in self.posted or key in self.waiting:
                return
            if len(self.waiting) >= MOST_WAITING:
                self.dropped += 1
                return
            self.waiting[key] = Task(Post(message_of(event)), now)
            return
        task = self.waiting.pop(key, None)
        message = self.posted.pop(key, None)
        if task is not None and task.tries:
            message = task.request.message
        if message is not None and len(self.removals) < MOST_WAITING:
            self.removals.append(Task(Remove(message), now))

    def next(self, now: float) -> Task | None:
        """What is to be done now: posts by priority, then removals."""
        self._forget_hour(now)
        tasks = [*self.removals]
        if len(self.times) < self.per_hour and len(self.posted) < MOST_POSTED:
            tasks += self.waiting.values()
        return min(tasks, key=lambda task: task.order, default=None)

    def free_at(self) -> float | None:
        """The instant at which a message may be posted, if one waits for the end of the hour."""
        if self.waiting and len(self.times) >= self.per_hour and len(self.posted) < MOST_POSTED:
            return self.times[0] + HOUR
        return None

    def done(self, task: Task, now: float) -> None:
        """Note that the task is done."""
        if isinstance(task.request, Remove):
            self._drop(task)
            return
        self.times.append(now)
        key = self._drop(task)
        if key is not None:
            self.posted[key] = task.request.message
        elif len(self.removals) < MOST_WAITING:
            # Resolved meanwhile.
            self.removals.append(Task(Remove(task.request.message), now))

    def failed(self, task: Task, now: float) -> bool:
        """Note that it failed: it is to be tried again, after the others. False: no more."""
        key = self._drop(task)
        if now - task.since >= GIVE_UP:
            return False
        request, tries = task.request, task.tries + 1
        if isinstance(request, Post) and key is not None:
            # It may have been posted although nobody said so.
            self.waiting[key] = Task(Post(request.message, again=True), task.since, tries)
        elif isinstance(request, Remove):
            self.removals.append(dataclasses.replace(task, tries=tries))
        else:
            self.removals.append(Task(Remove(request.message), now))
        return True

    def _drop(self, task: Task) -> str | None:
        """Take the task away; the key of its alert if that still waits."""
        if isinstance(task.request, Remove):
            if task in self.removals:
                self.removals.remove(task)
            return None
        for key, each in self.waiting.items():
            if each is task:
                del self.waiting[key]
                return key
        return None

    def _forget_hour(self, now: float) -> None:
        self.times = deque(time for time in self.times if now - time < HOUR)

    def saved(self, now: Moment) -> dict[str, Any]:
        """What is to survive a restart, as JSON: its times are Unix times."""
        return {
            "waiting": {key: _saved(task, now) for key, task in self.waiting.items()},
            "posted": {key: dataclasses.asdict(each) for key, each in self.posted.items()},
            "removals": [_saved(task, now) for task in self.removals],
            "times": [now.unix(each) for each in self.times],
        }

    def restore(self, value: Value, then: Moment) -> None:
        """Restore what was saved at the moment `then`, but for alerts no longer in the table.

        What waited may have been posted when the daemon stopped. Raises `SavedError`.
        """
        waiting = {key: _task(each, then) for key, each in value["waiting"].items().items()}
        posted = {key: _message(each) for key, each in value["posted"].items().items()}
        removals = [_task(each, then) for each in value["removals"].each()]
        self.times = deque(then.instant_of(each.time()) for each in value["times"].each())
        self.waiting = {
            key: Task(Post(message, again=True), since, tries=1)
            for key, (message, since) in waiting.items()
        }
        self.posted = {key: each for key, each in posted.items() if each.name in requests.NAMES}
        self.removals = deque(Task(Remove(message), since) for message, since in removals)


def _saved(task: Task, now: Moment) -> dict[str, Any]:
    return {**dataclasses.asdict(task.request.message), "since": now.unix(task.since)}


def _task(value: Value, then: Moment) -> tuple[Message, float]:
    """The message of a task, and since which instant it waits."""
    return _message(value), then.instant_of(value["since"].time())


def _message(value: Value) -> Message:
    priority = value["priority"].whole()
    if priority not in requests.PRIORITIES:
        raise value["priority"].error("a priority of xapi")
    return Message(value["name"].text(), priority, value["body"].text(), value["vm"].text())
