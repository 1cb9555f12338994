"""Why a network interface of a running domain has no network, as dom0's switches show it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from xenwatch.readings.datapath import Hotplug, Vif
from xenwatch.readings.devices import DeviceKey
from xenwatch.readings.openvswitch import DEAD_TAG, OpenVswitch, SwitchPort
from xenwatch.readings.snapshot import Snapshot

DOWN: Final = "down"
NO_BRIDGE: Final = "in no bridge"
NO_TAG: Final = "without a VLAN tag"
DEAD_VLAN: Final = "in the dead VLAN 4095"
FAULTS: Final = (NO_BRIDGE, DOWN, DEAD_VLAN, NO_TAG)

_ROUTED: Final = re.compile(r"vif-(route|nat)")
_BRIDGED: Final = ("vif", "vif-bridge", "vif-openvswitch")
"""Scripts that put an interface into a bridge: xapi's, and two of Xen's."""
_TAGS: Final = "vif-openvswitch"
"""Xen's script that sets the tag that the configuration of the VM asks for, or none."""


def vif_faults(snapshot: Snapshot) -> Mapping[DeviceKey, str]:
    """One of `FAULTS` by interface of a running domain; those without a fault are omitted.

    What was not read is no fault. Where the domains were not, every one counts as running.
    """
    vifs = snapshot.datapath.vifs if snapshot.datapath else {}
    bridged = any(vif.attached for vif in vifs.values())
    switch = snapshot.openvswitch or OpenVswitch({})
    suspects = switch.untagged(vifs)
    read = snapshot.domids is not None
    alive = snapshot.running if read else {vif.domid for vif in vifs.values()}
    found = {}
    for name, vif in vifs.items():
        if vif.domid in alive:
            port = switch.ports.get(name)
            attached = vif.attached
            if attached is None and snapshot.openvswitch:  # an old kernel, which does not tell
                attached = port is not None
            fault = _fault(vif, port, attached, bridged=bridged, lacks_tag=name in suspects)
            if fault:
                found[DeviceKey("vif", vif.domid, int(name.rpartition(".")[2]))] = fault
    return found


def _fault(
    vif: Vif, port: SwitchPort | None, attached: bool | None, *, bridged: bool, lacks_tag: bool
) -> str:
    if attached is False and _wants_bridge(vif.hotplug, bridged=bridged):
        return NO_BRIDGE
    if not vif.up:
        return DOWN
    if port is not None and port.tag == DEAD_TAG:
        return DEAD_VLAN
    if lacks_tag and vif.hotplug and vif.hotplug.script != _TAGS:
        return NO_TAG
    return ""


def _wants_bridge(hotplug: Hotplug | None, *, bridged: bool) -> bool:
    """Whether an interface is to be in a bridge; with an unknown script, where others are.

    Before its script was read nobody knows.
    """
    if hotplug is None or hotplug.disabled or _ROUTED.match(hotplug.script):
        return False
    return hotplug.script in _BRIDGED or bridged
