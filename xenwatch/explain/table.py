"""The one table of error messages: those of limits, those of alerts, those of neither."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from xenwatch.alerts.base import Alert, Watch
from xenwatch.alerts.near_limit import LIMIT
from xenwatch.alerts.table import ALERTS, WATCHES
from xenwatch.errors.kinds import KINDS
from xenwatch.errors.pattern import Pattern, patterns, words
from xenwatch.explain.others import OTHERS, Other
from xenwatch.limits import LIMITS
from xenwatch.values import dataclass

_TITLES: Final = {limit.name: limit.title for limit in LIMITS}


@dataclass(frozen=True, slots=True)
class Entry:
    """Messages with one meaning, in Markdown, see `xenwatch.errors.pattern`.

    `limit` is the limit whose headroom matters, `title` and `runbook` those of the alert, `look`
    what to look at where there is no runbook; each is empty where there is none.
    """

    messages: str
    meaning: str
    patterns: tuple[Pattern, ...]
    words: frozenset[str]
    limit: str = ""
    title: str = ""
    runbook: str = ""
    look: str = ""


def of_alerts(alerts: Iterable[Alert | Watch]) -> tuple[Entry, ...]:
    """The entries of alerts, those of limits among them."""
    return tuple(
        Entry(
            messages,
            meaning,
            patterns(messages),
            words(f"{messages} {meaning} {_resource(alert)}"),
            limit=_limit(alert),
            title=alert.title,
            runbook=alert.runbook,
        )
        for alert in alerts
        for messages, meaning in alert.errors.items()
    )


def of_others(others: Iterable[Other]) -> tuple[Entry, ...]:
    """The entries of messages that belong to no alert."""
    return tuple(
        Entry(
            other.messages,
            other.meaning,
            patterns(other.messages),
            words(f"{other.messages} {other.meaning}"),
            look=other.look,
        )
        for other in others
    )


def _limit(alert: Alert | Watch) -> str:
    """The name of the limit an alert is of, empty where it is of none."""
    return alert.fixed.get(LIMIT, "") if isinstance(alert, Alert) else ""


def _resource(alert: Alert | Watch) -> str:
    """What people call the limit an alert is of, with and without hyphens; empty: of none."""
    title = _TITLES.get(_limit(alert), "")
    return f"{title} {title.replace('-', ' ')}"


ENTRIES: Final = (*of_alerts((*ALERTS, *WATCHES)), *of_others(OTHERS))
"""Every entry: of limits, of alerts, of neither."""

_BY_MESSAGES: Final = {entry.messages: entry for entry in ENTRIES}
BY_KIND: Final = {kind.name: _BY_MESSAGES[kind.messages] for kind in KINDS}
"""The entry of each kind of messages of the logs, by name of the kind; each has a runbook."""
