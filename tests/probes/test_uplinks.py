"""Physical interfaces and bonds behind bridges: which are watched, and what of them is lost."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.probes.support import FakeHost, dom0, outcome_of, value_of
from xenwatch.model.player import Player
from xenwatch.model.render.cpustat import render_net_dev
from xenwatch.model.render.rtnl import render_links
from xenwatch.model.scenario_source import load
from xenwatch.model.source import ModelSource
from xenwatch.parse.rtnl import Link
from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.probes.uplinks import UPLINKS
from xenwatch.readings.openvswitch import OpenVswitch, SwitchPort
from xenwatch.readings.snapshot import Snapshot, Status
from xenwatch.readings.uplinks import Nic, Uplinks

XENBR0 = Link(1, "xenbr0", None, "bridge")
VIF = Link(2, "vif1.0", 1, "")


def host(*links: Link, files: Mapping[str, bytes] | None = None) -> FakeHost:
    """A dom0 with these links."""
    return dom0({"/proc/net/dev": render_net_dev({}), **(files or {})}, raw=render_links(links))


def uplinks(*links: Link, ports: Mapping[str, SwitchPort] | None = None, **files: bytes) -> Uplinks:
    """What is read of these links, and of the ports of Open vSwitch."""
    known = Snapshot(openvswitch=None if ports is None else OpenVswitch(ports))
    source = host(*links, files={f"/sys/class/net/{nic}/speed": it for nic, it in files.items()})
    found = value_of(UPLINKS, source, known)
    assert isinstance(found, Uplinks)
    return found


def eth(index: int, master: int | None, carrier: bool = True, **facts: bool) -> Link:
    """A physical interface named after its index."""
    return Link(index, f"eth{index}", master, "", carrier=carrier, was_up=True, **facts)


def test_an_interface_in_a_bridge_with_vms_is_watched() -> None:
    """Nobody needs the interface of a bridge without VMs; errors and speed are read as well."""
    spare = Link(7, "virbr0", None, "bridge")
    row = (1, 2, 33, 4, *range(5, 11), 44, *range(12, 17))
    files = {
        "/proc/net/dev": render_net_dev({"eth3": row}),
        "/sys/class/net/eth3/speed": b"1000\n",
    }
    links = (XENBR0, VIF, eth(3, 1), spare, eth(4, 7, carrier=False), eth(5, None, carrier=False))

    assert value_of(UPLINKS, host(*links, files=files)) == Uplinks(
        {"eth3": Nic("", True, True, 125_000_000, 33, 44)}
    )


def test_a_pulled_cable_is_lost_and_an_unused_one_is_not() -> None:
    """An interface that never had a signal is not lost; one set down by hand is."""
    never = Link(4, "eth4", 1, "", carrier=False, was_up=False)
    down = Link(5, "eth5", 1, "", up=False, carrier=False, was_up=True)
    unknown = Link(6, "eth6", 1, "", carrier=False)
    found = uplinks(XENBR0, VIF, eth(3, 1, carrier=False), never, down, unknown, eth(7, 1))

    assert found.lost() == {"eth3": True, "eth5": True, "eth7": False}


def test_a_vlan_leads_to_what_is_below() -> None:
    """A bridge on a VLAN of a bond is served by the members of that."""
    bond = Link(3, "bond0", None, "bond", was_up=True)
    vlan = Link(4, "bond0.7", 1, "vlan", lower=3)
    members = (eth(5, 3, member_up=True), eth(6, 3, member_up=False))
    found = uplinks(XENBR0, VIF, bond, vlan, *members)

    assert {name: (nic.bond, nic.working) for name, nic in found.nics.items()} == {
        "eth5": ("bond0", True),
        "eth6": ("bond0", False),
    }
    assert found.lost() == {"bond0": False}


def test_links_of_software_are_no_uplinks() -> None:
    """Taps, pairs and interfaces of VMs are ports as well, and have no cable."""
    others = (
        Link(3, "tap1.0", 1, "tun", carrier=False, was_up=True),
        Link(4, "veth0", 1, "veth", carrier=False, was_up=True),
        Link(5, "vif2.0", 1, "", carrier=False, was_up=True),
    )

    assert uplinks(XENBR0, VIF, *others) == Uplinks({})


def port(switch: str, *members: str, bridge: str = "") -> SwitchPort:
    """A port of Open vSwitch."""
    return SwitchPort(bridge or switch, None, False, switch, members)


DATAPATH = Link(1, "ovs-system", None, "openvswitch")
SWITCHED = (DATAPATH, VIF, eth(3, 1), eth(4, 1, carrier=False), eth(5, 1, carrier=False))


def test_of_open_vswitch_only_bridges_with_vms_count() -> None:
    """All bridges share a datapath: the database says whose an interface is, VLANs included."""
    ports = {
        "vif1.0": port("xenbr0", bridge="xapi1"),
        "bond0": port("xenbr0", "eth3", "eth4"),
        "eth5": port("xenbr1"),
    }
    found = uplinks(*SWITCHED, ports=ports)

    assert {name: (nic.bond, nic.working) for name, nic in found.nics.items()} == {
        "eth3": ("bond0", True),
        "eth4": ("bond0", False),
    }
    assert uplinks(*SWITCHED) == Uplinks({})


@pytest.mark.parametrize("speed", [b"-1\n", b"fast\n"])
def test_a_speed_that_is_not_told_is_unknown(speed: bytes) -> None:
    """Drivers of virtual machines say -1."""
    assert uplinks(XENBR0, VIF, eth(3, 1), eth3=speed).nics["eth3"].speed_bytes is None


def test_an_old_kernel_does_not_tell_of_bridges() -> None:
    """Before Linux 3.9 a port does not report its bridge: the probe does not apply."""
    source = host(XENBR0, VIF, eth(3, 1))
    source.kernel = "2.6.32.43-0.4.1"

    assert outcome_of(UPLINKS, source).status is Status.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("seconds", "down", "lost"), [(30, 0, False), (100, 1, False), (300, 2, True)]
)
def test_a_synthetic_bond_loses_its_links(seconds: float, down: int, lost: bool) -> None:
    """The scenario's bond has two members that work, then one, then none."""
    player = Player(load("uplink-lost"))
    player.advance(seconds)
    found = take(ModelSource(player.machine), PROBES).snapshot.uplinks

    assert found is not None
    assert [not nic.working for nic in found.bonds()["bond0"]].count(True) == down
    assert found.lost() == {"bond0": lost}
