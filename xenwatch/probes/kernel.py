"""Linux interrupt descriptors and bridge ports."""

from __future__ import annotations

from collections import Counter

from xenwatch.parse.architecture import architecture
from xenwatch.parse.interrupts import parse_interrupts
from xenwatch.parse.rtnl import (
    BRIDGE_KIND,
    OLD_OPENVSWITCH,
    OPENVSWITCH_KIND,
    Link,
    parse_links,
)
from xenwatch.parse.text import uname, version_pair
from xenwatch.probes.base import DOMAIN_SETTLED, LINK, NotApplicable, Probe, stateless
from xenwatch.probes.vifs import VIF
from xenwatch.probes.xen import list_optional
from xenwatch.readings.bridges import Bridges
from xenwatch.readings.event_channels import Irqs
from xenwatch.readings.snapshot import Snapshot
from xenwatch.release.linux import Linux, linux
from xenwatch.sources.base import Source, SourceError
from xenwatch.values import dataclass

IRQ_DIRECTORY = "/sys/kernel/irq"
INTERRUPTS = "/proc/interrupts"
INTERFACES = "/sys/class/net"
OPENVSWITCH_MODULES = ("/sys/module/openvswitch", "/sys/module/openvswitch_mod")
"""Since Open vSwitch 1.4, and before."""


def read_irqs(source: Source, context: Snapshot) -> Irqs:
    """Descriptors: entries of sysfs since Linux 4.9, rows of /proc/interrupts before.

    The table omits unused descriptors, also those that Linux always has on this architecture: of
    the ISA interrupts on x86, none on arm64. Raises `NotApplicable` on the classic kernels of
    XenServer 6, and `SourceError` and `ParseError`.
    """
    if _linux(source).classic:
        raise NotApplicable("this kernel has a descriptor for every possible event channel")
    names = list_optional(source, IRQ_DIRECTORY)
    if names is not None:
        return Irqs(sum(name.isdigit() for name in names))
    machine = uname(source.uname())[3]
    found = architecture(machine)
    if found is None:
        raise SourceError(INTERRUPTS, f"descriptors that it omits on {machine} are unknown")
    table = parse_interrupts(source.read(INTERRUPTS))
    legacy = found.legacy_irqs
    shown = sum(row.label.isdigit() and int(row.label) < legacy for row in table.rows)
    return Irqs(table.descriptors + legacy - shown)


@dataclass(frozen=True, slots=True)
class _Seen:
    """The bridges of the last run, of these links: if they are the very same nothing happened."""

    links: tuple[Link, ...] = ()
    bridges: Bridges | None = None


def read_bridges(source: Source, context: Snapshot, seen: _Seen) -> tuple[Bridges, _Seen]:
    """Ports by bridge: links whose master it is. An Open vSwitch datapath is one bridge here.

    A kernel that does not report masters has them in sysfs. Raises `SourceError` and `ParseError`.
    """
    kernel = _linux(source)
    if kernel.masters is False:
        return _bridges_of_sysfs(source), _Seen()
    links = parse_links(source.links())
    if seen.bridges is not None and links is seen.links:
        return seen.bridges, seen
    found = _bridges(links, kernel)
    return found, _Seen(links, found)


def _bridges(links: tuple[Link, ...], kernel: Linux) -> Bridges:
    ports = Counter(link.master for link in links if link.master is not None)
    vifs = Counter(link.master for link in links if VIF.match(link.name))
    kinds = {link: _kind(link, ports[link.index], kernel) for link in links}
    return Bridges(
        {link.name: ports[link.index] for link, kind in kinds.items() if kind},
        {link.name: kind for link, kind in kinds.items() if kind},
        {link.name: vifs[link.index] for link, kind in kinds.items() if kind},
    )


def _linux(source: Source) -> Linux:
    return linux(version_pair(uname(source.uname())[1]))


def _kind(link: Link, ports: int, kernel: Linux) -> str:
    """The kind of a bridge, empty for other links.

    Of Open vSwitch's devices the one with the ports is the datapath.
    """
    if link.kind == BRIDGE_KIND:
        return BRIDGE_KIND
    reports_kinds = kernel.openvswitch_kinds is not False
    if ports and (link.kind == OPENVSWITCH_KIND or not (link.kind or reports_kinds)):
        return OPENVSWITCH_KIND
    return ""


def _bridges_of_sysfs(source: Source) -> Bridges:
    """Ports by bridge as links in its directory `brif`, which Open vSwitch up to 1.9 has too.

    It has no table of addresses there (net/bridge/br_sysfs_br.c, datapath/dp_sysfs_dp.c).
    """
    ports: dict[str, int] = {}
    kinds: dict[str, str] = {}
    vifs: dict[str, int] = {}
    for name in source.listdir(INTERFACES):
        members = list_optional(source, f"{INTERFACES}/{name}/brif")
        if members is not None:
            entries = list_optional(source, f"{INTERFACES}/{name}") or ()
            ports[name] = len(members)
            vifs[name] = sum(bool(VIF.match(member)) for member in members)
            kinds[name] = BRIDGE_KIND if "brforward" in entries else OLD_OPENVSWITCH
    loaded = any(list_optional(source, path) is not None for path in OPENVSWITCH_MODULES)
    if loaded and OLD_OPENVSWITCH not in kinds.values():
        raise SourceError("Open vSwitch", "this kernel does not report the ports of its datapaths")
    return Bridges(ports, kinds, vifs)


IRQS = Probe(
    name="irqs",
    reads=f"{IRQ_DIRECTORY}, else {INTERRUPTS}",
    advice="mount sysfs and procfs",
    read=stateless(read_irqs),
    events=frozenset({DOMAIN_SETTLED}),
)
BRIDGES = Probe(
    name="bridges",
    reads=f"an RTM_GETLINK dump over rtnetlink, {INTERFACES}/*/brif before Linux 3.9",
    advice="allow AF_NETLINK sockets (RestrictAddressFamilies= of the unit); mount sysfs",
    read=read_bridges,
    memory=_Seen(),
    events=frozenset({DOMAIN_SETTLED, LINK}),
    quiet=300.0,
)
