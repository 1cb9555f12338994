"""A Prometheus that scrapes no xenwatch."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import Watch
from xenwatch.alerts.names import CRITICAL

ALERT: Final = Watch(
    name="absent",
    summary="No xenwatch is scraped at all",
    description="Prometheus has no series of any xenwatch: the target is missing from its "
    "configuration, or every host is down.",
    expression='absent(xenwatch_build_info{job="xenwatch"})',
    seconds=600,
    severity=CRITICAL,
    labels=("job",),
    causes=("down",),
)
