"""Tables of dom0's kernel that can be full: connections, neighbours, keys; and nbd devices.

Watches and instances of inotify are not read: the kernel exposes no count; they
could only be had by reading every descriptor of every process.
"""

from __future__ import annotations

import re
from typing import Final

from xenwatch.parse import key_users
from xenwatch.parse.neighbours import parse_neighbours
from xenwatch.parse.partitions import parse_partitions
from xenwatch.parse.text import number
from xenwatch.probes.base import NotApplicable, Probe, stateless
from xenwatch.probes.storage import PARTITIONS
from xenwatch.probes.xen import read_optional
from xenwatch.readings.kernel_tables import KernelTables, Nbds, Table
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source

CONNTRACK: Final = "/proc/sys/net/netfilter/nf_conntrack"
NEIGHBOURS: Final = {"ipv4": "arp_cache", "ipv6": "ndisc_cache"}
"""By family: the table's name in `/proc/net/stat`."""
NBDS_MAX: Final = "/sys/module/nbd/parameters/nbds_max"
_NBD: Final = re.compile(r"nbd\d+\Z")


def read(source: Source, context: Snapshot) -> KernelTables:
    """The tables this kernel has. Raises `SourceError` and `ParseError`."""
    neighbours = {family: _neighbours(source, family) for family in NEIGHBOURS}
    data = read_optional(source, key_users.PATH)
    users = () if data is None else key_users.parse_key_users(data)
    root = next((user for user in users if user.uid == 0), None)
    return KernelTables(
        _table(source, f"{CONNTRACK}_count", f"{CONNTRACK}_max"),
        {family: table for family, table in neighbours.items() if table is not None},
        None if root is None else Table(root.keys, root.keys_max),
        None if root is None else Table(root.bytes, root.bytes_max),
    )


def read_nbds(source: Source, context: Snapshot) -> Nbds:
    """Devices with a size, which those have that are connected. Raises `NotApplicable`."""
    most = read_optional(source, NBDS_MAX)
    if most is None:
        raise NotApplicable("the module nbd is not loaded")
    partitions = parse_partitions(source.read(PARTITIONS))
    used = sum(bool(_NBD.match(partition.name)) for partition in partitions)
    return Nbds(used, number(NBDS_MAX, most))


def _neighbours(source: Source, family: str) -> Table | None:
    path = f"/proc/net/stat/{NEIGHBOURS[family]}"
    limit = f"/proc/sys/net/{family}/neigh/default/gc_thresh3"
    entries, most = read_optional(source, path), read_optional(source, limit)
    if entries is None or most is None:
        return None
    return Table(parse_neighbours(path, entries), number(limit, most))


def _table(source: Source, used: str, most: str) -> Table | None:
    entries, limit = read_optional(source, used), read_optional(source, most)
    if entries is None or limit is None:
        return None
    return Table(number(used, entries), number(most, limit))


KERNEL_TABLES: Final = Probe(
    name="kernel_tables",
    reads=f"{CONNTRACK}_*, /proc/net/stat/arp_cache and ndisc_cache, gc_thresh3 of both, "
    f"{key_users.PATH}",
    advice="mount procfs",
    read=stateless(read),
    interval=30.0,
)
NBDS: Final = Probe(
    name="nbds",
    reads=f"{NBDS_MAX}, {PARTITIONS}",
    advice="mount procfs and sysfs",
    read=stateless(read_nbds),
    interval=30.0,
)
