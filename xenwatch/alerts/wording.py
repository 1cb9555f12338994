"""The words of an alert, filled in by the daemon or left to Prometheus's templates."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from xenwatch.alerts.base import DURATION, NUMBER, PERCENT, Alert, Watch

_PLACE: Final = re.compile(r"\{(\w+)\}")

_TEMPLATES: Final = {
    PERCENT: "{{ $value | humanizePercentage }}",
    DURATION: "{{ $value | humanizeDuration }}",
    NUMBER: "{{ $value }}",
}
_UNITS: Final = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def texts(alert: Alert | Watch) -> dict[str, str]:
    """The texts of an alert by name, each with its places: the long one ends with a command."""
    return {
        "summary": alert.summary,
        "description": f"{alert.description} First: `{alert.first}`",
    }


def template(text: str, shown: str) -> str:
    """A text with `{value}` and `{LABEL}` as a template of Prometheus's rules."""
    return _filled(text, _TEMPLATES[shown], lambda name: f"{{{{ $labels.{name} }}}}")


def sentence(text: str, shown: str, value: float, labels: Mapping[str, str]) -> str:
    """A text with its value and labels; a label that is missing stays empty."""
    return _filled(text, quantity(value, shown), lambda name: labels.get(name, ""))


def quantity(value: float, shown: str) -> str:
    """A value for people: `81.25%`, `1h 30m 0s`, `3`."""
    if shown == PERCENT:
        return f"{value * 100:.4g}%"
    if shown == DURATION:
        return duration(value)
    return f"{value:g}"


def duration(seconds: float) -> str:
    """A time span as Prometheus's humanizeDuration writes it from a second on; it may be past."""
    if seconds <= -1:
        return f"-{duration(-seconds)}"
    rest = int(seconds)
    parts: list[str] = []
    for unit, size in _UNITS:
        number, rest = divmod(rest, size)
        if parts or number or size == 1:
            parts.append(f"{number}{unit}")
    return " ".join(parts)


def _filled(text: str, value: str, label: Callable[[str], str]) -> str:
    return _PLACE.sub(lambda at: value if at[1] == "value" else label(at[1]), text)
