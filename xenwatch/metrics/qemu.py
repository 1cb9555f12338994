"""The metrics of the QEMUs of guests."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from xenwatch.metrics.base import Metric, Readings, Row, Rows
from xenwatch.readings.qemus import Qemu


def _qemu_rows(value: Callable[[Qemu], float | None]) -> Rows:
    def rows(readings: Readings) -> Iterable[Row]:
        qemus = readings.snapshot.qemus
        if qemus is None:
            return []
        return [((str(domid),), value(qemu)) for domid, qemu in qemus.by_domid.items()]

    return rows


def _devices(readings: Readings) -> Iterable[Row]:
    qemus = readings.snapshot.qemus
    for domid, qemu in qemus.by_domid.items() if qemus is not None else ():
        for device in qemu.devices:
            yield (str(domid), device), 1


def _causes(readings: Readings) -> Iterable[Row]:
    causes = readings.snapshot.qemu_wakeups_by_cause
    for domid, wakeups in causes.by_domid.items() if causes is not None else ():
        yield (str(domid), "timer"), wakeups.timer
        yield (str(domid), "io"), wakeups.io


QEMU_METRICS: Final = (
    Metric(
        "xenwatch_qemu_wakeups_total",
        "counter",
        "Wakeups of the threads of the domain's QEMU.",
        "taskstats, nvcsw; /proc/PID/task/TID/status, voluntary_ctxt_switches",
        _qemu_rows(lambda qemu: qemu.wakeups),
        ("domid",),
    ),
    Metric(
        "xenwatch_qemu_cpu_seconds_total",
        "counter",
        "CPU time of the domain's QEMU in dom0.",
        "taskstats, cpu_run_virtual_total; /proc/PID/stat, utime and stime",
        _qemu_rows(lambda qemu: qemu.cpu_seconds),
        ("domid",),
    ),
    Metric(
        "xenwatch_qemu_wait_seconds_total",
        "counter",
        "Time threads of the domain's QEMU were runnable but waited for a CPU of dom0.",
        "taskstats, cpu_delay_total; /proc/PID/task/TID/schedstat, the second number",
        _qemu_rows(lambda qemu: qemu.wait_seconds),
        ("domid",),
    ),
    Metric(
        "xenwatch_qemu_threads",
        "gauge",
        "Threads of the domain's QEMU.",
        "/proc/PID/task",
        _qemu_rows(lambda qemu: len(qemu.threads)),
        ("domid",),
    ),
    Metric(
        "xenwatch_qemu_emulated_device",
        "gauge",
        "1 for each kind of device the domain's QEMU emulates beyond what the guest needs to run.",
        "/proc/PID/cmdline",
        _devices,
        ("domid", "device"),
    ),
    Metric(
        "xenwatch_qemu_wakeups_by_cause_total",
        "counter",
        "Wakeups of the domain's QEMU from poll, by cause: timer, the poll timed out; io, a file "
        "descriptor was ready. Polls that did not sleep are not counted.",
        "tracefs, the return values of ppoll",
        _causes,
        ("domid", "cause"),
    ),
)
"""The metrics of QEMU."""
