"""Prometheus scrapes no xenwatch daemon."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import Watch
from xenwatch.alerts.names import CRITICAL

ALERT: Final = Watch(
    name="absent",
    summary="No xenwatch daemon is scraped",
    description="Prometheus has no series from any xenwatch daemon: the job is missing from its "
    "configuration, or every host is down.",
    first="promtool query instant http://127.0.0.1:9090 up",
    expression='absent(xenwatch_build_info{job="xenwatch"})',
    seconds=600,
    severity=CRITICAL,
    labels=("job",),
    causes=("unreachable",),
)
