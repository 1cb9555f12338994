"""What the processes of each VM take of dom0: private memory, and tasks; of helpers CPU time too.

Which processes there are is known from other readings. Each costs one read of `statm`; `smaps`,
which could divide shared pages, has the kernel walk all page tables of a process. Helpers mostly
sleep: one that has not run since it was last read costs one read of `schedstat`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from typing import Final

from xenwatch.parse.helpers import INCOMING
from xenwatch.parse.process import NO_SCHEDSTAT, parse_stat, private_bytes
from xenwatch.probes.base import Probe
from xenwatch.probes.xen import read_optional, require_dom0
from xenwatch.readings.datapath import Helper
from xenwatch.readings.domains import Domain
from xenwatch.readings.snapshot import Snapshot
from xenwatch.readings.vm_processes import Use, VmProcesses
from xenwatch.sources.base import Source, read_ahead
from xenwatch.values import dataclass

MOST_READ: Final = 1024
"""Most processes read whole in a pass, those first whose figure is the oldest."""
MOST_LOOKED_AT: Final = 4096
"""Most helpers of which a pass looks whether they have run, which is one read of `schedstat`."""
QEMU: Final = "qemu"
"""The program of device models."""


@dataclass(frozen=True, slots=True)
class _Process:
    """A process to be read: the domain it serves, its program, and of a helper its start time."""

    domid: int
    program: str
    start_ticks: int | None = None


@dataclass(frozen=True, slots=True)
class _Read:
    """A process as last read: its bytes, and the pass in which that was.

    Of a helper also CPU time, threads, and the `schedstat` of its first thread as it was read.
    """

    process: _Process
    memory_bytes: int
    cpu_seconds: float = 0.0
    threads: int = 0
    schedstat: bytes = b""
    number: int = 0


@dataclass(frozen=True, slots=True)
class _Memory:
    """The processes by PID, and the number of passes so far."""

    processes: Mapping[int, _Read]
    passes: int


def read(source: Source, context: Snapshot, memory: _Memory) -> tuple[VmProcesses, _Memory]:
    """What each domain takes. Raises `NotApplicable`, `SourceError` and `ParseError`."""
    require_dom0(source, context)
    wanted = _processes(context)
    now, ended = _all_read(source, wanted, memory)
    unread = {
        process for pid, process in wanted.items() if pid not in now.processes and pid not in ended
    }
    private: Counter[int] = Counter()
    tasks = _tasks(context)
    for known in now.processes.values():
        private[known.process.domid] += known.memory_bytes
        tasks[known.process.domid] += known.threads
    incomplete = {process.domid for process in unread}
    by_domid = {
        domain.domid: Use(private[domain.domid], tasks[domain.domid])
        for domain in _served(context)
        if domain.domid not in incomplete
    }
    missing = {(process.domid, process.program) for process in unread}
    memory_bytes, cpu_seconds = _by_program(now.processes.values(), missing)
    return VmProcesses(by_domid, memory_bytes, cpu_seconds), now


def _by_program(
    processes: Iterable[_Read], missing: Container[tuple[int, str]]
) -> tuple[Mapping[tuple[int, str], int], Mapping[tuple[int, str], float]]:
    """Memory of the processes, and CPU time of the helpers, by domid and program.

    Those `missing` are left out: not all of their processes were read.
    """
    memory_bytes: defaultdict[tuple[int, str], int] = defaultdict(int)
    cpu_seconds: defaultdict[tuple[int, str], float] = defaultdict(float)
    for known in processes:
        key = known.process.domid, known.process.program
        if key not in missing:
            memory_bytes[key] += known.memory_bytes
            if known.process.start_ticks is not None:
                cpu_seconds[key] += known.cpu_seconds
    return dict(memory_bytes), dict(cpu_seconds)


def _all_read(
    source: Source, wanted: Mapping[int, _Process], memory: _Memory
) -> tuple[_Memory, frozenset[int]]:
    """The wanted processes as they are now, or as they were last read; helpers that have ended."""
    number = memory.passes + 1
    kept = {
        pid: known for pid, known in memory.processes.items() if wanted.get(pid) == known.process
    }
    left, looks = MOST_READ, MOST_LOOKED_AT
    ended = set()
    turns = sorted(wanted, key=lambda pid: kept[pid].number if pid in kept else 0)
    _read_ahead(source, turns, wanted, kept)
    for pid in turns:
        process, last = wanted[pid], kept.get(pid)
        if looks and last is not None and last.threads == 1:
            looks -= 1
            if _slept(source, pid, last):
                kept[pid] = replace(last, number=number)
                continue
        if left:
            left -= 1
            found = _one_read(source, pid, process)
            if found is not None:
                kept[pid] = replace(found, number=number)
            else:
                kept.pop(pid, None)
                ended |= {pid} if process.start_ticks is not None else set()
    return _Memory(kept, number), frozenset(ended)


def _read_ahead(
    source: Source,
    turns: Iterable[int],
    wanted: Mapping[int, _Process],
    kept: Mapping[int, _Read],
) -> None:
    """Tell the source what is looked at of processes of one thread, and read of the others."""
    single = {pid for pid in turns if pid in kept and kept[pid].threads == 1}
    files = [_schedstat_path(pid) for pid in sorted(single)[:MOST_LOOKED_AT]]
    for pid in [pid for pid in turns if pid not in single][:MOST_READ]:
        more = () if wanted[pid].start_ticks is None else ("schedstat", "stat")
        files += [f"/proc/{pid}/{name}" for name in ("statm", *more)]
    read_ahead(source, "read", files)


def _slept(source: Source, pid: int, last: _Read) -> bool:
    """Whether a process of one thread has not run since it was last read."""
    if last.schedstat in NO_SCHEDSTAT:
        return False
    return _schedstat(source, pid) == last.schedstat


def _schedstat(source: Source, pid: int) -> bytes:
    """The schedstat of a process's first thread as read; empty where there is none."""
    return read_optional(source, _schedstat_path(pid)) or b""


def _schedstat_path(pid: int) -> str:
    return f"/proc/{pid}/schedstat"


def _one_read(source: Source, pid: int, process: _Process) -> _Read | None:
    """A process as it is now, `None` when it has ended."""
    # First, so that what runs meanwhile is seen the next time.
    schedstat = _schedstat(source, pid) if process.start_ticks is not None else b""
    memory = read_optional(source, f"/proc/{pid}/statm")
    if memory is None:
        return None
    if process.start_ticks is None:
        return _Read(process, private_bytes(memory))
    data = read_optional(source, f"/proc/{pid}/stat")
    stat = None if data is None else parse_stat(data)
    if stat is None or stat.start_ticks != process.start_ticks:
        return None
    return _Read(process, private_bytes(memory), stat.cpu_seconds, stat.threads, schedstat)


def _processes(context: Snapshot) -> dict[int, _Process]:
    """The processes known to serve a domain, by PID."""
    found = {}
    if context.datapath is not None:
        found = {pid: _Process(*owner) for pid, owner in context.datapath.processes.items()}
        found |= _helpers(context, context.datapath.helpers)
    if context.qemus is not None:
        found |= {qemu.pid: _Process(domid, QEMU) for domid, qemu in context.qemus.by_domid.items()}
    return found


def _helpers(context: Snapshot, helpers: Mapping[int, Helper]) -> dict[int, _Process]:
    """The helpers whose domain is known, by PID."""
    domains = context.domains.domains if context.domains is not None else ()
    by_name = {context.name(domain): domain.domid for domain in domains}
    found = {}
    for pid, helper in helpers.items():
        serves = helper.serves
        if isinstance(serves, bytes):
            domid = by_name.get(serves, by_name.get(serves.removesuffix(INCOMING)))
        else:
            domid = serves
        if domid is not None:
            found[pid] = _Process(domid, helper.program, helper.start_ticks)
    return found


def _served(context: Snapshot) -> Iterable[Domain]:
    """The guests whose processes can all be known: unless PV or PVH, their QEMU must be.

    The QEMU in a stubdomain is no process of dom0.
    """
    if context.domains is None or context.datapath is None:
        return ()
    known = set(context.qemus.by_domid) if context.qemus is not None else set()
    if context.xenstore is not None:
        known |= set(context.xenstore.stubdomains.values())
    return [
        domain
        for domain in context.domains.domains
        if domain.domid and (domain.type in ("pv", "pvh") or domain.domid in known)
    ]


def _tasks(context: Snapshot) -> Counter[int]:
    """Threads by domid of the QEMUs, and of what serves disks and network interfaces."""
    tasks = Counter(context.datapath.tasks) if context.datapath is not None else Counter[int]()
    if context.qemus is not None:
        for domid, qemu in context.qemus.by_domid.items():
            tasks[domid] += len(qemu.threads)
    return tasks


VM_PROCESSES = Probe(
    name="vm_processes",
    reads="/proc/PID/statm of the QEMUs, tapdisks and helpers of guests, and of helpers "
    "/proc/PID/{stat,schedstat}",
    advice="run as root: the processes of other users may be hidden",
    read=read,
    memory=_Memory({}, 0),
    interval=60.0,
)
