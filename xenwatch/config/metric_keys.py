"""The configuration key of the metrics that are not exported."""

from __future__ import annotations

import fnmatch
from typing import Final

from xenwatch.config.converters import text
from xenwatch.config.key import Key
from xenwatch.display.text import hint, shown
from xenwatch.metrics import METRICS

_NAMES: Final = tuple(metric.name for metric in METRICS)
NEEDED: Final = ("xenwatch_build_info", "xenwatch_snapshot_timestamp_seconds")
"""By these Prometheus knows that a daemon is there, and how old its readings are."""


def patterns(value: object) -> tuple[str, ...]:
    """Names of metrics, in which `*`, `?` and `[...]` have their meaning of a shell."""
    if not isinstance(value, list | tuple):
        raise ValueError("must be an array of strings")
    for item in value:
        for name in fnmatch.filter(NEEDED, text(item)):
            raise ValueError(f"contains {shown(item)}, but {name} tells Prometheus of this daemon")
        if not fnmatch.filter(_NAMES, text(item)):
            known = hint(text(item), _NAMES) or "; use a name or a pattern such as xenwatch_disk_*"
            raise ValueError(f"contains {shown(item)}, which matches no xenwatch_* metric{known}")
    return tuple(value)


EXCLUDE: Final[Key[tuple[str, ...]]] = Key(
    "metrics.exclude",
    "array of strings",
    (),
    "Metrics to leave out of /metrics and the textfile, by name or shell pattern, such as "
    "xenwatch_disk_*. Prometheus's rules and the dashboards then lack them; the daemon's own "
    "alerts and xenwatch once do not.",
    patterns,
    restart=True,
)


def excluded(given: tuple[str, ...]) -> frozenset[str]:
    """The names that some patterns stand for."""
    return frozenset(name for pattern in given for name in fnmatch.filter(_NAMES, pattern))
