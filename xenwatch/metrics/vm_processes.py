"""The metrics of what the processes of dom0 that serve a VM take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from xenwatch.metrics.base import Metric, Rows, rows_of
from xenwatch.parse.helpers import PROGRAMS
from xenwatch.readings.vm_processes import VmProcesses

_rows = rows_of(lambda snapshot: snapshot.vm_processes)


def _by_program(value: Callable[[VmProcesses], Mapping[tuple[int, str], float]]) -> Rows:
    return _rows(
        lambda processes: (
            ((str(domid), program), number) for (domid, program), number in value(processes).items()
        )
    )


VM_PROCESS_METRICS: Final = (
    Metric(
        "xenwatch_vm_process_memory_bytes",
        "gauge",
        "Private memory of dom0's processes for the domain by program: qemu, tapdisk, qdisk (a "
        f"QEMU that only serves devices) and its helpers ({', '.join(PROGRAMS)}).",
        "/proc/PID/statm, resident less shared",
        _by_program(lambda processes: processes.memory_bytes),
        ("domid", "program"),
    ),
    Metric(
        "xenwatch_vm_helper_cpu_seconds_total",
        "counter",
        "CPU time of the domain's helpers in dom0 by program. It starts anew when a helper is "
        "replaced.",
        "/proc/PID/stat, utime and stime",
        _by_program(lambda processes: processes.helper_cpu_seconds),
        ("domid", "program"),
    ),
)
"""The metrics of the probe `vm_processes`."""
