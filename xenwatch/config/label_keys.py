"""The section of the labels that say where a host is: names the operator chooses, and values."""

from __future__ import annotations

import functools
import re
from typing import Final

from xenwatch.alerts.base import Alert, Watch
from xenwatch.alerts.table import ALERTS, WATCHES
from xenwatch.config import converters
from xenwatch.metrics import METRICS

SECTION: Final = "labels"
NAME: Final = r"[A-Za-z_][A-Za-z0-9_]*"
"""What the name of a label must match. Source: Prometheus, "Data model"."""
MAX_LENGTH: Final = 200
KEYS_OF: Final = {"job": "alerts.job", "instance": "alerts.instance"}
"""The keys that set labels which every alert has."""
_PROMETHEUS: Final = frozenset({"alertname", "alertstate", "severity", "le", "quantile"})
"""Names with a meaning of their own. Source: Prometheus, rules/alerting.go; "Histograms"."""


@functools.cache
def taken() -> frozenset[str]:
    """The names that series and alerts of xenwatch have themselves, or Prometheus gives."""
    rules: tuple[Alert | Watch, ...] = (*ALERTS, *WATCHES)
    rows = (*(metric.labels for metric in METRICS), *(rule.labels for rule in rules))
    return _PROMETHEUS.union(KEYS_OF, *rows)


def problem(name: str) -> str:
    """Why a label cannot have that name, and what to write; empty if it can."""
    if not re.fullmatch(NAME, name):
        return f"invalid label name: must be letters, digits and _, as in {_valid(name)}"
    if name.startswith("__"):
        return f"invalid label name: __ is reserved by Prometheus; use {_valid(name)}"
    if name in KEYS_OF:
        return f"is a label of every alert already; set {KEYS_OF[name]} instead"
    if name in taken():
        return f"is a label of xenwatch or Prometheus itself; use another name, as in site_{name}"
    return ""


def value(given: object) -> str:
    """The value of a label: printable text, empty for none."""
    text = converters.text(given)
    if len(text) > MAX_LENGTH or not text.isprintable():
        raise ValueError(f"must be at most {MAX_LENGTH} printable characters")
    return text


def _valid(name: str) -> str:
    """A name like it that is valid."""
    found = re.sub(r"[^A-Za-z0-9_]", "_", name[:40]).lstrip("_0123456789")
    return found if found and not problem(found) else "site"
