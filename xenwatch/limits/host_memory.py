"""Memory of the host."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Final

from xenwatch.errors import kinds
from xenwatch.limits.base import (
    MIB,
    NEVER,
    Cost,
    Costs,
    Limit,
    Max,
    Shortage,
    same,
)
from xenwatch.readings.snapshot import Snapshot
from xenwatch.release.regimes import REGIMES
from xenwatch.release.release import release
from xenwatch.release.table import XAPI, XL


def used(snapshot: Snapshot) -> Mapping[str, int]:
    """Memory of the host that domains and Xen hold, and what guests may still demand."""
    memory = snapshot.host_memory
    if memory is None:
        return {}
    return {"": memory.total - memory.free + sum((memory.owed or {}).values())}


def maximum(snapshot: Snapshot) -> Mapping[str, Max]:
    """All memory Xen has."""
    memory = snapshot.host_memory
    return {} if memory is None else {"": Max(memory.total, "physinfo: total_pages")}


def doubt(snapshot: Snapshot) -> str:
    """Whether guests may demand more memory than is known."""
    memory = snapshot.host_memory
    unread = memory is not None and memory.owed is None
    return "this capture does not have what is owed to HVM guests" if unread else ""


def remedy(shortage: Shortage) -> tuple[str, ...]:
    """Commands and advice that give more headroom, best first."""
    give = _COMMANDS.get(release(shortage.snapshot).facts.toolstack or "")
    command = "" if give is None else f": {give}"
    memory = shortage.snapshot.host_memory
    owed = (memory.owed or {}) if memory is not None else {}
    debtors = sorted((domid for domid in owed if owed[domid]), key=lambda domid: -owed[domid])
    shown = ", ".join(map(str, debtors[:_SHOWN])) + (", ..." if debtors[_SHOWN:] else "")
    balloon = (f"start the balloon driver in domains {shown}, or start them with all their memory",)
    return (
        *(balloon if debtors else ()),
        f"take memory from VMs that do not need it{command}",
        "use another host",
    )


_SHOWN: Final = 5
"""Domains that a remedy names at most."""
_COMMANDS: Final = {XL: "xl mem-set DOMAIN MIB", XAPI: "xe vm-memory-target-set"}
_POOLED: Final = 1 + Fraction(1, 128)
"""A byte of memory with its part of the paging pool: two pages a MiB, besides one MiB a vCPU."""
_MEMORY_HVM: Final = Cost(domain=3 * MIB, vcpu=MIB, memory=_POOLED)
_MEMORY_CLASSIC: Final = {"pv": Cost(domain=MIB, memory=1), "hvm": _MEMORY_HVM}
_MEMORY_XAPI: Final = {
    "pv": Cost(domain=2 * MIB, vcpu=MIB, memory=_POOLED),
    # The shim that a PVH guest may be.
    "pvh": Cost(domain=26 * MIB, vcpu=MIB, memory=_POOLED + Fraction(1, 90)),
    "hvm": _MEMORY_HVM,
}
_COSTS: Final[Costs] = {
    **dict.fromkeys(REGIMES, _MEMORY_XAPI),
    **dict.fromkeys(("xenserver-6.1", "xenserver-6.2"), _MEMORY_CLASSIC),
    "xl": {
        "pv": Cost(domain=MIB // 4, memory=1),
        **same(Cost(domain=MIB // 4, vcpu=MIB, memory=_POOLED), "pvh", "hvm"),
    },
}
"""A VM's memory and what comes on top. Under xl: the paging pool (libxl_get_required_shadow_memory;
half the pages a MiB from Xen 4.17 on where the CPU nests its page tables) and Xen's records of a
domain, 120 KiB on a captured host. Under xapi: the overhead that xapi reserves, rounded up to a
MiB (xen-api, ocaml/xapi-idl/memory/memory.ml)."""


LIMIT: Final = Limit(
    name="host_memory",
    title="memory of the host",
    probe="host_memory",
    used=used,
    max=maximum,
    thresholds=NEVER,
    by_domain="xenwatch_domain_memory_bytes",
    source="XEN_SYSCTL_physinfo; XENMEM_get_pod_target",
    symptom="can't allocate low memory for domain: Out of memory; an HVM guest that was started "
    "with less memory than its max is killed",
    reference="xl(1): info, free_memory; xl.cfg(5): memory, maxmem",
    caveat="A full host may be intended. A VM's paging pool and Xen's own records come on top "
    "of its memory; a plan counts an upper bound of them. An HVM or PVH guest that was started "
    "with less memory than its max is owed the rest until its balloon driver gives it back "
    "(populate on demand): that is counted as used, so more than the max may be.",
    unit="bytes",
    costs=_COSTS,
    remedy=remedy,
    doubt=doubt,
    everywhere=True,
    errors={
        "`can't allocate low memory for domain`, "
        "`can't allocate low memory for domain: Out of memory`": "memory of the host",
        "`failed to free memory for the domain` from xl": "memory of the host",
        "`HOST_NOT_ENOUGH_FREE_MEMORY`, `NOT_ENOUGH_FREE_MEMORY`, "
        "`Cannot_free_this_much_memory` from xapi": (
            "memory of the host, less what xapi keeps back for each VM and for itself"
        ),
        kinds.POD_MEMORY_EXHAUSTED.messages: "memory of the host that the guest was owed",
    },
)
