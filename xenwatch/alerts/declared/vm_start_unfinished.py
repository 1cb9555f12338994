"""A VM that was started and whose devices do not connect."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import DURATION, Alert
from xenwatch.alerts.by_vm import VM, ByVm
from xenwatch.alerts.conditions import OwnThreshold, Selector, SeriesCondition
from xenwatch.alerts.details import Storage
from xenwatch.alerts.names import SEVERITIES
from xenwatch.limits.base import Thresholds

_NAME: Final = "vm_start_unfinished"

ALERT: Final = Alert(
    name=_NAME,
    summary="VM {vm} was started {value} ago and is not up",
    description="VM {vm} was introduced {value} ago, and a disk or network interface of "
    "it has not connected: its kernel hangs or waits, or a backend does.",
    first="xl list",
    details=(Storage(),),
    conditions={
        severity: ByVm(
            SeriesCondition(
                Selector("xenwatch_domain_starting_seconds"), ">=", OwnThreshold(_NAME, severity)
            )
        )
        for severity in SEVERITIES
    },
    seconds=60,
    labels=VM,
    shown=DURATION,
    probe="vm_starts",
    causes=("backend_errors", "backends_closed"),
    thresholds=Thresholds(300.0, None),
    errors={
        # Linux, drivers/xen/xenbus/xenbus_probe_frontend.c: wait_loop.
        "`Waiting for devices to initialise` in a guest": (
            "a backend in dom0 that does not connect: the guest's kernel waits for five minutes"
        ),
    },
)
