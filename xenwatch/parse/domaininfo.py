"""Domains as Xen lists them: XEN_SYSCTL_getdomaininfolist.

The sysctl interface is versioned and the record's layout changed with it (xen/include/public,
domctl.h and sysctl.h of every release from 4.1 to 4.22). Xen answers EACCES to a wrong interface
version, but the record also ends with the architecture's own part (arch-x86/xen.h, arch-arm.h),
which changed without it. An unknown layout is refused, never guessed, and an answer in a known one
is checked: `implausible`.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from xenwatch.parse.architecture import ARM, X86, architecture
from xenwatch.parse.errors import ParseError
from xenwatch.sources.base import BLOCK, Hypercall
from xenwatch.values import dataclass

SYSCTL: Final = 35
GETDOMAININFOLIST: Final = 6
HEADER_SIZE: Final = 136
"""struct xen_sysctl: cmd, interface_version, a union of 128 bytes."""
_REQUEST: Final = struct.Struct("<8xHxxI")
"""First domid and most records, as asked."""
_HANDLE_OFFSET: Final = 16
_COUNT_OFFSET: Final = 24
_DYING, _HVM, _SHUTDOWN, _PAUSED, _BLOCKED, _RUNNING = (1 << bit for bit in range(6))
_OLD_PVH: Final = 1 << 7
"""XEN_DOMINF_pvh_guest, in Xen 4.4 to 4.8; the bit means xs_domain later."""
_CRASHED: Final = 3
"""SHUTDOWN_crash (xen/include/public/sched.h)."""
_NO_VCPU: Final = 0xFFFFFFFF
_EMU_LAPIC: Final = 1
PAGE: Final = 4096
FIRST_RESERVED: Final = 0x7FF0
"""DOMID_FIRST_RESERVED (xen/include/public/xen.h)."""
_VCPUS_MAX: Final = 8192
"""MAX_VIRT_CPUS of x86; Arm has fewer (asm/config.h)."""
_PAGES_MAX: Final = 0xFFFFFFFF
"""tot_pages and max_pages of struct domain are unsigned int (xen/include/xen/sched.h)."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The fields of a release's xen_domctl_getdomaininfo beyond those common to all.

    `sysctl` and `domctl` are the interface versions; 4.10.1 has another domctl than 4.10.0.
    `arch_words` are the 32-bit words of the architecture's own part. `sure_hvm` marks a release
    without the present PVH, which sets the bit of HVM (since Xen 4.7). `arm` marks Xen on Arm.
    """

    sysctl: int
    domctl: tuple[int, ...]
    outstanding: bool = True
    paged: bool = True
    gpaddr: bool = False
    arch_words: int = 0
    old_pvh: bool = False
    sure_hvm: bool = False
    arm: bool = False

    @property
    def emulation(self) -> bool:
        """Whether the architecture's own part begins with XEN_X86_EMU_*."""
        return self.arch_words > 0 and not self.arm

    @property
    def fields(self) -> str:
        """The struct format up to cpupool: every field is naturally aligned."""
        pages = "QQ" + "Q" * self.outstanding + "Q" + "Q" * self.paged
        return f"<HxxI{pages}QQIII16sI"

    @property
    def arch_offset(self) -> int:
        """Where arch_config begins."""
        return struct.calcsize(self.fields) + (8 if self.gpaddr else 0)

    @property
    def size(self) -> int:
        """Size of one record: uint64_aligned_t members round it up to eight."""
        return -(-(self.arch_offset + 4 * self.arch_words) // 8) * 8

    @property
    def record(self) -> struct.Struct:
        """One record; its last field is the architecture's first word where it says emulation."""
        last = f"{self.arch_offset - struct.calcsize(self.fields)}xI" if self.emulation else ""
        known = struct.calcsize(self.fields + last)
        return struct.Struct(f"{self.fields}{last}{self.size - known}x")


X86_LAYOUTS: Final[dict[tuple[int, int], Layout]] = {
    (4, 1): Layout(0x8, (0x7,), outstanding=False, paged=False, sure_hvm=True),
    (4, 2): Layout(0x9, (0x8,), outstanding=False, sure_hvm=True),
    (4, 3): Layout(0xA, (0x9,), sure_hvm=True),
    (4, 4): Layout(0xA, (0x9,), old_pvh=True, sure_hvm=True),
    (4, 5): Layout(0xB, (0xA,), old_pvh=True, sure_hvm=True),
    (4, 6): Layout(0xC, (0xB,), old_pvh=True, sure_hvm=True),
    (4, 7): Layout(0xD, (0xB,), old_pvh=True),
    (4, 8): Layout(0xE, (0xC,), old_pvh=True),
    (4, 9): Layout(0xF, (0xD,)),
    (4, 10): Layout(0x10, (0xE, 0xF)),
    (4, 11): Layout(0x11, (0x10,), arch_words=1),
    (4, 12): Layout(0x12, (0x11,), arch_words=1),
    (4, 13): Layout(0x12, (0x12,), arch_words=1),
    (4, 14): Layout(0x13, (0x12,), arch_words=1),
    (4, 15): Layout(0x13, (0x13,), arch_words=2),
    (4, 16): Layout(0x14, (0x14,), gpaddr=True, arch_words=2),
    (4, 17): Layout(0x15, (0x15,), gpaddr=True, arch_words=2),
    (4, 18): Layout(0x15, (0x16,), gpaddr=True, arch_words=2),
    (4, 19): Layout(0x15, (0x17,), gpaddr=True, arch_words=2),
    (4, 20): Layout(0x15, (0x17,), gpaddr=True, arch_words=2),
    (4, 21): Layout(0x16, (0x17,), gpaddr=True, arch_words=2),
    (4, 22): Layout(0x16, (0x18,), gpaddr=True, arch_words=2),
}
"""Layouts on x86 by Xen version. 4.10 is 4.10.0: later ones end as 4.11, and are implausible."""


def _on_arm(version: tuple[int, int], on_x86: Layout) -> Layout:
    """The layout on Arm: the record of x86 with another last part (xen/include/public/arch-arm.h).

    struct xen_arch_domainconfig has 12 bytes, and 16 since Xen 4.21.
    """
    words = (4 if version >= (4, 21) else 3) if on_x86.arch_words else 0
    return replace(on_x86, arch_words=words, old_pvh=False, sure_hvm=False, arm=True)


ARM_LAYOUTS: Final = {
    version: _on_arm(version, layout)
    for version, layout in X86_LAYOUTS.items()
    if version >= (4, 4)
}
"""Layouts on Arm, of 32 and 64 bits alike, from the first Xen whose interface there is stable."""
_LAYOUTS: Final = {X86: X86_LAYOUTS, ARM: ARM_LAYOUTS}


@dataclass(frozen=True, slots=True)
class DomainInfo:
    """One record. Pages are of 4 KiB, `cpu_time` is in nanoseconds.

    `emulation` holds XEN_X86_EMU_* or `None` where the release or the architecture has none.
    """

    domid: int
    flags: int
    tot_pages: int
    max_pages: int
    cpu_time: int
    online_vcpus: int
    max_vcpu_id: int
    handle: bytes
    emulation: int | None
    old_pvh: bool = False
    sure_hvm: bool = False
    arm: bool = False

    @property
    def uuid(self) -> str:
        """The domain's handle as canonical UUID text."""
        return _canonical(self.handle)

    @property
    def vcpus_max(self) -> int | None:
        """Most vCPUs of the domain; `None` while it is being built."""
        return None if self.max_vcpu_id == _NO_VCPU else self.max_vcpu_id + 1

    @property
    def type(self) -> str | None:
        """pv, pvh or hvm; `None` where hvm and pvh cannot be distinguished.

        A PVH guest has hardware containers and no emulated devices but a local APIC. Arm has one
        kind of domain, which xl calls pvh (tools/libs/light/libxl_arm.c).
        """
        if self.arm:
            return "pvh"
        if self.old_pvh and self.flags & _OLD_PVH:
            return "pvh"
        if not self.flags & _HVM:
            return "pv"
        if self.sure_hvm:
            return "hvm"
        if self.emulation is None:
            return None
        return "pvh" if self.emulation & ~_EMU_LAPIC == 0 else "hvm"

    @property
    def state(self) -> str:
        """dying, crashed, shutdown, paused, blocked or running: the first that applies."""
        if self.flags & _DYING:
            return "dying"
        if self.flags & _SHUTDOWN:
            return "crashed" if self.flags >> 16 & 255 == _CRASHED else "shutdown"
        if self.flags & _PAUSED:
            return "paused"
        return "blocked" if self.flags & _BLOCKED else "running"


def layout_of(machine: str, version: tuple[int, int]) -> Layout | None:
    """The layout of a Xen on the machine of uname(2); `None` where either is unknown."""
    found = architecture(machine)
    return None if found is None else _LAYOUTS[found.name].get(version)


@functools.lru_cache(maxsize=4096)
def _canonical(handle: bytes) -> str:
    """A UUID as text; those of the domains that are there are asked for in every pass."""
    digits = handle.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def list_call(layout: Layout, first: int, count: int) -> Hypercall:
    """XEN_SYSCTL_getdomaininfolist of up to `count` domains from domid `first` on."""
    header = struct.pack("<IIHxxIQI", GETDOMAININFOLIST, layout.sysctl, first, count, 0, 0).ljust(
        HEADER_SIZE, b"\0"
    )
    block = header + bytes(layout.size * count)
    return Hypercall(SYSCTL, (BLOCK,), block, ((_HANDLE_OFFSET, HEADER_SIZE),))


def parse_list(layout: Layout, block: bytes) -> tuple[DomainInfo, ...]:
    """The records Xen filled in. Raises `ParseError` when they are truncated."""
    if len(block) < HEADER_SIZE:
        raise ParseError("XEN_SYSCTL_getdomaininfolist", "truncated reply", block)
    count = struct.unpack_from("<I", block, _COUNT_OFFSET)[0]
    if HEADER_SIZE + count * layout.size > len(block):
        raise ParseError(
            "XEN_SYSCTL_getdomaininfolist", f"truncated reply: {count} records do not fit"
        )
    records = memoryview(block)[HEADER_SIZE : HEADER_SIZE + count * layout.size]
    found = layout.record.iter_unpack(records)
    if layout.emulation:
        return tuple(_info(layout, record, emulation) for *record, emulation in found)
    return tuple(_info(layout, record, None) for record in found)


def implausible(
    layout: Layout, block: bytes, infos: Sequence[DomainInfo], pages: int | None
) -> str | None:
    """Why Xen cannot have meant these records of an answer; `None` where nothing says so.

    `pages` is the host's memory, `None` where it is unknown. A record of another size than the
    layout's shows in what follows the last one, which Xen leaves as it was sent, zero, or in fields
    that were not meant to be those. A domain's max is no sign: it may be more than the host has.
    """
    first, asked = _REQUEST.unpack_from(block)
    if len(infos) > asked:
        return f"{len(infos)} domains, but {asked} were asked for"
    if len(block.rstrip(b"\0")) > HEADER_SIZE + len(infos) * layout.size:
        return f"the answer is longer than {len(infos)} records of {layout.size} bytes"
    return _out_of_order(infos, first) or _beyond(infos, _PAGES_MAX if pages is None else pages)


def _out_of_order(infos: Iterable[DomainInfo], lowest: int) -> str | None:
    for info in infos:
        if info.domid < lowest:
            return f"domid {info.domid}, but the next one must be {lowest} or higher"
        if info.domid >= FIRST_RESERVED:
            return f"domid {info.domid}, but ids end at {FIRST_RESERVED - 1}"
        lowest = info.domid + 1
    return None


def _beyond(infos: Iterable[DomainInfo], pages: int) -> str | None:
    for info in infos:
        if info.tot_pages > pages or info.max_pages > _PAGES_MAX:
            size, most = info.tot_pages * PAGE, info.max_pages * PAGE
            return (
                f"domain {info.domid} has {size} bytes of at most {most}, the host {pages * PAGE}"
            )
        vcpus = info.vcpus_max or 0
        if info.online_vcpus > vcpus or vcpus > _VCPUS_MAX:
            return f"domain {info.domid} has {info.online_vcpus} vCPUs of {vcpus}"
    return None


def _info(layout: Layout, record: Sequence[Any], emulation: int | None) -> DomainInfo:
    domid, flags, tot_pages, max_pages = record[:4]
    cpu_time, online, max_vcpu_id, _, handle, _ = record[-6:]
    return DomainInfo(
        domid,
        flags,
        tot_pages,
        max_pages,
        cpu_time,
        online,
        max_vcpu_id,
        handle,
        emulation,
        layout.old_pvh,
        layout.sure_hvm,
        layout.arm,
    )
