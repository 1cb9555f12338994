"""A xenwatch that Prometheus cannot scrape."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import Watch
from xenwatch.alerts.names import CRITICAL

ALERT: Final = Watch(
    name="down",
    summary="xenwatch on {instance} cannot be scraped",
    description="Prometheus cannot scrape {instance}: exhausted limits of this host go unnoticed.",
    expression='up{job="xenwatch"} == 0',
    seconds=300,
    severity=CRITICAL,
)
