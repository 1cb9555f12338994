"""A xenwatch that Prometheus gets nothing from."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import Watch

GONE: Final = (
    'up{job="xenwatch"} == 0 or up{job="xenwatch"} == 1 unless on (job, instance) '
    "xenwatch_build_info"
)
"""A target that does not answer, or a node_exporter that does and has no file of xenwatch."""

ALERT: Final = Watch(
    name="down",
    summary="xenwatch on {instance} cannot be scraped",
    description="Prometheus gets no metrics of xenwatch from {instance}, for longer than a "
    "restart takes: exhausted limits of this host go unnoticed. Critical once it is longer than a "
    "reboot of the host takes.",
    first="xenwatch doctor",
    expression=GONE,
    seconds=300,
    critical_seconds=900,
)
