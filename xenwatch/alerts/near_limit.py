"""The alert of a limit, made from what the limit says of itself."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import PERCENT, Alert
from xenwatch.alerts.by_vm import DOMID, VM, ByVm
from xenwatch.alerts.conditions import Condition, LimitCondition
from xenwatch.alerts.details import MIB, Detail, DriverDomain, Room, Use, Users
from xenwatch.alerts.names import SEVERITIES
from xenwatch.limits.base import BACKEND_DOMID, Limit

NEAR_LIMIT: Final = "near_limit"
"""The section of the configuration that all alerts of limits share."""
LIMIT: Final = "limit"
"""The label of alerts about a limit: its name."""


def users(*limits: Limit) -> Users:
    """Which VMs use most of each of these limits, of those of each VM which are the fullest."""
    metrics = [
        (each, each.used_metric if each.label == DOMID else each.by_domain) for each in limits
    ]
    return Users(
        {
            limit.name: Use(metric, MIB, " MiB") if limit.unit == "bytes" else Use(metric)
            for limit, metric in metrics
            if metric
        }
    )


def _details(limit: Limit) -> tuple[Detail, ...]:
    if limit.label == DOMID:
        return ()  # a VM's own: the alert names it, and it has no part in how many VMs fit
    driver_domain = [DriverDomain()] if limit.label == BACKEND_DOMID else []
    return (*driver_domain, *([users(limit)] if limit.by_domain else []), Room())


def first(limit: Limit) -> str:
    """The command that shows the limit, and of limits of domains which VMs they are."""
    if limit.label in (DOMID, BACKEND_DOMID):
        metrics = f"xenwatch_({limit.name}_|domain_info)"
        return f"xenwatch once --format prometheus | grep -E '^{metrics}'"
    return f"xenwatch once --format table | grep -E '^(LIMIT|{limit.name}) '"


def near_limit(limit: Limit) -> Alert:
    """The alert of a limit: warning and critical at its thresholds.

    That of a limit of each guest is by VM.
    """
    by_vm = limit.label == DOMID
    of = f" ({limit.label} {{{limit.label}}})" if limit.label else ""
    thing = limit.title
    if by_vm:
        # The VM is that guest: "nodes of a guest" are "nodes of VM web".
        thing = thing.removesuffix(" of a domain").removesuffix(" of a guest")
        thing, of = thing.replace(" of a ", " of the "), " of VM {vm}"
    conditions: dict[str, Condition] = {}
    for severity in SEVERITIES:
        reached = LimitCondition(limit, severity)
        conditions[severity] = ByVm(reached) if by_vm else reached
    own = (limit.label,) if limit.label else ()
    return Alert(
        name=f"{limit.name}_near_limit",
        summary=f"{thing}{of}: {{value}} used",
        description=f"{thing}{of}: {{value}} of the max is in use. "
        f"Symptom when exhausted: {limit.symptom}.",
        first=first(limit),
        details=_details(limit),
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
