"""What webhooks and commands are told: one trouble once in half an hour, and no symptom of it.

Alertmanager has its inhibitions and groups for that; who is told by the daemon itself gets the same
from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field
from typing import Any

from xenwatch.alerts.inhibition import (
    INTERVAL,
    OF_LIMITS,
    OF_OTHERS,
    Inhibition,
    inhibited,
    inhibitions,
)
from xenwatch.alerts.messages import Identity, Message
from xenwatch.alerts.near_limit import LIMIT
from xenwatch.alerts.states import State
from xenwatch.delivery.saved import Value
from xenwatch.readings.moment import Moment
from xenwatch.values import dataclass

Trouble = tuple[str, ...]
"""Severity, and what the alerts are about: a trouble that becomes critical is told at once."""


def trouble(message: Message) -> Trouble:
    """What a message is about, told apart as Alertmanager's groups are."""
    labels = message.labels
    names = OF_LIMITS if labels.get(LIMIT) else OF_OTHERS
    return labels["severity"], *(labels.get(name, "") for name in names)


@dataclass(slots=True)
class Gate:
    """Lets messages pass.

    `waiting` are alerts that fire and were not told, `told` is when troubles were, as instants.
    An alert waits while another one inhibits it, and while its trouble was told less than
    `INTERVAL` ago; if it ends meanwhile, nobody is told of it.
    """

    waiting: frozenset[Identity] = frozenset()
    told: dict[Trouble, float] = field(default_factory=dict)
    rules: Sequence[Inhibition] = field(default_factory=inhibitions)

    def passed(
        self, changes: Iterable[Message], firing: Iterable[Message], now: float
    ) -> list[Message]:
        """Those of the changes, and of the alerts that waited, that are to be told now."""
        changes = list(changes)
        began = {message.identity for message in changes if message.ends is None}
        # Nothing is due where nothing began or waits: as in nearly every pass.
        every = list(firing) if self.waiting or began else []
        ends = [
            message
            for message in changes
            if message.ends is not None and message.identity not in self.waiting
        ]
        candidates = (self.waiting | began) & {message.identity for message in every}
        # What ended because nobody could judge it is news when it fires again.
        unsure = {trouble(message) for message in ends if message.state == State.UNKNOWN.value}
        self.told = {
            each: time
            for each, time in self.told.items()
            if now - time < INTERVAL and each not in unsure
        }
        muted = inhibited([message.labels for message in every], self.rules) if candidates else ()
        due = [
            message
            for place, message in enumerate(every)
            if message.identity in candidates
            and place not in muted
            and trouble(message) not in self.told
        ]
        self.waiting = candidates - {message.identity for message in due}
        self.told |= {trouble(message): now for message in due}
        return [*due, *ends]

    def saved(self, now: Moment) -> dict[str, Any]:
        """What is to survive a restart, as JSON: its times are Unix times."""
        return {
            "waiting": [dict(identity) for identity in self.waiting],
            "told": [[*key, now.unix(instant)] for key, instant in self.told.items()],
        }

    def restore(self, value: Value, then: Moment) -> None:
        """Restore what was saved at the moment `then`. Raises `SavedError`."""
        waiting, told = value.get("waiting"), value.get("told")
        self.waiting = frozenset(
            tuple(sorted(labels.texts().items())) for labels in (waiting.each() if waiting else ())
        )
        self.told = dict(_told(one, then) for one in (told.each() if told else ()))


def _told(value: Value, then: Moment) -> tuple[Trouble, float]:
    """A trouble and when it was told."""
    match value.each():
        case [*what, time] if what:
            return tuple(part.text() for part in what), then.instant_of(time.time())
    raise value.error("a trouble and when it was told")
