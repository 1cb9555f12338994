"""QEMUs that wake up too often."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import Watch

ALERT: Final = Watch(
    name="qemu_wakeups",
    summary="QEMUs on {instance} wake up {value} times a second",
    description="The QEMUs of this host wake up {value} times a second. Ten thousand a second cost "
    "about one CPU of dom0; idle VMs need next to none.",
    expression="round(sum by (job, instance) (rate(xenwatch_qemu_wakeups_total[10m]))) > 10000",
    seconds=3600,
    errors={"dom0 is busy although the guests are idle": "CPU time wasted on QEMU wakeups"},
)
