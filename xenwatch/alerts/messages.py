"""Alerts as other programs get them: labels, annotations and times."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from dataclasses import field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from xenwatch.alerts.base import Alert, Watch
from xenwatch.alerts.states import Active, Change, State
from xenwatch.alerts.wording import Texts, begin, texts
from xenwatch.fence import BROKEN, OPEN, Fence, Part
from xenwatch.readings.moment import Moment
from xenwatch.values import dataclass

JOB: Final = "xenwatch"
"""The label `job` that the example configuration of Prometheus gives too."""
RUNBOOKS: Final = "/runbooks/"
"""The path below which every daemon serves the runbooks."""

Identity = tuple[tuple[str, str], ...]
"""The labels of an alert, sorted: two alerts with the same are one."""
DEFAULT_LABELS: Final[Mapping[str, str]] = MappingProxyType({"job": JOB})
"""The labels that say where a host is, unless they are configured."""


@dataclass(frozen=True, slots=True)
class Message:
    """An alert for receivers. It starts and, unless it fires, `ends` at an instant.

    `state` is firing, ok, or unknown: resolved because it can no longer be judged.
    """

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts: float
    ends: float | None
    state: str

    @property
    def identity(self) -> Identity:
        """What makes it the same alert: its labels."""
        return tuple(sorted(self.labels.items()))

    def document(self, now: Moment) -> dict[str, Any]:
        """The message as JSON, told now; `endsAt` is null while it fires."""
        return {
            "status": "firing" if self.ends is None else "resolved",
            "state": self.state,
            "labels": dict(self.labels),
            "annotations": dict(self.annotations),
            "startsAt": rfc3339(now.unix(self.starts)),
            "endsAt": None if self.ends is None else rfc3339(now.unix(self.ends)),
        }


def ended(message: Message, state: State, instant: float) -> Message:
    """The message of an alert that is resolved: it is in that state from then on."""
    return dataclasses.replace(message, ends=instant, state=state.value)


@dataclass(frozen=True, slots=True)
class Sender:
    """The host that alerts are of, as each of its messages names it.

    `instance` is the label that names it, and begins the summary as in Prometheus's rules; an empty
    one does not, for the host's own page. `runbooks` is the URL prefix of runbooks. `labels` are
    the others that every alert of it has: its job, and where the host is. `mark` is that of an
    origin: it begins the summary of what is no live host's, and is no label, as Prometheus's alerts
    would then be others. An alert whose text raises within `fence` has its name and command.
    """

    instance: str
    runbooks: str
    labels: Mapping[str, str] = field(default_factory=lambda: DEFAULT_LABELS)
    mark: str = ""
    fence: Fence = field(default=OPEN, compare=False, repr=False)

    def message(
        self,
        alert: Alert | Watch,
        severity: str,
        series: Mapping[str, str],
        words: Texts,
        starts: float,
    ) -> Message:
        """The message of an alert that fires: `series` are its own labels."""
        who = ", ".join(filter(None, (self.mark, self.instance)))
        return Message(
            labels={
                **series,
                "alertname": alert.title,
                "severity": severity,
                "instance": self.instance,
                **self.labels,
            },
            annotations={
                "summary": f"{who}: {words.summary}" if who else words.summary,
                "description": words.description,
                "runbook_url": f"{self.runbooks}{alert.runbook}",
            },
            starts=starts,
            ends=None,
            state=State.FIRING.value,
        )


def of_active(active: Active, sender: Sender) -> Message:
    """The message of a firing alert."""
    alert, series = active.alert, dict(active.labels)
    words = sender.fence(
        Part.ALERT,
        alert.name,
        functools.partial(
            texts, alert, active.value, series, active.detail, over=active.ended is not None
        ),
        Texts(alert.title, f"{BROKEN}. {begin(alert)}"),
    )
    starts = active.fired if active.fired is not None else active.since
    return sender.message(alert, active.severity, {**series, **alert.fixed}, words, starts)


def of_change(change: Change, sender: Sender) -> Message | None:
    """The message of an alert that started firing or is resolved, `None` of any other change."""
    if change.now is State.FIRING:
        return of_active(change.active, sender)
    if change.was is not State.FIRING:
        return None
    active = dataclasses.replace(change.active, ended=change.instant)
    return ended(of_active(active, sender), change.now, change.instant)


def rfc3339(time: float) -> str:
    """A Unix time as RFC 3339 has it, in UTC to the millisecond."""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds")
