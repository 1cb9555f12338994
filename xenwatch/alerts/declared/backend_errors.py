"""A running domain with a device that failed to connect."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import Alert
from xenwatch.alerts.by_vm import VM, ByVm
from xenwatch.alerts.conditions import Selector, SeriesCondition
from xenwatch.alerts.details import DriverDomain, Storage
from xenwatch.alerts.names import SEVERITIES

ALERT: Final = Alert(
    name="backend_errors",
    summary="VM {vm} is running with a failed {class} device ({errno}), served by {backend}",
    description="{value} xenstore error nodes of class {class} with {errno} for running VM "
    "{vm}: it started, but a disk or network interface failed to connect. Its backend "
    "is in {backend}. ENOSPC is an exhausted limit, EPERM is XSM or a "
    "permission and no limit; the runbook has the others.",
    first="xenstore-ls -f /local/domain/0/error",
    details=(Storage(by_class=True), DriverDomain()),
    conditions=dict.fromkeys(
        SEVERITIES,
        ByVm(
            SeriesCondition(
                Selector("xenwatch_domain_backend_errors"),
                ">",
                0,
                among=("domid", Selector("xenwatch_domain_state", never={"state": ("dying",)})),
            ),
        ),
    ),
    seconds=120,
    # By then the toolstack has tried again, and the users of the VM have noticed.
    critical_seconds=600,
    labels=(*VM, "class", "errno", "backend_domid"),
    probe="xenstore_devices",
    errors={
        # Linux, drivers/xen/xenbus/xenbus_client.c: the number is the errno, 1 is EPERM.
        "`1 allocating event channel`, `error 1 mapping ring-refs`, `1 mapping ring-ref`, "
        "`1 mapping shared-frames`": (
            "no limit: XSM (FLASK or SILO) or a permission forbids these two domains to connect"
        ),
        # Xen, tools/libs/light/libxl_device.c, device_backend_callback.
        "`unable to add device with path NAME` from xl": (
            "a backend that did not connect in time: a limit of dom0 or of the backend's domain, "
            "or the hotplug script; the error node of the device says which"
        ),
    },
)
