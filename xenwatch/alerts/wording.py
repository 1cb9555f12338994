"""The words of an alert, filled in by the daemon or left to Prometheus's templates."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Final

from xenwatch.alerts.base import DURATION, NUMBER, PERCENT, TIME_LEFT, Alert, Watch
from xenwatch.alerts.details import DOM0, Target, vm_of
from xenwatch.exposition.text_format import number as exposed
from xenwatch.limits import LIMITS
from xenwatch.values import dataclass

_PLACE: Final = re.compile(r"\{(\w+)\}")

MINUTE: Final = 60.0
"""Seconds below which a forecast does not count them: it is not that exact, and may be late."""
_AT_ONCE: Final = "within a minute, if not already"
_TEMPLATES: Final = {
    PERCENT: "{{ $value | humanizePercentage }}",
    DURATION: "{{ $value | humanizeDuration }}",
    TIME_LEFT: f"{{{{ if lt $value {MINUTE} }}}}{_AT_ONCE}{{{{ else }}}}"
    "in {{ $value | humanizeDuration }}{{ end }}",
    NUMBER: "{{ $value }}",
}
_VM: Final = (
    "{{ with $labels.name }}'{{ . }}' ({{ $labels.uuid }}){{ else }}{{ $labels.uuid }}{{ end }}"
)
_BACKEND: Final = (
    '{{ if eq $labels.backend_domid "0" }}dom0{{ else }}'
    "driver domain {{ $labels.backend_domid }}{{ end }}"
)
_TITLES: Final = {limit.name: limit.title for limit in LIMITS}
_TITLE: Final = (
    "{{ "
    + "{{ else ".join(
        f'if eq $labels.limit "{name}" }}}}{title}' for name, title in _TITLES.items()
    )
    + "{{ else }}{{ $labels.limit }}{{ end }}"
)
_PLACES: Final[Mapping[str, tuple[str, Callable[[Mapping[str, str]], str]]]] = {
    "vm": (
        _VM,
        vm_of,
    ),
    "backend": (
        _BACKEND,
        lambda labels: _domain(labels["backend_domid"]),
    ),
    "title": (
        _TITLE,
        lambda labels: _TITLES.get(labels["limit"], labels["limit"]),
    ),
}
"""Places for what labels say in other words: the VM, where its backend is, a limit's title."""
_UNITS: Final = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of an alert as receivers get them: the description ends with a command."""

    summary: str
    description: str


def templates(alert: Alert | Watch, target: Target) -> Texts:
    """Them as templates of Prometheus's rules."""
    details = "".join(each.template(target) for each in alert.details)
    words = [template(text, alert.shown) for text in (alert.summary, alert.description)]
    return Texts(words[0], f"{words[1]} {details}{begin(alert)}")


def texts(
    alert: Alert | Watch,
    value: float,
    labels: Mapping[str, str],
    detail: str,
    *,
    over: bool = False,
) -> Texts:
    """Them with the value, the labels, and what is to say besides, filled in.

    `over` is whether the condition has ended, for which the value was the last one.
    """
    said = (alert.summary, alert.description)
    if over and isinstance(alert, Alert) and alert.over is not None:
        said = alert.over
    words = [sentence(text, alert.shown, value, labels) for text in said]
    return Texts(words[0], " ".join(filter(None, (words[1], detail, begin(alert)))))


def begin(alert: Alert | Watch) -> str:
    """The sentence that ends a description: the command to begin with."""
    return f"First: `{alert.first}`"


def template(text: str, shown: str) -> str:
    """A text with `{value}` and `{LABEL}` as a template of Prometheus's rules."""
    return _filled(
        text,
        _TEMPLATES[shown],
        lambda name: _PLACES[name][0] if name in _PLACES else f"{{{{ $labels.{name} }}}}",
    )


def sentence(text: str, shown: str, value: float, labels: Mapping[str, str]) -> str:
    """A text with its value and labels; a label that is missing stays empty."""
    return _filled(
        text,
        quantity(value, shown),
        lambda name: _PLACES[name][1](labels) if name in _PLACES else labels.get(name, ""),
    )


def quantity(value: float, shown: str) -> str:
    """A value for people: `81.25%`, `1h 30m 0s`, `in 1h 30m 0s`, `3`."""
    if shown == PERCENT:
        return f"{value * 100:.4g}%"
    if shown == TIME_LEFT:
        return time_left(value)
    if shown == DURATION:
        return duration(value)
    return f"{value:g}"


def time_left(seconds: float) -> str:
    """When something is expected that is that far away."""
    return _AT_ONCE if seconds < MINUTE else f"in {duration(seconds)}"


def duration(seconds: float) -> str:
    """A time span as Prometheus's humanizeDuration writes it from a second on; it may be past."""
    if not math.isfinite(seconds):
        return exposed(seconds)
    if seconds <= -1:
        return f"-{duration(-seconds)}"
    rest = int(seconds)
    parts: list[str] = []
    for unit, size in _UNITS:
        number, rest = divmod(rest, size)
        if parts or number or size == 1:
            parts.append(f"{number}{unit}")
    return " ".join(parts)


def _domain(domid: str) -> str:
    return "dom0" if domid == DOM0 else f"driver domain {domid}"


def _filled(text: str, value: str, label: Callable[[str], str]) -> str:
    return _PLACE.sub(lambda at: value if at[1] == "value" else label(at[1]), text)
