"""A probe that fails, so that what it reads is unknown."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import Alert
from xenwatch.alerts.conditions import Selector, SeriesCondition
from xenwatch.alerts.names import WARNING
from xenwatch.probes import PROBES

ALERT: Final = Alert(
    name="probe_failing",
    summary="Probe {probe} is failing",
    description="Probe {probe} is failing: its readings are missing, and the alerts that depend "
    "on them are unknown. Run `xenwatch doctor` for the reason.",
    first="xenwatch doctor",
    conditions={WARNING: SeriesCondition(Selector("xenwatch_probe_success"), "==", 0)},
    seconds=300,
    labels=("probe",),
    causes=("xenstored_unresponsive",),
    explained={"probe": tuple(probe.name for probe in PROBES if "xenstored" in probe.asks)},
)
