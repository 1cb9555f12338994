"""Cases for `promtool test rules` about the network of VMs."""

from __future__ import annotations

from typing import Final

from tests.rules.cases import WEB, Case, domains, labelled

UNATTACHED: Final = {
    "domid": "5",
    **WEB,
    "device": "vif5.0",
    "fault": "in no bridge",
}

NETWORK: Final = (
    Case(
        "XenwatchUplinkLost", "a cable was pulled a minute ago", 2,
        (
            labelled("xenwatch_uplink_lost", "1+0x9", device="eth0"),
            labelled("xenwatch_uplink_lost", "0+0x9", device="bond0"),
        ),
        (("critical", {"device": "eth0"}, 1),),
    ),
    Case(
        "XenwatchUplinkLost", "a link that flaps once", 2,
        (labelled("xenwatch_uplink_lost", "1 0+0x9", device="eth0"),),
    ),
    Case(
        "XenwatchBondDegraded", "one of two members", 3,
        (
            labelled("xenwatch_bond_members", "2+0x9", bond="bond0"),
            labelled("xenwatch_bond_members_down", "1+0x9", bond="bond0"),
        ),
        (("warning", {"bond": "bond0"}, 1),),
    ),
    Case(
        "XenwatchBondDegraded", "all members work", 3,
        (labelled("xenwatch_bond_members_down", "0+0x9", bond="bond0"),),
    ),
    Case(
        "XenwatchVifUnattached", "a vif that lost its bridge two minutes ago", 3,
        (labelled("xenwatch_vif_fault", "1+0x9", **UNATTACHED), *domains("running")),
        (("warning", {**WEB, "fault": "in no bridge"}, 1),),
    ),
    Case(
        "XenwatchVifUnattached", "a vif that lost its bridge ten minutes ago", 11,
        (labelled("xenwatch_vif_fault", "1+0x20", **UNATTACHED), *domains("running")),
        tuple((each, {**WEB, "fault": "in no bridge"}, 1) for each in ("warning", "critical")),
    ),
    Case(
        "XenwatchVifUnattached", "a VM that starts: its script comes a moment later", 3,
        (labelled("xenwatch_vif_fault", "1 stale", **UNATTACHED), *domains("running")),
    ),
    Case(
        "XenwatchVifUnattached", "nobody knows whether the domain runs", 3,
        (labelled("xenwatch_vif_fault", "1+0x9", **UNATTACHED), *domains("")),
    ),
    Case(
        "XenwatchVifUnattached", "routed interfaces are in no bridge either", 3,
        (labelled("xenwatch_vifs_unattached", "1+0x9", domid="5"), *domains("running")),
    ),
)  # fmt: skip
