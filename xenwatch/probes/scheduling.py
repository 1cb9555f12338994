"""What Xen's scheduler gives dom0: weight, cap, and the CPUs its vCPUs may run on."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Final

from xenwatch.parse import scheduling
from xenwatch.parse.domaininfo import Layout
from xenwatch.parse.physinfo import PhysInfo
from xenwatch.parse.scheduling import SCHEDULERS, WEIGHTED, Parameters
from xenwatch.probes.base import Probe, stateless
from xenwatch.probes.domains import this_layout
from xenwatch.probes.host_memory import physical
from xenwatch.probes.xen import require_dom0
from xenwatch.readings.scheduling import Scheduling
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import HypercallReply, Source, SourceError

_DOM0: Final = 0
_TOGETHER: Final = 64
"""vCPUs that are asked about in turn."""
_VCPUS_MAX: Final = 1024
"""vCPUs of dom0 looked at: by default it has as many as the host has CPUs."""
_PERCENT: Final = 100


def read(source: Source, context: Snapshot) -> Scheduling:
    """dom0's place. Raises `NotApplicable`, `SourceError` and `ParseError`."""
    require_dom0(source, context)
    layout = this_layout(source)
    info = physical(source, layout)
    reply = source.hypercall(scheduling.sched_id_call(layout))
    number = scheduling.parse_sched_id(_accepted("XEN_SYSCTL_sched_id", reply))
    name = SCHEDULERS.get(number)
    if name is None:
        raise SourceError("XEN_SYSCTL_sched_id", f"implausible: scheduler {number}")
    interface = _interface(source, layout, info)
    parameters = _parameters(source, interface, number, info) if name in WEIGHTED else None
    return Scheduling(
        name,
        None if parameters is None else parameters.weight,
        None if parameters is None else parameters.cap / _PERCENT,
        sum(len(cpus) < info.cpus for cpus in _affinities(source, interface, info)),
        info.cpus,
        info.nodes,
    )


def _interface(source: Source, layout: Layout, info: PhysInfo) -> int:
    """The version of the domctl interface that this Xen takes. Raises `SourceError`."""
    for version in layout.domctl:
        reply = source.hypercall(scheduling.affinity_call(version, _DOM0, 0, info.cpu_ids))
        if reply.result != -errno.EACCES:
            return version
    versions = " or ".join(f"{version:#x}" for version in layout.domctl)
    reason = f"rejected: Xen's domctl interface version is not {versions}"
    raise SourceError("XEN_DOMCTL_getvcpuaffinity", reason, errno.EACCES)


def _parameters(source: Source, interface: int, number: int, info: PhysInfo) -> Parameters:
    reply = source.hypercall(scheduling.parameters_call(interface, number, _DOM0))
    found = scheduling.parse_parameters(_accepted("XEN_DOMCTL_scheduler_op", reply))
    doubt = scheduling.implausible(found, info.cpus)
    if doubt is not None:
        raise SourceError("XEN_DOMCTL_scheduler_op", f"implausible: {doubt}")
    return found


def _affinities(source: Source, interface: int, info: PhysInfo) -> Iterator[frozenset[int]]:
    """The CPUs each vCPU may run on, up to the one that dom0 cannot have, which is EINVAL."""
    for first in range(0, _VCPUS_MAX, _TOGETHER):
        calls = [
            scheduling.affinity_call(interface, _DOM0, vcpu, info.cpu_ids)
            for vcpu in range(first, first + _TOGETHER)
        ]
        for reply in source.hypercalls(calls):
            if reply.result == -errno.EINVAL:
                return
            block = _accepted("XEN_DOMCTL_getvcpuaffinity", reply)
            yield scheduling.parse_affinity(block)


def _accepted(subject: str, reply: HypercallReply) -> bytes:
    """The block of a reply; an error of Xen is a `SourceError`."""
    if reply.result < 0:
        raise SourceError.from_number(subject, -reply.result)
    return reply.block


SCHEDULING = Probe(
    name="scheduling",
    reads="XEN_SYSCTL_physinfo, XEN_SYSCTL_sched_id, XEN_DOMCTL_scheduler_op (getinfo) of dom0, "
    "XEN_DOMCTL_getvcpuaffinity of its vCPUs, through /dev/xen/privcmd",
    advice="run as root in dom0 with access to /dev/xen/privcmd",
    read=stateless(read),
    interval=60.0,
)
