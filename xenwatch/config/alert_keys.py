"""The keys of the configuration that are about alerts, from the table of alerts."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from xenwatch.alerts.table import ALERTS, Alert
from xenwatch.config import converters
from xenwatch.config.key import Key
from xenwatch.display.text import shown
from xenwatch.limits.base import Thresholds

MOST_RECEIVERS: Final = 8
LONGEST_COMMAND: Final = 64


def duration(value: object) -> float:
    """A time span that may be nothing, of at most a day."""
    return 0.0 if value == 0 and not isinstance(value, bool) else converters.seconds(value)


def bound(value: object) -> float | None:
    """A number more than 0; `"never"` is `None`."""
    if value == "never":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ValueError("is not a number more than 0")
    return float(value)


def url(value: object) -> str:
    """The URL of an HTTP server, or empty."""
    place = converters.text(value)
    if not place:
        return ""
    try:
        parts = urlsplit(place)
        named = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        named = False
    if not named or not re.fullmatch(r"[!-~]+", place) or "#" in place:
        raise ValueError("is not a URL such as http://HOST:9093")
    return place


def urls(value: object) -> tuple[str, ...]:
    """URLs of HTTP servers, none twice."""
    if not isinstance(value, list | tuple) or len(value) > MOST_RECEIVERS:
        raise ValueError(f"is not an array of at most {MOST_RECEIVERS} strings")
    for item in value:
        try:
            if not url(item):
                raise ValueError("is empty")
        except ValueError as error:
            raise ValueError(f"has {shown(item)}, which {error}") from None
    return tuple(dict.fromkeys(value))


def argv(value: object) -> tuple[str, ...]:
    """A program by its absolute path, and its arguments; or nothing."""
    if not isinstance(value, list | tuple) or len(value) > LONGEST_COMMAND:
        raise ValueError(f"is not an array of at most {LONGEST_COMMAND} strings")
    for item in value:
        if "\0" in converters.text(item):
            raise ValueError("has a NUL in it")
    if value:
        try:
            converters.absolute_path(value[0])
        except ValueError as error:
            raise ValueError(f"has {shown(value[0])} first, which {error}") from None
    return tuple(value)


def runbooks(value: object) -> str:
    """What the name of a runbook's file is appended to, or empty."""
    place = converters.text(value)
    if place and not re.fullmatch(r"(?:https?|file)://[!-~]*[/=]", place):
        raise ValueError("is not a URL that ends with /")
    return place


def state_file(value: object) -> str:
    """An absolute path, or empty."""
    return converters.absolute_path(value) if value != "" else ""


ENABLED: Final[Key[bool]] = Key(
    "alerts.enabled",
    "boolean",
    True,
    "Evaluate the alerts: export their states, log their changes, tell those named below.",
    converters.boolean,
)
KEEP: Final[Key[float]] = Key(
    "alerts.keep_firing_for",
    "number",
    300.0,
    "Seconds an alert goes on firing after its condition has ended, so that one that wavers is "
    "told once.",
    duration,
)
RUNBOOKS: Final[Key[str]] = Key(
    "alerts.runbooks",
    "string",
    "",
    "URL to which the name of an alert's runbook is appended; empty: those the daemon itself "
    "serves at /runbooks/.",
    runbooks,
)
INSTANCE: Final[Key[str]] = Key(
    "alerts.instance",
    "string",
    "",
    "Label instance of what is sent; empty: the host's name. Set it to what Prometheus shows, "
    "and Alertmanager takes the alerts of both as the same.",
    converters.text,
    restart=True,
)
STATE_FILE: Final[Key[str]] = Key(
    "alerts.state_file",
    "string",
    "",
    "File that keeps what fires and what is still to be told over a restart; empty: alerts.json "
    "in the directory systemd names (STATE_DIRECTORY), else none.",
    state_file,
    restart=True,
)
ALERTMANAGERS: Final[Key[tuple[str, ...]]] = Key(
    "alertmanager.urls",
    "array of strings",
    (),
    "Alertmanagers to send alerts to (API v2), such as http://HOST:9093; all get every alert.",
    urls,
    restart=True,
)
WEBHOOK: Final[Key[str]] = Key(
    "webhook.url",
    "string",
    "",
    "URL to which alerts that began to fire or are over are sent as JSON (POST).",
    url,
    restart=True,
)
COMMAND: Final[Key[tuple[str, ...]]] = Key(
    "command.argv",
    "array of strings",
    (),
    "Program and arguments to run when alerts begin to fire or are over; stdin is the same JSON.",
    argv,
    restart=True,
)
COMMAND_DEADLINE: Final[Key[float]] = Key(
    "command.deadline",
    "number",
    10.0,
    "Seconds after which the command is killed and counts as failed.",
    converters.seconds,
    restart=True,
)


def section(alert: Alert) -> str:
    """The table of the configuration an alert's keys are in."""
    return f"alerts.{alert.section or alert.name}"


def seconds(alert: Alert) -> Key[float]:
    """How long an alert's condition must hold; one key for all alerts of limits."""
    what = "the alerts of limits" if alert.section else alert.title
    text = f"Seconds the condition of {what} must hold before it fires."
    return Key(f"{section(alert)}.for", "number", alert.seconds, text, duration)


def own(alert: Alert) -> tuple[Key[float | None], ...]:
    """The thresholds that are the alert's own; empty where it has none."""
    if alert.thresholds is None:
        return ()
    return tuple(
        Key(
            f"{section(alert)}.{field.name}",
            'number or "never"',
            getattr(alert.thresholds, field.name),
            f"Value from which {alert.title} is {field.name}.",
            bound,
        )
        for field in dataclasses.fields(Thresholds)
    )


def _keys() -> Iterator[Key[Any]]:
    yield from (ENABLED, KEEP, RUNBOOKS, INSTANCE, STATE_FILE)
    found: dict[str, Key[Any]] = {}
    for alert in ALERTS:
        found |= {key.path: key for key in own(alert)}
        found.setdefault(seconds(alert).path, seconds(alert))
    yield from found.values()
    yield from (ALERTMANAGERS, WEBHOOK, COMMAND, COMMAND_DEADLINE)


KEYS: Final = tuple(_keys())
"""Every key that is about alerts."""
