"""The alert XenwatchMaintenance as the daemon delivers it itself.

It has the labels that the rule gives it, and lasts as long as that: in Alertmanager it inhibits the
host's other alerts, also those that fired before, where no Prometheus evaluates the rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from xenwatch.alerts.declared.maintenance import ALERT
from xenwatch.alerts.maintenance import Maintenance
from xenwatch.alerts.messages import Message
from xenwatch.alerts.states import State

DESCRIPTION: Final = (
    "Alerts of this host that start firing until then notify nobody; those whose condition still "
    "holds then are delivered then."
)


@dataclass(frozen=True, slots=True)
class Notice:
    """The alert while it fires, at most until `expires`.

    `over` is when the maintenance was first seen to have ended (`None`: it lasts).
    """

    message: Message
    expires: float
    over: float | None = None


def message(
    found: Maintenance, since: float, instance: str, runbooks: str, labels: Mapping[str, str]
) -> Message:
    """The message of a maintenance that was first seen at `since`; the rest as in `of_active`."""
    return Message(
        labels={
            "alertname": ALERT.title,
            "severity": ALERT.severity,
            "instance": instance,
            **labels,
        },
        annotations={
            "summary": f"{instance}: {found}",
            "description": DESCRIPTION,
            "runbook_url": f"{runbooks}{ALERT.runbook}",
        },
        starts=since,
        ends=None,
        state=State.FIRING.value,
    )
