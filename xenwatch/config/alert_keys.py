"""The configuration keys of alerts and their receivers, from the table of alerts."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from xenwatch.alerts import messages
from xenwatch.alerts.base import DURATION, NUMBER, PERCENT, Alert, Watch
from xenwatch.alerts.bounds import Bound
from xenwatch.alerts.names import CRITICAL
from xenwatch.alerts.table import ALERTS, WATCHES
from xenwatch.config import converters
from xenwatch.config.key import FileUse, Key
from xenwatch.display.text import shown
from xenwatch.limits.base import Thresholds

MAX_RECEIVERS: Final = 8
MAX_ARGUMENTS: Final = 64
MAX_BOUND: Final = 1e18
_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*:/{1,2})?([^/?#\\]*)(.*)", re.DOTALL)
"""A scheme, an authority and the rest, of any text."""


def duration(value: object) -> float:
    """A time span in seconds from 0 to a day."""
    return 0.0 if value == 0 and not isinstance(value, bool) else converters.seconds(value)


def bound(value: object) -> float | None:
    """A number more than 0 and at most `MAX_BOUND`; `"never"` is `None`."""
    if value == "never":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ValueError('must be a number greater than 0, or "never"')
    if value > MAX_BOUND:
        raise ValueError(f'must be at most {MAX_BOUND:g}, or "never"')
    return float(value)


def positive(value: object) -> float:
    """A number more than 0 and at most `MAX_BOUND`."""
    found = None if value == "never" else bound(value)
    if found is None:
        raise ValueError("must be a number greater than 0")
    return found


_KINDS: Final = {PERCENT: converters.share, DURATION: converters.seconds, NUMBER: positive}
"""What converts the bounds of alerts, by kind."""


def url(value: object) -> str:
    """The URL of an HTTP server, or empty."""
    text = converters.text(value)
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and parts.port != 0
        valid = valid and converters.is_host(parts.hostname or "")
    except ValueError:
        valid = False
    if not valid or not re.fullmatch(r"[!-~]+", text) or "#" in text:
        raise ValueError("must be a URL such as http://HOST:9093")
    return text


def urls(value: object, most: int = MAX_RECEIVERS) -> tuple[str, ...]:
    """URLs of HTTP servers, at most so many, without duplicates."""
    if not isinstance(value, list | tuple) or len(value) > most:
        raise ValueError(f"must be an array of at most {most} strings")
    for item in value:
        try:
            if not url(item):
                raise ValueError("must not be empty")
        except ValueError as error:
            raise ValueError(f"contains {_hidden(item)}, which {error}") from None
    return tuple(dict.fromkeys(value))


def _hidden(item: object) -> str:
    """The scheme and the host of a URL, also of a malformed one: all else may be a secret.

    A path can be one behind a proxy. What has an @ behind a slash has no host that is sure.
    """
    if not isinstance(item, str):
        return shown(item)
    match = _URL.match(item)
    scheme, authority, rest = match.groups("") if match else ("", "", "")
    user, _, host = authority.rpartition("@")
    if "@" in rest:
        return shown(f"{scheme}***")
    return shown(scheme + (user and "***@") + host + (rest and "/***"))


def alertmanagers(value: object) -> tuple[str, ...]:
    """URLs of Alertmanagers, without the path of the API."""
    found = urls(value)
    for item in found:
        if "/api/v" in item:
            text = f"contains {_hidden(item)}, which must not have the path of the API; "
            raise ValueError(text + "remove /api/v and what follows")
    return found


def argv(value: object) -> tuple[str, ...]:
    """A program by absolute path, and its arguments; may be empty."""
    if not isinstance(value, list | tuple) or len(value) > MAX_ARGUMENTS:
        raise ValueError(f"must be an array of at most {MAX_ARGUMENTS} strings")
    for item in value:
        if "\0" in converters.text(item):
            raise ValueError("must not contain a NUL character")
    if value:
        try:
            converters.absolute_path(value[0])
        except ValueError:
            raise ValueError("must start with the absolute path of a program") from None
    return tuple(value)


def runbooks(value: object) -> str:
    """URL prefix of runbook files, or empty."""
    prefix = converters.text(value)
    if prefix and not re.fullmatch(r"(?:https?|file)://[!-~]*[/=]", prefix):
        raise ValueError("must be a URL that ends with / or =")
    return prefix


def job(value: object) -> str:
    """The name of a job of Prometheus: printable, without what its queries must escape."""
    name = converters.text(value)
    if not name or not name.isprintable() or re.search(r'["\\`]', name):
        raise ValueError('must be printable characters other than ", \\ and `')
    return name


def file(value: object) -> str:
    """An absolute path, or empty."""
    return converters.absolute_path(value) if value != "" else ""


ENABLED: Final[Key[bool]] = Key(
    "alerts.enabled",
    "boolean",
    True,
    "Evaluate alerts: export their states, log changes and notify the receivers below.",
    converters.boolean,
)
KEEP: Final[Key[float]] = Key(
    "alerts.keep_firing_for",
    "number",
    420.0,
    "Seconds an alert keeps firing after its condition has cleared, so that a flapping alert "
    "is sent once. Keep it longer than alerts.down.for, so that no alert of a host that is down is "
    "resolved before XenwatchDown fires.",
    duration,
)
RUNBOOKS: Final[Key[str]] = Key(
    "alerts.runbooks",
    "string",
    "",
    "URL prefix of the runbooks; the file name is appended. Empty: the runbooks that the daemon "
    "serves at /runbooks/.",
    runbooks,
)
INSTANCE: Final[Key[str]] = Key(
    "alerts.instance",
    "string",
    "",
    "Instance label of delivered alerts; empty: the hostname. Set it to the instance label in "
    "Prometheus, so that Alertmanager deduplicates the alerts of both.",
    converters.text,
    restart=True,
)
JOB: Final[Key[str]] = Key(
    "alerts.job",
    "string",
    messages.JOB,
    "Job label of delivered alerts: the name of the job in Prometheus. Generated rules use it too.",
    job,
    restart=True,
)
STATE_FILE: Final[Key[str]] = Key(
    "alerts.state_file",
    "string",
    "",
    "File that saves firing and undelivered alerts across restarts; empty: alerts.json in the "
    "state directory set by systemd (STATE_DIRECTORY); if that is not set, nothing is saved.",
    file,
    restart=True,
    file=FileUse.REPLACE,
)
ALERTMANAGERS: Final[Key[tuple[str, ...]]] = Key(
    "alertmanager.urls",
    "array of strings",
    (),
    "Alertmanagers to send alerts to (API v2), such as http://HOST:9093; each gets every alert.",
    alertmanagers,
    restart=True,
    secret=True,
)
WEBHOOK: Final[Key[str]] = Key(
    "webhook.url",
    "string",
    "",
    "URL to post alerts to as JSON when they start firing and when they are resolved. One that "
    "holds a secret is better in url_file.",
    url,
    restart=True,
    secret=True,
)
WEBHOOK_FILE: Final[Key[str]] = Key(
    "webhook.url_file",
    "string",
    "",
    "File that holds nothing but that URL; it is read at each use.",
    file,
    restart=True,
    file=FileUse.HIDDEN,
    instead_of="webhook.url",
)


def credentials(section: str, whom: str) -> tuple[Key[str], Key[str]]:
    """The keys of basic authentication, of which both are set or none."""
    user, password = f"{section}.username", f"{section}.password_file"
    return (
        Key(
            user,
            "string",
            "",
            f"User for basic authentication with {whom}.",
            converters.text,
            restart=True,
            together=password,
        ),
        Key(
            password,
            "string",
            "",
            f"File that holds only the password for {whom}; it is read at each use.",
            file,
            restart=True,
            file=FileUse.HIDDEN,
            together=user,
        ),
    )


def _token(section: str, whom: str) -> Key[str]:
    """The key of a token for receivers, in place of a user."""
    return Key(
        f"{section}.bearer_token_file",
        "string",
        "",
        f"File that holds nothing but a bearer token for {whom}; it is read at each use.",
        file,
        restart=True,
        file=FileUse.HIDDEN,
        instead_of=f"{section}.username",
    )


ALERTMANAGER_USER, ALERTMANAGER_PASSWORD = credentials("alertmanager", "the Alertmanagers")
ALERTMANAGER_TOKEN = _token("alertmanager", "the Alertmanagers")
WEBHOOK_USER, WEBHOOK_PASSWORD = credentials("webhook", "the webhook")
WEBHOOK_TOKEN = _token("webhook", "the webhook")
COMMAND: Final[Key[tuple[str, ...]]] = Key(
    "command.argv",
    "array of strings",
    (),
    "Program and arguments to run when alerts start firing or are resolved; it gets the same "
    "JSON on stdin.",
    argv,
    restart=True,
    file=FileUse.RUN,
    secret=True,
)
COMMAND_DEADLINE: Final[Key[float]] = Key(
    "command.deadline",
    "number",
    10.0,
    "Seconds after which the command is killed and the delivery counts as failed.",
    converters.seconds,
    restart=True,
)


def section(alert: Alert | Watch) -> str:
    """The configuration section of an alert's keys."""
    return f"alerts.{alert.section or alert.name}"


def seconds(alert: Alert | Watch) -> Key[float] | None:
    """The key of an alert's `for` duration if it has one; one for all alerts of limits."""
    if isinstance(alert, Watch) and alert.mutes:
        return None
    shared = isinstance(alert, Alert) and alert.section
    what = "the alerts of limits" if shared else alert.title
    text = f"Seconds the condition of {what} must hold before the alert fires."
    return Key(f"{section(alert)}.for", "number", alert.seconds, text + _told(alert), duration)


def critical_seconds(alert: Alert | Watch) -> Key[float] | None:
    """The key of the duration until the alert is critical, where that has its own."""
    if alert.critical_seconds is None:
        return None
    text = f"Seconds the condition of {alert.title} must hold before it is critical."
    return Key(
        f"{section(alert)}.{CRITICAL}_for",
        "number",
        alert.critical_seconds,
        text + _told(alert),
        duration,
        at_least=f"{section(alert)}.for" if alert.ripens else "",
    )


def bounds(alert: Alert | Watch) -> tuple[tuple[Bound, Key[float]], ...]:
    """The alert's bounds, each with its key."""
    return tuple(
        (
            each,
            Key(
                f"{section(alert)}.{each.name}",
                "number",
                each.default,
                f"{alert.title}: {each.text}.{_told(alert)}",
                _KINDS[each.kind],
            ),
        )
        for each in alert.bounds
    )


def _told(alert: Alert | Watch) -> str:
    return (
        "" if isinstance(alert, Alert) else " Evaluated by Prometheus only: regenerate its rules."
    )


def own(alert: Alert) -> tuple[Key[float | None], ...]:
    """The keys of the alert's own thresholds; empty if it has none."""
    if alert.thresholds is None:
        return ()
    reached = "below this value" if alert.lower_is_worse else "at this value or above"
    unit = f", in {alert.unit}" if alert.unit else ""
    return tuple(
        Key(
            f"{section(alert)}.{field.name}",
            'number or "never"',
            getattr(alert.thresholds, field.name),
            f"Threshold of {alert.title}: {field.name} {reached}{unit}.",
            converters.ratio if alert.shown == PERCENT else bound,
            lower_is_worse=alert.lower_is_worse,
        )
        for field in dataclasses.fields(Thresholds)
    )


def keys_of(alerts: Iterable[Alert], watches: Iterable[Watch] = ()) -> Iterator[Key[Any]]:
    """The general keys of alerting, and those of these alerts."""
    yield from (ENABLED, KEEP, RUNBOOKS, JOB, INSTANCE, STATE_FILE)
    found: dict[str, Key[Any]] = {}
    for alert in alerts:
        found |= {key.path: key for key in own(alert)}
        _add(found, alert)
    for watch in watches:
        _add(found, watch)
    yield from found.values()
    yield from (ALERTMANAGERS, ALERTMANAGER_USER, ALERTMANAGER_PASSWORD, ALERTMANAGER_TOKEN)
    yield from (WEBHOOK, WEBHOOK_FILE, WEBHOOK_USER, WEBHOOK_PASSWORD, WEBHOOK_TOKEN)
    yield from (COMMAND, COMMAND_DEADLINE)


def _add(found: dict[str, Key[Any]], alert: Alert | Watch) -> None:
    """Add the keys that every alert has; those of a shared section once."""
    durations = (key for key in (seconds(alert), critical_seconds(alert)) if key is not None)
    for key in (*durations, *(key for _, key in bounds(alert))):
        found.setdefault(key.path, key)


KEYS: Final = tuple(keys_of(ALERTS, WATCHES))
"""Every key of alerting."""
