"""The alert of a limit, made from what the limit says of itself."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import PERCENT, Alert
from xenwatch.alerts.by_vm import DOMID, VM, ByVm
from xenwatch.alerts.conditions import Condition, LimitCondition
from xenwatch.alerts.names import SEVERITIES
from xenwatch.alerts.who import MIB, Use, Who
from xenwatch.limits.base import Limit

NEAR_LIMIT: Final = "near_limit"
"""The section of the configuration that all alerts of limits share."""
LIMIT: Final = "limit"
"""The label of alerts about a limit: its name."""


def use(limit: Limit) -> Use | None:
    """What tells how much of a limit each domain uses."""
    if not limit.by_domain:
        return None
    return Use(limit.by_domain, MIB, " MiB") if limit.unit == "bytes" else Use(limit.by_domain)


def near_limit(limit: Limit) -> Alert:
    """The alert of a limit: warning and critical at its thresholds.

    That of a limit of each guest is by VM.
    """
    by_vm = limit.label == DOMID
    of = f" ({limit.label} {{{limit.label}}})" if limit.label else ""
    if by_vm:
        of = " (VM {name}, {uuid})"
    conditions: dict[str, Condition] = {}
    for severity in SEVERITIES:
        reached = LimitCondition(limit, severity)
        conditions[severity] = ByVm(reached) if by_vm else reached
    own = (limit.label,) if limit.label else ()
    return Alert(
        name=f"{limit.name}_near_limit",
        summary=f"{limit.title}{of}: {{value}} used",
        description=f"{limit.title}{of}: {{value}} of max used. "
        f"Symptom when exhausted: {limit.symptom}.",
        first=limit.first,
        who=Who({limit.name: use(limit)}),
        conditions=conditions,
        seconds=60,
        labels=VM if by_vm else own,
        fixed={LIMIT: limit.name},
        shown=PERCENT,
        probe=limit.probe,
        sparse=False,
        section=NEAR_LIMIT,
        explains=limit.explains,
        errors=limit.errors,
    )
