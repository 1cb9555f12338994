"""Trouble that dom0's kernel or Xen reports in its log."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import Alert
from xenwatch.alerts.conditions import Selector, SeriesCondition
from xenwatch.alerts.names import WARNING
from xenwatch.errors import kinds
from xenwatch.probes.log_messages import KERNEL_LOG, XEN_CONSOLE

ALERT: Final = Alert(
    name="log_message",
    summary="{log} log reports {kind} ({value} in the last 15 minutes)",
    description="The log of {log} has messages of kind {kind}: {value} in the last 15 minutes. "
    "The runbook of {runbook} says what they mean; the status page shows the last one.",
    first="(dmesg; xl dmesg) | xenwatch explain",
    conditions={WARNING: SeriesCondition(Selector("xenwatch_log_recent_messages"), ">", 0)},
    seconds=0,
    labels=("log", "kind", "runbook"),
    probes={kinds.KERNEL: KERNEL_LOG.name, kinds.XEN: XEN_CONSOLE.name},
    causes=("oom_kill",),
    explained={"kind": (kinds.OOM_KILL.name,)},
    errors={
        kinds.CLOCKSOURCE_UNSTABLE.messages: (
            "the clock of dom0's kernel disagrees with another clock: time in dom0 may jump, and "
            "time-outs with it; also when dom0's vCPUs did not run for long, and at boot on some "
            "hardware"
        ),
        kinds.MACHINE_CHECK.messages: (
            "the hardware reports an error (MCE): memory, a cache or a bus"
        ),
    },
)
