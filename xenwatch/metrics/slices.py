"""The metrics of the slices: how dom0's CPU time is divided, and misplaced processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from xenwatch.metrics.base import Metric, Rows, rows_of
from xenwatch.readings.slices import Slice

_rows = rows_of(lambda snapshot: snapshot.slices)


def _slice_rows(value: Callable[[Slice], float | None]) -> Rows:
    return _rows(lambda slices: (((name,), value(found)) for name, found in slices.by_name.items()))


_WEIGHT: Final = "cpu.shares (cgroup version 1) or cpu.weight (version 2)"

SLICE_METRICS: Final = (
    Metric(
        "xenwatch_slice_weight",
        "gauge",
        "CPU weight of the slice, on the host's own scale.",
        _WEIGHT,
        _slice_rows(lambda group: group.weight),
        ("slice",),
    ),
    Metric(
        "xenwatch_slice_expected_weight",
        "gauge",
        "Expected CPU weight of the slice, on the host's own scale.",
        "CPUWeight= or CPUShares= of the slice's unit and its drop-ins; control.slice defaults to "
        "CPUShares=10240",
        _slice_rows(lambda group: group.expected),
        ("slice",),
    ),
    Metric(
        "xenwatch_slice_share_under_contention_ratio",
        "gauge",
        "Share of dom0's CPU time, 0 to 1, guaranteed to the slice under contention.",
        f"{_WEIGHT} of the slices and other top-level groups with processes, and each process in "
        "the root cgroup",
        _slice_rows(lambda group: group.share),
        ("slice",),
    ),
    Metric(
        "xenwatch_slice_cpu_seconds_total",
        "counter",
        "CPU time of all processes of the slice.",
        "cpuacct.usage (cgroup version 1) or cpu.stat (version 2)",
        _slice_rows(lambda group: group.cpu_seconds),
        ("slice",),
    ),
    Metric(
        "xenwatch_slice_throttled_seconds_total",
        "counter",
        "Time the slice was throttled by its CPU quota.",
        "cpu.stat",
        _slice_rows(lambda group: group.throttled_seconds),
        ("slice",),
    ),
    Metric(
        "xenwatch_slice_pressure_seconds_total",
        "counter",
        "Time in which some, or all, tasks of the slice waited for a CPU.",
        "cpu.pressure (cgroup version 2)",
        _rows(
            lambda slices: (
                ((name, kind), seconds)
                for name, found in slices.by_name.items()
                for kind, seconds in found.pressure.items()
            )
        ),
        ("slice", "kind"),
    ),
    Metric(
        "xenwatch_root_cgroup_contenders",
        "gauge",
        "Processes in the root cgroup, each of which competes with the slices.",
        "cgroup.procs of the root group, /proc/PID/stat",
        _rows(lambda slices: [((), slices.contenders)]),
    ),
    Metric(
        "xenwatch_misplaced_processes",
        "gauge",
        "Control-path daemons outside control.slice, and QEMUs in it or in the root cgroup, unless "
        "the release itself puts them there.",
        "cgroup.procs, /proc/PID/cgroup; the expected slice: *.service.d/slice.conf",
        _rows(lambda slices: slices.misplaced.items()),
        ("comm", "cgroup"),
    ),
)
"""The metrics of the probe `slices`."""
