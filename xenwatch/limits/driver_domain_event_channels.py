"""Event channels of a driver domain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.limits.base import (
    BACKEND_DOMID,
    EARLY,
    Cost,
    Costs,
    Limit,
    Max,
    Shortage,
    same,
)
from xenwatch.readings.snapshot import Snapshot
from xenwatch.release.release import release
from xenwatch.release.table import XL

XL_CHANNELS: Final = 1023
"""libxl's `event_channels` where nothing else is configured (tools/libs/light/libxl_create.c); Xen
takes it as the highest port, and port 0 is its own."""


def used(snapshot: Snapshot) -> Mapping[str, int]:
    """Ports that are not closed, by driver domain."""
    reading = snapshot.driver_domains
    return {} if reading is None else {str(d): its.used for d, its in reading.channels.items()}


def maximum(snapshot: Snapshot) -> Mapping[str, Max]:
    """xl's default, unless a higher port is in use: Xen lets nobody ask what a domain may have.

    xapi and the builder of dom0less domains set no such max, and the ABI that the domain's own
    kernel uses cannot be read from outside. Nor does a driver domain know its toolstack.
    """
    reading, host = snapshot.driver_domains, snapshot.host
    if reading is None or host is None or not host.is_dom0:
        return {}
    if release(snapshot).facts.toolstack != XL:
        return {}
    origin = "default of max_event_channels in xl.cfg, not confirmed"
    return {
        str(domid): Max(XL_CHANNELS, origin)
        for domid, channels in reading.channels.items()
        if channels.highest <= XL_CHANNELS
    }


def remedy(shortage: Shortage) -> tuple[str, ...]:
    """Commands and advice that give more headroom, best first."""
    return (
        f"max_event_channels={shortage.target} in the xl.cfg of domain {shortage.instance}, then "
        "restart that domain; VMs lose its devices meanwhile",
        "serve the devices of new VMs from another driver domain",
    )


_COSTS: Final[Costs] = {"xl": same(Cost(queue=2))}
"""netback binds two for each queue, in whichever domain it runs."""


LIMIT: Final = Limit(
    name="driver_domain_event_channels",
    title="event channels of a driver domain",
    probe="driver_domains",
    used=used,
    max=maximum,
    thresholds=EARLY,
    source="EVTCHNOP_status of each domain that serves devices of others",
    symptom="error 28 in the error nodes of the driver domain's backends; a guest starts without "
    "disk or network",
    reference="xl.cfg: max_event_channels",
    caveat="Xen does not report the max of a domain: it is that of xl's default, unless a higher "
    "port is in use. Plans count the network interfaces of a VM where a driver domain serves most "
    "of the host's, and no disks.",
    label=BACKEND_DOMID,
    costs=_COSTS,
    remedy=remedy,
    explains=("backend_errors", "backends_closed"),
)
