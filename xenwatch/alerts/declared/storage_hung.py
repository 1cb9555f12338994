"""Storage that answers no request of VMs."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import Alert
from xenwatch.alerts.by_vm import VM, ByVm
from xenwatch.alerts.conditions import Selector, SeriesCondition
from xenwatch.alerts.names import CRITICAL
from xenwatch.errors import kinds

ALERT: Final = Alert(
    name="storage_hung",
    summary="Storage {storage} hangs: {value} disks of VMs wait, {vm} the longest",
    description="{value} disks of VMs on storage {storage} have had requests in flight for two "
    "minutes, of which none has completed. The one that has waited longest is device {device} of "
    "VM {vm}.",
    # That it has lasted for two minutes is in the metric.
    first="xenwatch once --format prometheus | grep -E "
    "'^xenwatch_disk_(stalled_seconds|requests_in_flight|info)'",
    conditions={
        CRITICAL: ByVm(SeriesCondition(Selector("xenwatch_storage_stalled_disks"), ">", 0)),
    },
    seconds=0,
    labels=(*VM, "storage", "device"),
    probe="disks",
    errors={
        kinds.NFS_NOT_RESPONDING.messages: (
            "an NFS server that does not answer: every VM with a disk there waits, and programs "
            "that touch it hang"
        ),
        # Linux, drivers/scsi/scsi_lib.c.
        "`rejecting I/O to offline device`": (
            "a disk or LUN that the kernel has given up: requests of VMs on it fail"
        ),
    },
)
