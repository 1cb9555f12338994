"""A pool in which no host has headroom for another VM of a shape."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import NUMBER, Watch
from xenwatch.alerts.bounds import Bound

ALERT: Final = Watch(
    name="pool_full",
    summary="No host has headroom for a VM of shape {shape}",
    description="The host with the most headroom fits {value} more VMs of shape {shape} beside its "
    "reserve.",
    first="xenwatch plan",
    expression="max by (job, shape) (xenwatch_vm_headroom) < $vms",
    seconds=600,
    bounds=(Bound("vms", 1.0, "no host of the pool has headroom for this many VMs", NUMBER),),
    labels=("job", "shape"),
)
