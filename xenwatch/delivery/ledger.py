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
from dataclasses import dataclass, field
from typing import Any, Final

from xenwatch.alerts.names import CRITICAL, INFO, WARNING
from xenwatch.messages import requests
from xenwatch.messages.requests import Message, Post, Remove

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
    """Something to be done for an alert: since when, and how often it has failed."""

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
        """When the next message may be posted, if one waits for the end of the hour."""
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
        # Also after the clock was set back.
        self.times = deque(time for time in self.times if 0 <= now - time < HOUR)

    def saved(self) -> dict[str, Any]:
        """What is to survive a restart, as JSON."""
        return {
            "waiting": {key: _saved(task) for key, task in self.waiting.items()},
            "posted": {key: dataclasses.asdict(each) for key, each in self.posted.items()},
            "removals": [_saved(task) for task in self.removals],
            "times": list(self.times),
        }

    def restore(self, document: Mapping[str, Any]) -> None:
        """Restore what was saved, but for alerts that are no longer in the table.

        What waited may have been posted when the daemon stopped. Raises `AttributeError`,
        `KeyError`, `TypeError` or `ValueError` when it was not made by `saved`.
        """
        self.waiting = {
            str(key): Task(Post(_message(each), again=True), float(each["since"]), tries=1)
            for key, each in document["waiting"].items()
        }
        posted = {str(key): _message(each) for key, each in document["posted"].items()}
        self.posted = {key: each for key, each in posted.items() if each.name in requests.NAMES}
        self.removals = deque(
            Task(Remove(_message(each)), float(each["since"])) for each in document["removals"]
        )
        self.times = deque(float(time) for time in document["times"])


def _saved(task: Task) -> dict[str, Any]:
    return {**dataclasses.asdict(task.request.message), "since": task.since}


def _message(document: Mapping[str, Any]) -> Message:
    return Message(
        str(document["name"]),
        int(document["priority"]),
        str(document["body"]),
        str(document["vm"]),
    )
