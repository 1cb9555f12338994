"""The metrics of VMs that are started again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from xenwatch.exposition.text_format import text
from xenwatch.metrics.base import Metric, Readings, Row

_SOURCE: Final = "XEN_SYSCTL_getdomaininfolist, or xenstore"


def _restarts(readings: Readings) -> Iterable[Row]:
    found = readings.snapshot.domains
    return [] if found is None else [((), found.restarts)]


def _restarted(readings: Readings) -> Iterable[Row]:
    found = readings.snapshot.domains
    for vm in found.restarted if found else ():
        yield (vm.uuid, text(vm.name or b"")), vm.count


RESTART_METRICS: Final = (
    Metric(
        "xenwatch_vm_restarts_total",
        "counter",
        "VMs that came back as a new domain with the same UUID since xenwatch was started: "
        "rebooted, restarted after a crash, or migrated away and back.",
        _SOURCE,
        _restarts,
    ),
    Metric(
        "xenwatch_vm_recent_restarts",
        "gauge",
        "How often a VM came back as a new domain in the last half hour; only VMs that did.",
        f"{_SOURCE}; the name: /local/domain/DOMID/name in xenstore",
        _restarted,
        ("uuid", "name"),
    ),
)
"""The metrics of restarts, which are of what xenwatch has seen and not of what the host is."""
