"""The physical interfaces and bonds behind the bridges that carry interfaces of VMs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from xenwatch.parse import netdev
from xenwatch.parse.errors import ParseError
from xenwatch.parse.rtnl import BOND_KIND, BRIDGE_KIND, VLAN_KIND, Link, parse_links
from xenwatch.parse.text import number, uname, version_pair
from xenwatch.probes.base import NotApplicable, Probe, stateless
from xenwatch.probes.vifs import VIF
from xenwatch.probes.xen import require_dom0
from xenwatch.readings.openvswitch import SwitchPort
from xenwatch.readings.snapshot import Snapshot
from xenwatch.readings.uplinks import Nic, Uplinks
from xenwatch.release.linux import linux
from xenwatch.sources.base import Source, SourceError

MEGABIT: Final = 125_000
"""Bytes a second of a Mbit/s, the unit of sysfs."""


def read(source: Source, context: Snapshot) -> Uplinks:
    """Physical interfaces and bonds. Raises `NotApplicable`, `SourceError` and `ParseError`.

    What is behind bridges of Open vSwitch is known once its database was read.
    """
    require_dom0(source, context)
    if linux(version_pair(uname(source.uname())[1])).masters is False:
        raise NotApplicable("this kernel does not report the ports of bridges")
    counters = netdev.parse_net_dev(source.read("/proc/net/dev"))
    switch = context.openvswitch.ports if context.openvswitch is not None else {}
    found = {}
    for link, bond in _behind_bridges(parse_links(source.links()), switch):
        row = counters.get(link.name)
        working = link.up and link.carrier and link.member_up is not False
        found[link.name] = Nic(
            bond,
            working,
            link.was_up,
            _speed(source, link.name) if working else None,
            None if row is None else row[netdev.RX_ERRORS],
            None if row is None else row[netdev.TX_ERRORS],
        )
    return Uplinks(found)


def _behind_bridges(
    links: tuple[Link, ...], switch: Mapping[str, SwitchPort]
) -> Iterator[tuple[Link, str]]:
    """Each physical interface behind a bridge with a vif, and the bond it is in or nothing."""
    by_index = {link.index: link for link in links}
    ports: defaultdict[int | None, list[Link]] = defaultdict(list)
    for link in links:
        ports[link.master].append(link)
    bridges = {link.master for link in links if link.master is not None and VIF.match(link.name)}
    for index in sorted(bridges):
        bridge = by_index.get(index)
        if bridge is None:
            continue
        if bridge.kind != BRIDGE_KIND:
            yield from _behind_switch(ports[index], switch)
            continue
        for port in ports[index]:
            lower = by_index.get(port.lower or 0) if port.kind == VLAN_KIND else port
            if lower is not None and lower.kind == BOND_KIND:
                yield from ((member, lower.name) for member in ports[lower.index])
            elif lower is not None and _physical(lower):
                yield lower, ""


def _behind_switch(
    links: list[Link], switch: Mapping[str, SwitchPort]
) -> Iterator[tuple[Link, str]]:
    """The same of the datapath of Open vSwitch, in which all bridges have their links."""
    used = {port.switch for name, port in switch.items() if VIF.match(name)}
    ways = {name: "" for name, port in switch.items() if port.switch in used and not port.members}
    for name, port in switch.items():
        if port.switch in used:
            ways |= dict.fromkeys(port.members, name)
    yield from ((link, ways[link.name]) for link in links if link.name in ways and _physical(link))


def _physical(link: Link) -> bool:
    """Whether a link is hardware: drivers of anything else name their kind, but for netback's."""
    return not link.kind and not VIF.match(link.name)


def _speed(source: Source, name: str) -> int | None:
    """Bytes a second; `None` where the driver does not tell, which is -1 or an error."""
    path = f"/sys/class/net/{name}/speed"
    try:
        megabits = number(path, source.read(path))
    except (SourceError, ParseError):
        return None
    return megabits * MEGABIT if megabits > 0 else None


UPLINKS = Probe(
    name="uplinks",
    reads="rtnetlink, /proc/net/dev, /sys/class/net/*/speed of physical interfaces",
    advice="allow AF_NETLINK sockets (RestrictAddressFamilies= of the unit); mount procfs",
    read=stateless(read),
    interval=30.0,
)
