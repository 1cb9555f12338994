"""Ports of a bridge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.limits.base import (
    EARLY,
    Cost,
    Costs,
    Limit,
    Max,
    Shortage,
    same,
)
from xenwatch.parse.rtnl import BRIDGE_KIND, OLD_OPENVSWITCH, OPENVSWITCH_KIND
from xenwatch.readings.snapshot import Snapshot
from xenwatch.release.regimes import REGIMES
from xenwatch.release.release import release
from xenwatch.release.table import XL

BRIDGE_PORTS: Final = 1023
"""BR_MAX_PORTS is 1 << 10 and port 0 is never given out (net/bridge/br_if.c, find_portno)."""
DATAPATH_PORTS: Final = 65535
"""USHRT_MAX (net/openvswitch/datapath.h, DP_MAX_PORTS)."""
OLD_DATAPATH_PORTS: Final = 1023
"""Of Open vSwitch 1.4, the one of XenServer 6: DP_MAX_PORTS was 1024, port 0 is its own."""


def used(snapshot: Snapshot) -> Mapping[str, int]:
    """Ports by bridge."""
    return {} if snapshot.bridges is None else snapshot.bridges.ports


def maximum(snapshot: Snapshot) -> Mapping[str, Max]:
    """What a Linux bridge or an Open vSwitch datapath can number."""
    if snapshot.bridges is None:
        return {}
    linux = Max(BRIDGE_PORTS, "BR_MAX_PORTS minus port 0")
    datapath = Max(DATAPATH_PORTS, "DP_MAX_PORTS")
    old = Max(OLD_DATAPATH_PORTS, "DP_MAX_PORTS of Open vSwitch 1.4 minus port 0")
    by_kind = {BRIDGE_KIND: linux, OPENVSWITCH_KIND: datapath, OLD_OPENVSWITCH: old}
    return {name: by_kind[kind] for name, kind in snapshot.bridges.kinds.items()}


def remedy(shortage: Shortage) -> tuple[str, ...]:
    """Commands and advice that give more headroom, best first."""
    kinds = shortage.snapshot.bridges.kinds if shortage.snapshot.bridges is not None else {}
    linux = kinds.get(shortage.instance) == BRIDGE_KIND
    if release(shortage.snapshot).facts.toolstack == XL:
        return _joined(shortage.instance) if linux else ("use another host",)
    other = (
        "create the VIFs of new VMs on the network of another network card or VLAN: "
        "xe pif-list params=device,VLAN,network-name-label"
    )
    if linux:
        return (other, "xe-switch-network-backend openvswitch  # then reboot the host")
    return (other,)


def _joined(bridge: str) -> tuple[str, ...]:
    """A second bridge in the same network: a bridge of its own has no uplink."""
    return (
        "ip link add name xenbr-more up type bridge",
        f"ip link add name more0 up master {bridge} type veth peer name more1  # takes one port",
        "ip link set dev more1 up master xenbr-more",
        "name xenbr-more in vif= of new VMs; unless the host configures it, a reboot removes it",
    )


_PORTS: Final = {**same(Cost(vif=1), "pv", "pvh"), "hvm": Cost(vif=2)}
_COSTS: Final[Costs] = dict.fromkeys(REGIMES, _PORTS)
"""An HVM domain's network interface has an emulated twin on the same bridge, from each start until
the guest's own drivers unplug it; a guest without such drivers keeps it."""


LIMIT: Final = Limit(
    name="bridge_ports",
    title="ports of a bridge",
    probe="bridges",
    used=used,
    max=maximum,
    thresholds=EARLY,
    source="RTM_GETLINK dump",
    symptom="exchange full when a vif is added to the bridge; hotplug scripts fail",
    reference="Linux, net/bridge/br_private.h: BR_PORT_BITS",
    label="bridge",
    costs=_COSTS,
    remedy=remedy,
    errors={"`exchange full` when a vif is added to a bridge": "ports of the bridge"},
)
