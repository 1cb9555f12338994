"""Event channels of dom0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.limits.base import (
    DENSITY,
    EARLY,
    Cell,
    Cost,
    Costs,
    Density,
    Limit,
    Max,
    Shortage,
    same,
)
from xenwatch.parse.evtchn import FIFO_PORTS
from xenwatch.readings.snapshot import Snapshot
from xenwatch.release.release import Release, release

_FEWER_QUEUES: Final = (
    "echo 1 > /sys/module/xen_netback/parameters/max_queues  # VMs with several vCPUs started from "
    "now on use two event channels and interrupts per network interface"
)
TWO_LEVEL_PORTS: Final = 4096


def used(snapshot: Snapshot) -> Mapping[str, int]:
    """Ports of dom0 that are not closed."""
    reading = snapshot.event_channels
    return {} if reading is None else {"": reading.used}


def maximum(snapshot: Snapshot) -> Mapping[str, Max]:
    """The ABI's ports minus port 0, which Xen reserves."""
    reading, host = snapshot.event_channels, snapshot.host
    if reading is not None and reading.highest >= TWO_LEVEL_PORTS:
        origin = f"a port >= {TWO_LEVEL_PORTS} is in use, so dom0 uses the FIFO ABI"
        return {"": Max(FIFO_PORTS - 1, origin)}
    if host is None or host.abi is None:
        return {}
    return {"": Max(host.abi.ports - 1, f"{host.abi.name} ABI; {host.abi.origin}")}


def remedy(shortage: Shortage) -> tuple[str, ...]:
    """Commands and advice that give more headroom, best first."""
    host = shortage.snapshot.host
    if host is not None and host.abi is not None and host.abi.ports < FIFO_PORTS:
        return _older_abi(release(shortage.snapshot))
    return (
        *fewer_queues(shortage),
        "131,071 is the max of the FIFO ABI: use another host",
    )


def _older_abi(found: Release) -> tuple[str, ...]:
    if found.fifo:
        text = "remove xen.fifo_events=0 from dom0's kernel command line, then reboot the host"
        return (f"{text}: the max is 131,071 with the FIFO ABI",)
    return ("update the host: max 4,095 with XenServer 6.2, 131,071 with Xen 4.4 and Linux 3.14",)


def fewer_queues(shortage: Shortage) -> tuple[str, ...]:
    """Advice to have fewer queues, where the VMs have several."""
    return (_FEWER_QUEUES,) if shortage.queues > 1 else ()


_CHANNELS_PV: Final = same(Cost(domain=2, disk=1, queue=2), "pv", "pvh")
_CHANNELS_XAPI: Final = {
    **_CHANNELS_PV,
    # xenstored and QEMU's buffered requests, one a vCPU; Windows has a control ring a vif.
    "hvm": Cost(domain=2, vcpu=1, disk=1, vif=1, queue=2),
    # varstored listens as QEMU does: one a vCPU and one more.
    "hvm-uefi": Cost(domain=3, vcpu=2, disk=1, vif=1, queue=2),
}
_CHANNELS_7: Final = {**_CHANNELS_PV, "hvm": Cost(domain=2, vcpu=1, disk=1, queue=2)}
CHANNELS_LATER: Final = {
    "xenserver-7.0": _CHANNELS_7,
    "xenserver-7": _CHANNELS_7,
    "xapi-8.2": _CHANNELS_XAPI,
    "xapi-8.3": _CHANNELS_XAPI,
    "xl": {
        **same(Cost(domain=2, ring=1, queue=2), "pv", "pvh"),
        "hvm": Cost(domain=4, vcpu=1, ring=1, queue=2),
    },
}
_COSTS: Final[Costs] = {
    "xenserver-6.1": {
        "pv": Cost(domain=2, disk=1, vif=1),
        "hvm": Cost(domain=1, vcpu=1, disk=1, vif=1),
    },
    "xenserver-6.2": {
        "pv": Cost(domain=2, disk=1, vif=1),
        "hvm": Cost(domain=1, vcpu=2, disk=1, vif=1),
    },
    **CHANNELS_LATER,
}


LIMIT: Final = Limit(
    name="event_channels",
    title="dom0 event channels",
    probe="event_channels",
    used=used,
    max=maximum,
    thresholds=EARLY,
    by_domain="xenwatch_domain_event_channels",
    source="EVTCHNOP_status of domain 0",
    symptom="error 28 mapping ring-refs and evtchn; a guest starts without disk or network",
    reference=DENSITY,
    costs=_COSTS,
    remedy=remedy,
    explains=("backend_errors", "backends_closed", "zombie_domain"),
    errors={
        "`error 28 mapping ring-refs and evtchn`": "event channels of dom0",
        "`28 mapping shared-frames`, `28 mapping ring-ref`": (
            "event channels of dom0, or of the driver domain that serves the device"
        ),
        (
            "`28 allocating event channel` in a guest, -ENOSPC from EVTCHNOP_alloc_unbound"
        ): "event channels of dom0, or the guest's own `max_event_channels`",
        "`domain N console tty: timed out`": "the last event channel of dom0",
        "`Ioemu_failed ... exited unexpectedly`": (
            "often event channels of dom0, or xenstored's file descriptors"
        ),
    },
    density=Density(
        "channels",
        {
            ("windows", "xenserver-6.1"): Cell(150),
            ("windows", "xenserver-6.2"): Cell(570),
            ("linux", "xenserver-6.1"): Cell(225),
            ("linux", "xenserver-6.2"): Cell(1000),
        },
    ),
)
