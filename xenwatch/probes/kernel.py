"""Linux interrupt descriptors and bridge ports."""

from __future__ import annotations

from collections import Counter

from xenwatch.parse.interrupts import parse_interrupts
from xenwatch.parse.rtnl import parse_links
from xenwatch.parse.text import uname, version_pair
from xenwatch.probes.base import DOMAIN_SETTLED, LINK, NotApplicable, Probe
from xenwatch.probes.xen import list_optional
from xenwatch.snapshot import Bridges, Irqs, Snapshot
from xenwatch.sources.base import Source

IRQ_DIRECTORY = "/sys/kernel/irq"
INTERRUPTS = "/proc/interrupts"
LEGACY = 16
"""NR_IRQS_LEGACY (arch/x86/include/asm/irq_vectors.h)."""
CLASSIC = (3, 0)
"""Kernels before this one run as dom0 by patches of their own."""
BRIDGE_KINDS = ("bridge", "openvswitch")


def read_irqs(source: Source, previous: Snapshot) -> Irqs:
    """Descriptors: entries of sysfs since Linux 4.9, rows of /proc/interrupts before.

    The table leaves out descriptors nobody uses. Linux on x86 keeps those of the ISA interrupts.
    Raises `NotApplicable` on the classic kernels of XenServer 6.
    """
    release = version_pair(uname(source.uname())[1])
    if release is not None and release < CLASSIC:
        raise NotApplicable("this kernel has a descriptor for every event channel there can be")
    names = list_optional(source, IRQ_DIRECTORY)
    if names is not None:
        return Irqs(sum(name.isdigit() for name in names))
    table = parse_interrupts(source.read(INTERRUPTS))
    shown = sum(row.label.isdigit() and int(row.label) < LEGACY for row in table.rows)
    return Irqs(table.descriptors + LEGACY - shown)


def read_bridges(source: Source, previous: Snapshot) -> Bridges:
    """Ports by bridge: links whose master it is. An Open vSwitch datapath is one bridge here."""
    links = parse_links(source.links())
    ports = Counter(link.master for link in links if link.master is not None)
    bridges = [link for link in links if link.kind in BRIDGE_KINDS]
    masters = {link.master for link in links}
    kept = [link for link in bridges if link.kind == "bridge" or link.index in masters]
    return Bridges(
        {link.name: ports[link.index] for link in kept},
        {link.name: link.kind for link in kept},
    )


IRQS = Probe(
    name="irqs",
    reads=f"{IRQ_DIRECTORY}, else {INTERRUPTS}",
    advice="mount sysfs and procfs",
    read=read_irqs,
    events=frozenset({DOMAIN_SETTLED}),
)
BRIDGES = Probe(
    name="bridges",
    reads="an RTM_GETLINK dump over rtnetlink",
    advice="allow AF_NETLINK sockets (RestrictAddressFamilies= of the unit)",
    read=read_bridges,
    events=frozenset({DOMAIN_SETTLED, LINK}),
)
