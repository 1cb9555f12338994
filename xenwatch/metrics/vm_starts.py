"""The metrics of starts of VMs."""

from __future__ import annotations

from typing import Final

from xenwatch.exposition.text_format import Histogram
from xenwatch.metrics.base import Metric, rows_of
from xenwatch.readings.vm_starts import BOUNDS

_rows = rows_of(lambda snapshot: snapshot.vm_starts)


_SOURCE: Final = "domains, xen-backend bus and xenstore, since the daemon began"

VM_START_METRICS: Final = (
    Metric(
        "xenwatch_vm_start_seconds",
        "histogram",
        "Time from a VM's introduction until its devices were connected; of an HVM guest its "
        "network interfaces, or one disk where it has none.",
        _SOURCE,
        _rows(lambda starts: [((), Histogram(BOUNDS, starts.counts, starts.seconds))]),
    ),
    Metric(
        "xenwatch_vm_starts_failed_total",
        "counter",
        "VMs that ended before their devices were connected; PV and PVH guests also after 10 "
        "minutes.",
        _SOURCE,
        _rows(lambda starts: [((), starts.failed)]),
    ),
    Metric(
        "xenwatch_vm_starts_in_progress",
        "gauge",
        "VMs introduced whose devices are not connected yet; for 10 minutes at most.",
        _SOURCE,
        _rows(lambda starts: [((), starts.in_progress)]),
    ),
    Metric(
        "xenwatch_domain_starting_seconds",
        "gauge",
        "Time since the introduction of a PV or PVH guest that is not paused and whose devices "
        "are not all connected.",
        _SOURCE,
        _rows(
            lambda starts: (
                ((str(domid),), seconds) for domid, seconds in sorted(starts.starting.items())
            )
        ),
        ("domid",),
    ),
)
"""The metrics of the probe `vm_starts`."""
