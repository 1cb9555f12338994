"""The metrics of what the processes of dom0 that serve a VM take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from xenwatch.metrics.base import Metric, Readings, Row, Rows
from xenwatch.parse.helpers import PROGRAMS
from xenwatch.readings.vm_processes import VmProcesses


def _rows(value: Callable[[VmProcesses], Mapping[tuple[int, str], float]]) -> Rows:
    def rows(readings: Readings) -> Iterable[Row]:
        processes = readings.snapshot.vm_processes
        by_program = value(processes) if processes is not None else {}
        return [((str(domid), program), number) for (domid, program), number in by_program.items()]

    return rows


VM_PROCESS_METRICS: Final = (
    Metric(
        "xenwatch_vm_process_memory_bytes",
        "gauge",
        "Private memory of dom0's processes for the domain by program: qemu, tapdisk, qdisk (a "
        f"QEMU that only serves devices) and its helpers ({', '.join(PROGRAMS)}).",
        "/proc/PID/statm, resident less shared",
        _rows(lambda processes: processes.memory_bytes),
        ("domid", "program"),
    ),
    Metric(
        "xenwatch_vm_helper_cpu_seconds_total",
        "counter",
        "CPU time of the domain's helpers in dom0 by program. It starts anew when a helper is "
        "replaced.",
        "/proc/PID/stat, utime and stime",
        _rows(lambda processes: processes.helper_cpu_seconds),
        ("domid", "program"),
    ),
)
"""The metrics of the probe `vm_processes`."""
