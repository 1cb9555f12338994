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
from xenwatch.limits.event_channels import TWO_LEVEL_PORTS
from xenwatch.parse.evtchn import FIFO_PORTS
from xenwatch.readings.snapshot import Snapshot
from xenwatch.release.release import release
from xenwatch.release.table import XAPI, XL

XL_CHANNELS: Final = 1023
"""libxl's `event_channels` where nothing else is configured (tools/libs/light/libxl_create.c); Xen
takes it as the highest port, and port 0 is its own."""


def used(snapshot: Snapshot) -> Mapping[str, int]:
    """Ports that are not closed, by driver domain."""
    reading = snapshot.driver_domains
    return {} if reading is None else {str(d): its.used for d, its in reading.channels.items()}


def maximum(snapshot: Snapshot) -> Mapping[str, Max]:
    """The max of each driver domain, as far as its toolstack and its ports tell.

    Xen does not report what a domain may have. xl gives its default, unless a higher port is in
    use; xapi sets no max, so that the domain's own ABI binds, of which only a port shows that it is
    FIFO. Inside a driver domain its toolstack is unknown.
    """
    reading, host = snapshot.driver_domains, snapshot.host
    if reading is None or host is None or not host.is_dom0:
        return {}
    toolstack = release(snapshot).facts.toolstack
    found = {str(d): _max(toolstack, its.highest) for d, its in reading.channels.items()}
    return {domid: most for domid, most in found.items() if most is not None}


def _max(toolstack: str | None, highest: int) -> Max | None:
    """The max of a domain whose highest port in use is `highest`; `None` where it is unknown."""
    if toolstack == XL and highest <= XL_CHANNELS:
        return Max(XL_CHANNELS, "default of max_event_channels in xl.cfg, not confirmed")
    if toolstack == XAPI and highest >= TWO_LEVEL_PORTS:
        origin = f"a port >= {TWO_LEVEL_PORTS} is in use, so the domain uses the FIFO ABI"
        return Max(FIFO_PORTS - 1, origin)
    return None


def remedy(shortage: Shortage) -> tuple[str, ...]:
    """Commands and advice that give more headroom, best first."""
    raised = f"max_event_channels={shortage.target} in the xl.cfg of domain {shortage.instance}"
    return (
        f"{raised}, then restart that domain; VMs lose its devices meanwhile",
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
    caveat="Xen does not report the max of a domain: it is xl's default, unless a higher port is "
    "in use; for a domain that xapi started it is unknown, unless a port shows the FIFO ABI. Plans "
    "count the network interfaces of a VM where one driver domain serves most of the host's, and "
    "no disks.",
    label=BACKEND_DOMID,
    costs=_COSTS,
    remedy=remedy,
    explains=("backend_errors", "backends_closed"),
    errors={
        # Xen, common/event_channel.c, ERROR_EXIT, in builds with debug=y.
        "`EVTCHNOP failure: error -28`, `EVTCHNOP failure: domain N, error -28`": (
            "event channels of the domain that `xl dmesg` names before it: in `d3v0`, domain 3"
        ),
    },
)
