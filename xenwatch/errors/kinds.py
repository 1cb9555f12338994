"""The kinds of messages by which dom0's kernel and Xen report trouble, as their logs print them.

Limits and alerts name a kind among their error messages, which says what it means and where to
look; the probes `kernel_log` and `xen_console` count its messages. So no string is written twice.
"""

from __future__ import annotations

from typing import Final

from xenwatch.errors.pattern import Pattern, patterns
from xenwatch.values import dataclass

KERNEL: Final = "kernel"
"""The log of dom0's kernel."""
XEN: Final = "xen"
"""The console ring of Xen, as `xl dmesg` shows it."""
LOGS: Final = (KERNEL, XEN)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of messages: its name as a label has it, and the logs that have such messages.

    `messages` is Markdown in the form of `xenwatch.errors.pattern`, `patterns` is what it prints.
    """

    name: str
    logs: tuple[str, ...]
    messages: str
    patterns: tuple[Pattern, ...]


def _kind(name: str, messages: str, *logs: str) -> Kind:
    return Kind(name, logs, messages, patterns(messages))


# Linux, drivers/xen/grant-table.c, gnttab_map_refs; Xen, xen/common/grant_table.c (a debug build).
MAPTRACK_FULL: Final = _kind(
    "maptrack_full",
    "`maptrack limit reached`, `Failed to obtain maptrack handle`",
    KERNEL,
    XEN,
)
# Linux, drivers/xen/grant-table.c, gnttab_expand: in dom0's own log, dom0's own table.
GRANT_FRAMES_FULL: Final = _kind(
    "grant_frames_full", "`max_grant_frames reached` in a guest or in dom0", KERNEL
)
# Linux, drivers/xen/grant-table.c, gnttab_add_deferred and gnttab_handle_deferred.
GRANTS_PENDING: Final = _kind(
    "grants_pending",
    "`deferring g.e. N`, `g.e. N still pending`, `g.e. N still in use`, `leaking g.e. N`, "
    "`g.e. still in use`",
    KERNEL,
)
# Xen, xen/arch/x86/mm/p2m-pod.c, p2m_pod_demand_populate.
POD_MEMORY_EXHAUSTED: Final = _kind("pod_memory_exhausted", "`out of PoD memory`", XEN)
# Linux, mm/oom_kill.c: one line for each kill, "Kill process" until 5.2.
OOM_KILL: Final = _kind(
    "oom_kill",
    "`Out of memory: Killed process`, `Out of memory: Kill process` in dom0's kernel log",
    KERNEL,
)
# Linux, mm/page_alloc.c, warn_alloc. From order 3 on memory in one piece is hard to find.
PAGE_ALLOCATION_FAILURE: Final = _kind(
    "page_allocation_failure", "`page allocation failure`", KERNEL
)
LARGE_PAGE_ALLOCATION_FAILURE: Final = _kind(
    "large_page_allocation_failure",
    ", ".join(f"`page allocation failure: order:{order}`" for order in range(3, 10)),
    KERNEL,
)
# Linux, kernel/hung_task.c, check_hung_task.
HUNG_TASK: Final = _kind("hung_task", "`blocked for more than`", KERNEL)
# Linux, net/sunrpc/clnt.c, call_timeout.
NFS_NOT_RESPONDING: Final = _kind("nfs_not_responding", "`server NAME not responding`", KERNEL)
# Linux, net/netfilter/nf_conntrack_core.c.
CONNTRACK_FULL: Final = _kind(
    "conntrack_full", "`nf_conntrack: table full`, `ip_conntrack: table full`", KERNEL
)
# Linux, net/core/neighbour.c; until 4.x net/ipv4/route.c and net/ipv6/route.c.
NEIGHBOUR_TABLE_FULL: Final = _kind(
    "neighbour_table_full", "`Neighbour table overflow`, `neighbor table overflow`", KERNEL
)
# Linux, fs/file_table.c, alloc_empty_file.
OPEN_FILES_FULL: Final = _kind("open_files_full", "`VFS: file-max limit N reached`", KERNEL)
# Linux, kernel/time/clocksource.c and arch/x86/kernel/tsc.c.
CLOCKSOURCE_UNSTABLE: Final = _kind(
    "clocksource_unstable",
    "`Marking clocksource NAME as unstable`, `Marking TSC unstable`",
    KERNEL,
)
# Linux, arch/x86/kernel/cpu/mce/core.c; Xen, xen/arch/x86/cpu/mcheck/mce.c.
MACHINE_CHECK: Final = _kind(
    "machine_check",
    "`Machine check events logged`, `Machine Check Exception`, `mce: [Hardware Error]`, "
    "`MCE: Error can't be recovered`, `[Hardware Error]`",
    KERNEL,
    XEN,
)

KINDS: Final = (
    MAPTRACK_FULL,
    GRANT_FRAMES_FULL,
    GRANTS_PENDING,
    POD_MEMORY_EXHAUSTED,
    OOM_KILL,
    PAGE_ALLOCATION_FAILURE,
    LARGE_PAGE_ALLOCATION_FAILURE,
    HUNG_TASK,
    NFS_NOT_RESPONDING,
    CONNTRACK_FULL,
    NEIGHBOUR_TABLE_FULL,
    OPEN_FILES_FULL,
    CLOCKSOURCE_UNSTABLE,
    MACHINE_CHECK,
)
"""Every kind. Each is a value of a label, so their number is bounded."""


def kinds_of(log: str) -> tuple[Kind, ...]:
    """The kinds whose messages a log can have."""
    return tuple(kind for kind in KINDS if log in kind.logs)
