"""Which instance of a limit a new VM takes of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.limits.base import BACKEND_DOMID, Limit
from xenwatch.limits.states import LimitState
from xenwatch.planning.shapes import Shape
from xenwatch.readings.devices import NETWORK_CLASSES
from xenwatch.readings.snapshot import Snapshot, Status

DOM0: Final = "0"
"""The instance, of a limit by domain, that all VMs share."""


def was_read(limit: Limit, snapshot: Snapshot) -> bool:
    """Whether the limit's reading is there."""
    outcome = snapshot.outcomes.get(limit.probe)
    return outcome is not None and outcome.status is Status.OK


def routed(
    limit: Limit, present: Mapping[str, LimitState], shape: Shape, snapshot: Snapshot
) -> bool:
    """Whether network interfaces take no ports, for the host has been read and has no bridge."""
    return limit.label == "bridge" and not (present or shape.bridge) and was_read(limit, snapshot)


def instance(
    limit: Limit, present: Mapping[str, LimitState], shape: Shape, snapshot: Snapshot
) -> str:
    """The instance of the limit that a VM of the shape takes of."""
    if limit.label == "domid":
        return DOM0
    if limit.label == "bridge":
        return shape.bridge or _bridge(present, snapshot)
    if limit.label == BACKEND_DOMID:
        return str(driver_domain(snapshot))
    return ""


def driver_domain(snapshot: Snapshot) -> int:
    """The domain that serves the network interfaces of new VMs: the one that serves the most."""
    served = snapshot.served_devices(NETWORK_CLASSES)
    return max(served, key=served.__getitem__, default=0)


def _bridge(present: Mapping[str, LimitState], snapshot: Snapshot) -> str:
    """The bridge of VMs that name none: of those with vifs the one with the most headroom.

    A bridge without any may be of something else, such as Docker's or libvirt's, and its headroom
    is not for VMs. Where no bridge has vifs, the one with the least headroom counts: a plan must
    not promise a VM that does not start.
    """
    left = {name: state.headroom for name, state in present.items() if state.headroom is not None}
    vifs = snapshot.bridges.vifs if snapshot.bridges is not None else {}
    serving = [name for name in left if vifs.get(name)]
    fullest = min(left, key=left.__getitem__, default="")
    return max(serving, key=left.__getitem__, default=fullest)
