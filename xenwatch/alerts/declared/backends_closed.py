"""A running domain whose device is closed."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import Alert
from xenwatch.alerts.by_vm import VM, ByVm
from xenwatch.alerts.conditions import Selector, SeriesCondition
from xenwatch.alerts.details import DriverDomain, Storage
from xenwatch.alerts.names import WARNING
from xenwatch.readings.devices import OUT_OF_SERVICE
from xenwatch.readings.domains import STOPPED

ALERT: Final = Alert(
    name="backends_closed",
    summary="VM {vm} is running, but its {class} backend is {state}, served by {backend}",
    description="{value} {class} backends of VM {vm} are {state} while it is running: "
    "it lost a disk or network interface, or one never connected. The backend is in "
    "{backend}; Unknown means that its keys are gone, as when that domain "
    "has ended.",
    first="xenwatch once --format prometheus | grep '^xenwatch_domain_backends{'",
    details=(Storage(by_class=True), DriverDomain()),
    conditions={
        WARNING: ByVm(
            SeriesCondition(
                Selector("xenwatch_domain_backends", {"state": OUT_OF_SERVICE}),
                ">",
                0,
                among=("domid", Selector("xenwatch_domain_state", never={"state": STOPPED})),
            ),
        )
    },
    seconds=300,
    labels=(*VM, "class", "state", "backend_domid"),
    probe="backends",
    causes=("backend_errors",),
)
