"""A network interface of a running domain that dom0's switches give no network."""

from __future__ import annotations

from typing import Final

from xenwatch.alerts.base import Alert
from xenwatch.alerts.by_vm import DOMID, VM, ByVm
from xenwatch.alerts.conditions import Selector, SeriesCondition
from xenwatch.alerts.names import SEVERITIES
from xenwatch.readings.domains import STOPPED

ALERT: Final = Alert(
    name="vif_unattached",
    summary="VM {vm} has no network: an interface is {fault}",
    description="A network interface of running VM {vm} is {fault}: no packet of the VM "
    "gets out on it, and none gets in.",
    first="xenwatch once --format prometheus | grep '^xenwatch_vif_fault'",
    conditions=dict.fromkeys(
        SEVERITIES,
        ByVm(
            SeriesCondition(
                Selector("xenwatch_vif_fault"),
                ">",
                0,
                among=("domid", Selector("xenwatch_domain_state", never={"state": STOPPED})),
            ),
            dropped=(DOMID, "device"),  # the interface in dom0, whose name has the domid
        ),
    ),
    seconds=120,
    critical_seconds=600,
    labels=(*VM, "fault"),
    probe="datapath",
    errors={
        # Xen, tools/hotplug/Linux/vif-bridge and vif-openvswitch.
        "`Could not find bridge device NAME`, `Could not find bridge, and none was specified`, "
        "`No valid bridge was specified`": (
            "no limit: the bridge that the network interface names does not exist, so the VM does "
            "not start; interfaces of VMs that run have left it when it was made anew"
        ),
        # OpenStack Neutron, ovs_neutron_agent.py.
        "`Device NAME not defined on plugin`, VM without an address and its port without a tag": (
            "no limit: Neutron has not set up the port of the network interface"
        ),
    },
)
