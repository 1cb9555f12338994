"""A xenwatch that Prometheus cannot scrape."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import Watch

ALERT: Final = Watch(
    name="down",
    summary="xenwatch on {instance} cannot be scraped",
    description="Prometheus cannot scrape {instance}, for longer than a restart takes: exhausted "
    "limits of this host go unnoticed. Critical once it is longer than a reboot of the host takes.",
    first="xenwatch doctor",
    expression='up{job="xenwatch"} == 0',
    seconds=300,
    critical_seconds=900,
)
