"""The memory Xen has and has left: what a VM needs before anything of dom0."""

from __future__ import annotations

import os

from xenwatch.parse import domaininfo, physinfo
from xenwatch.probes.base import DOMAIN_SETTLED, Probe, stateless
from xenwatch.probes.domains import this_layout
from xenwatch.probes.xen import require_dom0
from xenwatch.readings.memory import HostMemory
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source, SourceError


def read(source: Source, context: Snapshot) -> HostMemory:
    """Xen's memory in bytes. Raises `NotApplicable`, `SourceError` and `ParseError`."""
    require_dom0(source)
    layout = this_layout(source)
    reply = source.hypercall(physinfo.physinfo_call(layout))
    if reply.result < 0:
        raise SourceError("XEN_SYSCTL_physinfo", os.strerror(-reply.result), -reply.result)
    info = physinfo.parse_physinfo(layout, reply.block)
    doubt = physinfo.implausible(info)
    if doubt is not None:
        raise SourceError("XEN_SYSCTL_physinfo", f"implausible: {doubt}")
    free = max(0, info.free - info.outstanding)
    return HostMemory(info.total * domaininfo.PAGE, free * domaininfo.PAGE)


HOST_MEMORY = Probe(
    name="host_memory",
    reads="XEN_SYSCTL_physinfo through /dev/xen/privcmd",
    advice="run as root in dom0 with access to /dev/xen/privcmd",
    read=stateless(read),
    events=frozenset({DOMAIN_SETTLED}),
)
