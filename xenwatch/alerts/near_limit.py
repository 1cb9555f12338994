"""The alert of a limit, made from what the limit says of itself."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import PERCENT, Alert
from xenwatch.alerts.conditions import LimitCondition
from xenwatch.alerts.names import SEVERITIES
from xenwatch.limits.base import Limit

NEAR_LIMIT: Final = "near_limit"
"""The section of the configuration that all alerts of limits share."""


def near_limit(limit: Limit) -> Alert:
    """The alert of a limit: warning and critical at its thresholds."""
    of = f" ({limit.label} {{{limit.label}}})" if limit.label else ""
    return Alert(
        name=f"{limit.name}_near_limit",
        summary=f"{limit.title}{of}: {{value}} used",
        description=f"{limit.title}{of}: {{value}} of max used. "
        f"Symptom when exhausted: {limit.symptom}.",
        conditions={severity: LimitCondition(limit, severity) for severity in SEVERITIES},
        seconds=60,
        labels=(limit.label,) if limit.label else (),
        shown=PERCENT,
        probe=limit.probe,
        sparse=False,
        section=NEAR_LIMIT,
        explains=limit.explains,
        errors=limit.errors,
    )
