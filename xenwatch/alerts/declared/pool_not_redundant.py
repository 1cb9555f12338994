"""A pool in which the VMs of some host would not fit elsewhere if it were lost."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import NUMBER, Watch
from xenwatch.alerts.bounds import Bound

_VMS: Final = 'sum by (job, instance) (xenwatch_domains{state!="dying"}) - 1'
"""Of each host; dom0 is none."""

ALERT: Final = Watch(
    name="pool_not_redundant",
    summary="The pool does not survive the loss of a host, counted in VMs of shape {shape}",
    description="If the worst host to lose is lost, {value} of its VMs do not fit on the others "
    "beside the reserve, each counted as a VM of shape {shape}.",
    first="xenwatch plan",
    # A host with V VMs and room for R can be lost while V is at most the room of all less R. A lone
    # host has nowhere to go, which is no news.
    expression=f"max by (job, shape) (xenwatch_vm_headroom + on (job, instance) group_left () "
    f"({_VMS})) - on (job, shape) sum by (job, shape) (xenwatch_vm_headroom) >= $vms "
    "and on (job, shape) count by (job, shape) (xenwatch_vm_headroom) > 1",
    seconds=600,
    bounds=(Bound("vms", 1.0, "so many VMs or more would not fit on the other hosts", NUMBER),),
    labels=("job", "shape"),
)
