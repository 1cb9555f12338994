"""The hypercalls that are answered: those that read, exactly as the parsers build them.

What Xen writes goes where a call points it, so a call must be the one that its builder makes of its
own numbers: no pointer is free, and no buffer is shorter than what it is said to be.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from xenwatch.parse import domaininfo, evtchn, gnttab, physinfo, pod, scheduling, xenversion
from xenwatch.parse.domaininfo import ARM_LAYOUTS, X86_LAYOUTS
from xenwatch.parse.xen_console import READCONSOLE, REQUEST, readconsole_call
from xenwatch.sources.base import Hypercall

DOMAINS_MAX: Final = 256
"""Records of one list: whatever size a Xen makes them, the buffer of 64 KiB has room for them."""
CPUS_MAX: Final = 1 << 14
_LAYOUTS: Final = (*X86_LAYOUTS.values(), *ARM_LAYOUTS.values())
_INTERFACES: Final = frozenset(number for layout in _LAYOUTS for number in layout.domctl)
_WORDS: Final = struct.Struct("<II")
_DOMID: Final = struct.Struct("<H")
_DOMID_PORT: Final = struct.Struct("<HxxI")
_LIST: Final = struct.Struct("<8xHxxI")
_DOMCTL: Final = struct.Struct("<4xIHxxxxxxII")
_CPUS: Final = struct.Struct("<32xI")
_POD_DOMID: Final = struct.Struct("<32xH")


def is_allowed(call: Hypercall) -> bool:
    """Whether a call only reads, and is as this program makes it."""
    candidates = _CANDIDATES.get(call.number)
    try:
        return candidates is not None and any(call == each for each in candidates(call.block))
    except struct.error:
        return False


def batch_is_allowed(call: Hypercall, size: int) -> bool:
    """Whether a batch asks about ports of a domain one after another, as this program does."""
    count = len(call.block) // evtchn.STATUS_SIZE
    if size != evtchn.STATUS_SIZE or not 0 < count <= evtchn.BATCH:
        return False
    domid, first = _DOMID_PORT.unpack_from(call.block)
    return first + count <= evtchn.FIFO_PORTS and call == evtchn.status_batch(domid, first, count)


def _versions(block: bytes) -> Iterator[Hypercall]:
    yield xenversion.version_call()
    yield xenversion.commandline_call()


def _ports(block: bytes) -> Iterator[Hypercall]:
    yield evtchn.status_call(*_DOMID_PORT.unpack_from(block))


def _sizes(block: bytes) -> Iterator[Hypercall]:
    yield gnttab.query_size_call(*_DOMID.unpack_from(block))


def _targets(block: bytes) -> Iterator[Hypercall]:
    yield pod.pod_target_call(*_POD_DOMID.unpack_from(block))


def _sysctls(block: bytes) -> Iterator[Hypercall]:
    command, interface = _WORDS.unpack_from(block)
    layouts = [layout for layout in _LAYOUTS if layout.sysctl == interface]
    if command == domaininfo.GETDOMAININFOLIST:
        first, count = _LIST.unpack_from(block)
        if count <= DOMAINS_MAX:
            yield from (domaininfo.list_call(layout, first, count) for layout in layouts)
    elif command == READCONSOLE:
        index = REQUEST.unpack_from(block)[4]
        yield from (readconsole_call(layout, index) for layout in layouts)
    else:
        yield from map(physinfo.physinfo_call, layouts)
        yield from map(scheduling.sched_id_call, layouts)


def _domctls(block: bytes) -> Iterator[Hypercall]:
    interface, domid, first, _ = _DOMCTL.unpack_from(block)
    if interface in _INTERFACES:
        yield scheduling.parameters_call(interface, first, domid)
        cpus = _CPUS.unpack_from(block)[0]
        if cpus <= CPUS_MAX:
            yield scheduling.affinity_call(interface, domid, first, cpus)


_CANDIDATES: Final[Mapping[int, Callable[[bytes], Iterator[Hypercall]]]] = {
    xenversion.XEN_VERSION: _versions,
    evtchn.EVENT_CHANNEL_OP: _ports,
    gnttab.GRANT_TABLE_OP: _sizes,
    pod.MEMORY_OP: _targets,
    domaininfo.SYSCTL: _sysctls,
    scheduling.DOMCTL: _domctls,
}
"""By number of hypercall: the calls it may be, made of the numbers in its block."""
