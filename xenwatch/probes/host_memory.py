"""The memory Xen has and has left: what a VM needs before anything of dom0."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import Final

from xenwatch.parse import domaininfo, physinfo
from xenwatch.parse.domaininfo import Layout
from xenwatch.parse.physinfo import PhysInfo
from xenwatch.parse.pod import parse_pod_target, pod_target_call
from xenwatch.probes.base import DOMAIN_SETTLED, Probe, stateless
from xenwatch.probes.domains import list_domains, this_layout
from xenwatch.probes.xen import require_dom0
from xenwatch.readings.domains import STOPPED
from xenwatch.readings.memory import HostMemory
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import NotCaptured, Source, SourceError

_BATCH: Final = 64
"""Hypercalls in one question to the reader."""
_GONE: Final = (errno.ESRCH, errno.EINVAL)
"""Since the domains were listed this one has ended, or its domid is a PV guest's now."""


def read(source: Source, context: Snapshot) -> HostMemory:
    """Xen's memory in bytes. Raises `NotApplicable`, `SourceError` and `ParseError`."""
    require_dom0(source, context)
    info = physical(source, this_layout(source))
    free = max(0, info.free - info.outstanding)
    return HostMemory(info.total * domaininfo.PAGE, free * domaininfo.PAGE, _owed(source, context))


def physical(source: Source, layout: Layout) -> PhysInfo:
    """The host's memory and CPUs. Raises `SourceError` and `ParseError`."""
    reply = source.hypercall(physinfo.physinfo_call(layout))
    if reply.result < 0:
        raise SourceError.from_number("XEN_SYSCTL_physinfo", -reply.result)
    info = physinfo.parse_physinfo(layout, reply.block)
    doubt = physinfo.implausible(info)
    if doubt is not None:
        raise SourceError("XEN_SYSCTL_physinfo", f"implausible: {doubt}")
    return info


def _owed(source: Source, context: Snapshot) -> Mapping[int, int] | None:
    """Bytes owed to each HVM or PVH guest that runs, by domid. Raises `SourceError`.

    `None` where a capture does not have it. A Xen without populate on demand owes nobody.
    """
    domids = [
        info.domid
        for info in list_domains(source, context)
        if info.type != "pv" and info.state not in STOPPED
    ]
    owed: dict[int, int] = {}
    while domids:
        try:
            replies = source.hypercalls([pod_target_call(domid) for domid in domids[:_BATCH]])
        except NotCaptured:
            return None
        for domid, reply in zip(domids, replies, strict=False):  # it ends with the first EINVAL
            if reply.result == -errno.ENOSYS:
                return {}
            if -reply.result in _GONE:
                continue
            if reply.result < 0:
                raise SourceError.from_number("XENMEM_get_pod_target", -reply.result)
            owed[domid] = parse_pod_target(reply.block).owed * domaininfo.PAGE
        domids = domids[len(replies) :]
    return owed


HOST_MEMORY = Probe(
    name="host_memory",
    reads="XEN_SYSCTL_physinfo, and XENMEM_get_pod_target for every HVM and PVH domain, through "
    "/dev/xen/privcmd",
    advice="run as root in dom0 with access to /dev/xen/privcmd",
    read=stateless(read),
    events=frozenset({DOMAIN_SETTLED}),
)
