"""What the processes of each VM take of dom0: private memory, and tasks.

Which processes there are is known from other readings. Each costs one read of `statm`; `smaps`,
which could divide shared pages, has the kernel walk all page tables of a process.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from xenwatch.parse.process import private_bytes
from xenwatch.probes.base import Probe
from xenwatch.probes.xen import read_optional, require_dom0
from xenwatch.readings.domains import Domain
from xenwatch.readings.snapshot import Snapshot
from xenwatch.readings.vm_processes import Use, VmProcesses
from xenwatch.sources.base import Source

MOST_READ: Final = 1024
"""Most processes read in a pass, those first whose figure is the oldest."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A process as last read: the domain it serves, its bytes, and the pass in which that was."""

    domid: int
    memory_bytes: int
    number: int


@dataclass(frozen=True, slots=True)
class _Memory:
    """The processes by PID, and the number of passes so far."""

    processes: Mapping[int, _Read]
    passes: int


def read(source: Source, context: Snapshot, memory: _Memory) -> tuple[VmProcesses, _Memory]:
    """What each domain takes. Raises `NotApplicable`, `SourceError` and `ParseError`."""
    require_dom0(source)
    number = memory.passes + 1
    wanted = _processes(context)
    kept = {
        pid: known
        for pid, known in memory.processes.items()
        if pid in wanted and wanted[pid] == known.domid
    }
    oldest = sorted(wanted, key=lambda pid: kept[pid].number if pid in kept else 0)
    for pid in oldest[:MOST_READ]:
        data = read_optional(source, f"/proc/{pid}/statm")
        if data is None:
            kept.pop(pid, None)
        else:
            kept[pid] = _Read(wanted[pid], private_bytes(data), number)
    unread = {domid for pid, domid in wanted.items() if pid not in kept}
    private: Counter[int] = Counter()
    for known in kept.values():
        private[known.domid] += known.memory_bytes
    by_domid = {
        domain.domid: Use(private[domain.domid], _tasks(context, domain.domid))
        for domain in _served(context)
        if domain.domid not in unread
    }
    return VmProcesses(by_domid), _Memory(kept, number)


def _processes(context: Snapshot) -> Mapping[int, int]:
    """Domids by PID of the processes known to serve them."""
    found = dict(context.datapath.processes) if context.datapath is not None else {}
    if context.qemus is not None:
        found |= {qemu.pid: domid for domid, qemu in context.qemus.by_domid.items()}
    return found


def _served(context: Snapshot) -> Iterable[Domain]:
    """The guests whose processes can all be known: unless PV or PVH, their QEMU must be."""
    if context.domains is None or context.datapath is None:
        return ()
    qemus = context.qemus.by_domid if context.qemus is not None else {}
    return [
        domain
        for domain in context.domains.domains
        if domain.domid and (domain.type in ("pv", "pvh") or domain.domid in qemus)
    ]


def _tasks(context: Snapshot, domid: int) -> int:
    qemu = context.qemus.by_domid.get(domid) if context.qemus is not None else None
    threads = len(qemu.threads) if qemu is not None else 0
    workers = context.datapath.tasks.get(domid, 0) if context.datapath is not None else 0
    return threads + workers


VM_PROCESSES = Probe(
    name="vm_processes",
    reads="/proc/PID/statm of the QEMUs and tapdisks of guests",
    advice="run as root: the processes of other users may be hidden",
    read=read,
    memory=_Memory({}, 0),
    interval=60.0,
)
