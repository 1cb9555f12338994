"""What Xen's scheduler gives a domain: its weight, its cap, and where its vCPUs may run.

XEN_SYSCTL_sched_id, XEN_DOMCTL_scheduler_op and XEN_DOMCTL_getvcpuaffinity (xen/include/public,
sysctl.h and domctl.h of every release from 4.1 to 4.22). The records are the same in all of them;
the interface's version is not (`Layout.domctl`), and Xen answers EACCES to a wrong one.
"""

from __future__ import annotations

import struct
from typing import Final

from xenwatch.parse.domaininfo import HEADER_SIZE, SYSCTL, Layout
from xenwatch.parse.errors import ParseError
from xenwatch.sources.base import BLOCK, Hypercall
from xenwatch.values import dataclass

DOMCTL: Final = 36
DOMCTL_SIZE: Final = 144
"""struct xen_domctl: cmd, interface_version, domain, a union of 128 bytes at offset 16."""
SCHED_ID: Final = 4
SCHEDULER_OP: Final = 16
GETINFO: Final = 1
"""XEN_DOMCTL_SCHEDOP_getinfo; putinfo, which sets, is 0."""
GETVCPUAFFINITY: Final = 25
HARD: Final = 1
"""XEN_VCPUAFFINITY_HARD; before Xen 4.5 there was no other, and this word was padding."""
CREDIT: Final = "credit"
CREDIT2: Final = "credit2"
SCHEDULERS: Final = {
    4: "sedf",
    5: CREDIT,
    6: CREDIT2,
    7: "arinc653",
    8: "rtds",
    9: "null",
}
"""Schedulers by XEN_SCHEDULER_*, as `sched=` on Xen's command line names them."""
WEIGHTED: Final = (CREDIT, CREDIT2)
"""Those whose domains have a weight and a cap."""
_DOMCTL: Final = struct.Struct("<IIH6x")
_SCHEDULER: Final = struct.Struct("<II")
_PARAMETERS: Final = struct.Struct("<HH")
_AFFINITY: Final = struct.Struct("<IIQI")
_UNION: Final = 16
_HANDLE_OFFSET: Final = _UNION + 8
_SCHED_ID: Final = struct.Struct("<I")
_PERCENT: Final = 100


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a weighted scheduler has of a domain. `cap` is percent of one CPU, 0: no cap."""

    weight: int
    cap: int


def sched_id_call(layout: Layout) -> Hypercall:
    """XEN_SYSCTL_sched_id: the scheduler of Pool-0, the one dom0 is always in."""
    block = struct.pack("<II", SCHED_ID, layout.sysctl).ljust(HEADER_SIZE, b"\0")
    return Hypercall(SYSCTL, (BLOCK,), block)


def parse_sched_id(block: bytes) -> int:
    """The scheduler's number. Raises `ParseError` for a block of another size."""
    if len(block) != HEADER_SIZE:
        raise ParseError("XEN_SYSCTL_sched_id", f"expected {HEADER_SIZE} bytes", block)
    found: int = _SCHED_ID.unpack_from(block, 8)[0]
    return found


def parameters_call(version: int, sched_id: int, domid: int) -> Hypercall:
    """XEN_DOMCTL_scheduler_op that reads a domain's parameters. `version` is of the interface."""
    block = _DOMCTL.pack(SCHEDULER_OP, version, domid) + _SCHEDULER.pack(sched_id, GETINFO)
    return Hypercall(DOMCTL, (BLOCK,), block.ljust(DOMCTL_SIZE, b"\0"))


def parse_parameters(block: bytes) -> Parameters:
    """The parameters Xen filled in. Raises `ParseError` for a block of another size.

    credit2 has caps since Xen 4.10; before, these bytes come back as they were sent, zero.
    """
    if len(block) != DOMCTL_SIZE:
        raise ParseError("XEN_DOMCTL_scheduler_op", f"expected {DOMCTL_SIZE} bytes", block)
    return Parameters(*_PARAMETERS.unpack_from(block, _UNION + _SCHEDULER.size))


def affinity_call(version: int, domid: int, vcpu: int, cpus: int) -> Hypercall:
    """XEN_DOMCTL_getvcpuaffinity: the hard affinity of a vCPU, as a bitmap of so many CPUs."""
    request = _DOMCTL.pack(GETVCPUAFFINITY, version, domid) + _AFFINITY.pack(vcpu, HARD, 0, cpus)
    block = request.ljust(DOMCTL_SIZE, b"\0") + bytes(-(-cpus // 8))
    return Hypercall(DOMCTL, (BLOCK,), block, ((_HANDLE_OFFSET, DOMCTL_SIZE),))


def parse_affinity(block: bytes) -> frozenset[int]:
    """The CPUs a vCPU may run on. Raises `ParseError` for a truncated block."""
    if len(block) <= DOMCTL_SIZE:
        raise ParseError("XEN_DOMCTL_getvcpuaffinity", "truncated reply", block)
    bits = int.from_bytes(block[DOMCTL_SIZE:], "little")
    return frozenset(number for number in range(bits.bit_length()) if bits >> number & 1)


def implausible(found: Parameters, cpus: int) -> str | None:
    """Why Xen cannot have meant these parameters; `None` where nothing says so."""
    if not found.weight:
        return "a weight of 0"
    if found.cap > cpus * _PERCENT:
        return f"a cap of {found.cap} % on {cpus} CPUs"
    return None
