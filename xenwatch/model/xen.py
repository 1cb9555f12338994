"""Xen of the synthetic host: hypercalls answered from its state."""

from __future__ import annotations

import errno
import struct
from typing import Final

from xenwatch.model import standing
from xenwatch.model.cpu import busy_ns
from xenwatch.model.platform import XAPI
from xenwatch.model.render.domaininfo import render_list
from xenwatch.model.render.evtchn import render_status
from xenwatch.model.render.gnttab import Usage, render_query_size, render_usage
from xenwatch.model.render.physinfo import render_physinfo
from xenwatch.model.render.pod import render_pod_target
from xenwatch.model.render.scheduling import render_affinity, render_parameters, render_sched_id
from xenwatch.model.render.xen_console import asked_count, asked_index, render_readconsole
from xenwatch.model.render.xenversion import render_text, render_version
from xenwatch.model.resources import ChannelTable
from xenwatch.model.state import Dom0, Domain
from xenwatch.parse import domaininfo, evtchn, gnttab, physinfo, pod, scheduling, xenversion
from xenwatch.parse.domaininfo import DomainInfo, Layout, layout_of
from xenwatch.parse.evtchn import CLOSED, UNKNOWN, Channel
from xenwatch.parse.gnttab import QuerySize
from xenwatch.parse.physinfo import PhysInfo
from xenwatch.parse.pod import PodTarget
from xenwatch.parse.scheduling import Parameters
from xenwatch.parse.xen_console import READCONSOLE
from xenwatch.sources.base import Hypercall, HypercallReply

DOMID_SELF: Final = 0x7FF0
_NO_REASON: Final = 0xFFFF0000
"""The shutdown reason in the flags of a domain that did not shut down."""
_HVM: Final = 2
_EMULATION: Final = {"pv": 0, "pvh": 1, "hvm": 0x3FF}
"""XEN_X86_EMU_*: a local APIC for PVH, all but virtual PCI for HVM."""
_SILENT: Final = ((4, 15), (4, 19))
"""From the first of these releases until the second, ports of Xen's own answer EACCES."""
_FRAMES_DUMPED: Final = (4, 10)
"""The first Xen whose debug key 'g' tells frames."""
_STATUS: Final = struct.Struct("<HxxI")
_QUERY: Final = struct.Struct("<H")
_POD: Final = struct.Struct("<32xH")
_ONLY_HVM: Final = (4, 17)
"""From this release on, only guests that can be populated on demand have a target."""
_LIST: Final = struct.Struct("<IIHxxI")
_DOMCTL: Final = struct.Struct("<IIH6xII")
"""Command, version and domain, then the scheduler and its command, or a vCPU and flags."""


class Xen:
    """Answers hypercalls about the host `dom0` controls."""

    def __init__(self, dom0: Dom0) -> None:
        self._dom0 = dom0
        layout = layout_of(dom0.platform.machine, dom0.platform.xen)
        if layout is None:
            raise ValueError(f"no layout of this Xen: {dom0.platform.name}")
        self._layout: Layout = layout
        first, end = _SILENT
        self._silent = first <= dom0.platform.xen < end
        self._scheduler = standing.scheduler(
            dom0.platform.xen, xapi=dom0.platform.toolstack == XAPI
        )

    def answer(self, call: Hypercall) -> HypercallReply:
        """The reply to a hypercall; one this Xen does not have is refused with ENOSYS."""
        by_operation = {
            (evtchn.EVENT_CHANNEL_OP, evtchn.STATUS): self._status,
            (gnttab.GRANT_TABLE_OP, gnttab.QUERY_SIZE): self._query_size,
            (pod.MEMORY_OP, pod.GET_POD_TARGET): self._pod_target,
        }
        by_number = {domaininfo.SYSCTL: self._sysctl, scheduling.DOMCTL: self._domctl}
        answer = by_operation.get((call.number, call.args[0])) or by_number.get(call.number)
        if answer is not None:
            return answer(call.block)
        if call.number == xenversion.XEN_VERSION:
            return self._version(call)
        return HypercallReply(-errno.ENOSYS, call.block)

    def usage(self) -> bytes:
        """What debug key 'g' adds to the hypervisor's console."""
        platform = self._dom0.platform
        usages = [
            Usage(
                domid,
                1,
                domain.frames,
                platform.max_grant_frames,
                2 if domid == 0 else 0,
                platform.max_maptrack_frames,
            )
            for domid, domain in sorted(self._dom0.domains.items())
        ]
        return render_usage(usages, frames=platform.xen >= _FRAMES_DUMPED)

    def _status(self, block: bytes) -> HypercallReply:
        domid, port = _STATUS.unpack_from(block)
        domain = self._dom0.domains.get(0 if domid == DOMID_SELF else domid)
        if domain is None:
            return HypercallReply(-errno.ESRCH, block)
        table = domain.channels
        if port >= table.slots:
            return HypercallReply(-errno.EINVAL, block)
        if port in table.owned and self._silent:
            return HypercallReply(-errno.EACCES, block)
        return HypercallReply(0, render_status(domid, _channel(table, port)))

    def _query_size(self, block: bytes) -> HypercallReply:
        (domid,) = _QUERY.unpack_from(block)
        domain = self._dom0.domains.get(0 if domid == DOMID_SELF else domid)
        if domain is None:
            return HypercallReply(0, render_query_size(QuerySize(domid, 0, 0, gnttab.BAD_DOMAIN)))
        most = self._dom0.platform.max_grant_frames
        return HypercallReply(0, render_query_size(QuerySize(domid, domain.frames, most, 0)))

    def _pod_target(self, block: bytes) -> HypercallReply:
        (domid,) = _POD.unpack_from(block)
        domain = self._dom0.domains.get(0 if domid == DOMID_SELF else domid)
        if domain is None:
            return HypercallReply(-errno.ESRCH, block)
        if domain.type == "pv" and self._dom0.platform.xen >= _ONLY_HVM:
            return HypercallReply(-errno.EINVAL, block)
        sizes = (domain.memory_kib, domain.cache_kib, domain.unpopulated_kib)
        target = PodTarget(domid, *(kib * 1024 // domaininfo.PAGE for kib in sizes))
        return HypercallReply(0, render_pod_target(target))

    def _sysctl(self, block: bytes) -> HypercallReply:
        command, version, first, count = _LIST.unpack_from(block)
        if version != self._layout.sysctl:
            return HypercallReply(-errno.EACCES, block)
        if command == READCONSOLE:
            found = self._dom0.console.read(asked_index(block), asked_count(block))
            return HypercallReply(0, render_readconsole(block, found))
        if command == physinfo.PHYSINFO:
            return HypercallReply(0, render_physinfo(self._layout, block, self._memory()))
        if command == scheduling.SCHED_ID:
            return HypercallReply(0, render_sched_id(block, self._scheduler))
        if command != domaininfo.GETDOMAININFOLIST:
            return HypercallReply(-errno.ENOSYS, block)
        domids = sorted(domid for domid in self._dom0.domains if domid >= first)[:count]
        infos = [
            _info(self._layout, self._dom0.domains[domid], 0 if domid else busy_ns(self._dom0))
            for domid in domids
        ]
        return HypercallReply(0, render_list(self._layout, block, infos))

    def _domctl(self, block: bytes) -> HypercallReply:
        """About dom0: its parameters, and where a vCPU of it may run."""
        command, version, domid, first, second = _DOMCTL.unpack_from(block)
        its = self._dom0.standing
        if version != self._layout.domctl[0]:
            return HypercallReply(-errno.EACCES, block)
        if domid != 0:
            return HypercallReply(-errno.ESRCH, block)
        if (command, first, second) == (
            scheduling.SCHEDULER_OP,
            self._scheduler,
            scheduling.GETINFO,
        ):
            found = Parameters(its.weight, its.cap)
            return HypercallReply(0, render_parameters(block, found))
        if command == scheduling.GETVCPUAFFINITY and first < self._dom0.platform.vcpus:
            return HypercallReply(0, render_affinity(block, standing.affinity(its, first)))
        return HypercallReply(-errno.EINVAL, block)

    def _memory(self) -> PhysInfo:
        """The host's memory without what domains have, in pages, and its CPUs."""
        total = self._dom0.platform.host_kib
        domains = self._dom0.domains.values()
        held = sum(domain.memory_kib + domain.overhead_kib for domain in domains)
        free = max(0, total - held) // 4
        return PhysInfo(total // 4, free, 0, 0, standing.CPUS, standing.CPUS, standing.NODES)

    def _version(self, call: Hypercall) -> HypercallReply:
        platform = self._dom0.platform
        if call.args[0] == xenversion.VERSION:
            return HypercallReply(render_version(platform.xen), call.block)
        if call.args[0] != xenversion.COMMANDLINE:
            return HypercallReply(-errno.ENOSYS, call.block)
        return HypercallReply(0, render_text(call.block, platform.xen_command_line))


def _channel(table: ChannelTable, port: int) -> Channel:
    if port in table.owned:
        return Channel(port, 0, UNKNOWN)
    return table.channels.get(port) or Channel(port, 0, CLOSED)


def _info(layout: Layout, domain: Domain, cpu_ns: int) -> DomainInfo:
    pages = domain.memory_kib * 1024 // domaininfo.PAGE
    return DomainInfo(
        domid=domain.domid,
        flags=_NO_REASON | domain.state | (_HVM if domain.type != "pv" else 0),
        tot_pages=pages,
        max_pages=pages,
        cpu_time=cpu_ns,
        online_vcpus=domain.vcpus,
        max_vcpu_id=domain.vcpus - 1,
        handle=domain.uuid,
        emulation=_EMULATION[domain.type] if layout.emulation else None,
        old_pvh=layout.old_pvh,
        arm=layout.arm,
    )
