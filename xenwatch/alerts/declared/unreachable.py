"""A host that has just stopped answering, so that what is known of it is old."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import Watch
from xenwatch.alerts.declared.down import GONE
from xenwatch.alerts.names import INFO

ALERT: Final = Watch(
    name="unreachable",
    summary="xenwatch on {instance} does not answer",
    description="Prometheus got no metrics of xenwatch from {instance} the last time. Nobody is "
    "notified of this: it inhibits the other alerts of the host, which would be resolved without "
    "anybody having looked, until the host answers. If it does not, XenwatchDown follows.",
    first="xenwatch doctor",
    expression=GONE,
    seconds=0,
    severity=INFO,
    mutes=True,
    spares=("down",),
)
