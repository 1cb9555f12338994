"""The datapath: CPU time of the threads and processes that serve guests' devices, and drops.

The search for them finds the helpers of VMs too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import field, replace
from typing import Final

from xenwatch.parse.helpers import NAMES, XL, helper_of, xl_domain
from xenwatch.parse.kthread import parse_thread
from xenwatch.parse.process import ProcessStat, parse_stat
from xenwatch.parse.qemu import arguments, backend_of
from xenwatch.probes.base import DOMAIN_SETTLED, PTRACE, TASKSTATS, Probe
from xenwatch.probes.counters import Counted, growth, read_counters
from xenwatch.probes.devices import DIRECTORY, identity
from xenwatch.probes.vifs import Known, read_vifs
from xenwatch.probes.xen import list_optional, read_optional, require_dom0
from xenwatch.readings.datapath import Datapath, Helper
from xenwatch.readings.devices import Backends
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source, SourceError, read_ahead
from xenwatch.values import dataclass

TAPDISK: Final = "tapdisk"
QDISK: Final = "qdisk"
PROCESSES: Final = (TAPDISK, QDISK)
"""Kinds of workers that are processes; the others are threads of the kernel."""
UNNAMED: Final = b"kthreadd"
"""The name of kthreadd's children until they set their own."""
SHARED_MEMORY: Final = "/dev/shm"  # noqa: S108 - tapdisk3's, which dom0 alone may write
SETTLED: Final = 3
"""Passes after a change of devices or their states during which their threads may still start."""
SEARCH_EVERY: Final = 60
"""Passes after which every process is examined again, whatever it was before."""
_NUMBER = re.compile(r"[0-9]{1,10}\Z")
_TAPDISK = re.compile(r"td3-(\d{1,10})\Z")
_TAPDISK_VBD = re.compile(r"vbd-(\d{1,5})-\d{1,10}\Z")


@dataclass(frozen=True, slots=True)
class Worker:
    """A thread or process that serves devices of a domain.

    `start_ticks` distinguishes a worker from a later one with the same PID. `counted` are the
    kernel's counters to which its CPU time belongs, where there are any.
    """

    domid: int
    kind: str
    start_ticks: int
    cpu_seconds: float
    threads: int = 1
    counted: Counted | None = None


@dataclass(frozen=True, slots=True)
class _Memory:
    """The workers by process id, and CPU time of those that have ended, by domid and kind.

    `skipped` are the PIDs that were neither workers nor `helpers` when `devices` or `backends` last
    changed, `passes` passes ago, `young` those of them that may still become one. A device is its
    name and its identity: one made anew under an old name is another. `vifs` is what is known of
    interfaces.
    """

    workers: Mapping[int, Worker] = field(default_factory=dict)
    ended: Mapping[tuple[int, str], float] = field(default_factory=dict)
    helpers: Mapping[int, Helper] = field(default_factory=dict)
    skipped: frozenset[int] = frozenset()
    young: frozenset[int] = frozenset()
    devices: frozenset[tuple[str, bytes | None]] = frozenset()
    backends: Backends | None = None
    passes: int = 0
    vifs: Known = field(default_factory=Known)

    def cpu_seconds(self) -> Mapping[tuple[int, str], float]:
        """CPU time by domid and kind of worker, ended ones included."""
        found = dict(self.ended)
        for worker in self.workers.values():
            key = worker.domid, worker.kind
            found[key] = found.get(key, 0.0) + worker.cpu_seconds
        return found


def read(source: Source, context: Snapshot, memory: _Memory) -> tuple[Datapath, _Memory]:
    """Workers and interfaces. Raises `NotApplicable`, `SourceError` and `ParseError`."""
    require_dom0(source, context)
    now = _track(source, context, memory)
    processes = {
        pid: (worker.domid, worker.kind)
        for pid, worker in now.workers.items()
        if worker.kind in PROCESSES
    }
    tasks: Counter[int] = Counter()
    for worker in now.workers.values():
        tasks[worker.domid] += worker.threads
    vifs, known = read_vifs(source, context, memory.vifs)
    found = Datapath(now.cpu_seconds(), vifs, processes, dict(tasks), now.helpers)
    return found, replace(now, vifs=known)


def _track(source: Source, context: Snapshot, last: _Memory) -> _Memory:
    """The workers as they are now, and the new ones.

    A backend has its threads from when it connects, which may be minutes after it was made
    (drivers/block/xen-blkback/xenbus.c, drivers/net/xen-netback/xenbus.c: connect).
    """
    present = _present(context)
    names = list_optional(source, DIRECTORY) or ()
    read_ahead(source, "stat", (f"{DIRECTORY}/{name}" for name in names))
    devices = frozenset((name, identity(source, name)) for name in names)
    is_same = (devices, context.backends) == (last.devices, last.backends)
    passes = last.passes + 1 if is_same else 0
    counters = read_counters(source, tuple(last.workers))
    tapdisks = _tapdisks(source, last.workers, counters)
    tracked = {
        pid: worker
        for pid, worker in last.workers.items()
        if pid not in tapdisks
        and (worker.kind != TAPDISK or present is None or worker.domid in present)
    }
    workers = {**_reread(source, tracked, counters), **tapdisks}
    now = replace(last, devices=devices, backends=context.backends, passes=passes)
    everything = passes % SEARCH_EVERY == 0
    if passes < SETTLED or everything:
        now, found = _search(source, now, workers, everything)
        workers |= found
    ended = _ended(present, last, workers)
    return replace(now, workers=dict(sorted(workers.items())), ended=ended)


def _present(context: Snapshot) -> frozenset[int] | None:
    """The domids, dying domains included; `None` where they are unknown."""
    if context.domains is None:
        return None
    return frozenset(domain.domid for domain in context.domains.domains)


def _reread(
    source: Source, tracked: Mapping[int, Worker], counters: Mapping[int, Counted]
) -> Mapping[int, Worker]:
    """The tracked workers that still run, by their counters or else read again.

    A tapdisk without a disk is kept: its frontend may reconnect.
    """
    found = {
        pid: grown
        for pid, worker in tracked.items()
        if (grown := _grown(worker, counters.get(pid))) is not None
    }
    others = {pid: worker for pid, worker in tracked.items() if pid not in found}
    read_ahead(source, "read", (f"/proc/{pid}/stat" for pid in others))
    for pid, worker in others.items():
        stat = _stat(source, pid)
        if stat and stat.start_ticks == worker.start_ticks:
            made = _made(worker.domid, worker.kind, stat)
            found[pid] = _counted(made, worker, counters.get(pid))
    return found


def _grown(worker: Worker, now: Counted | None) -> Worker | None:
    """The worker by its counters, `None` when it must be read."""
    then = worker.counted
    if then is None or now is None:
        return None
    grown = growth(then, now, worker.threads)
    if grown is None:
        return None
    return Worker(
        worker.domid,
        worker.kind,
        worker.start_ticks,
        worker.cpu_seconds + grown[-1] / 1e9,
        worker.threads,
        now,
    )


def _counted(made: Worker, last: Worker, now: Counted | None) -> Worker:
    """A worker just read with its counters; its ticks may be a little behind those of `last`."""
    return replace(made, cpu_seconds=max(made.cpu_seconds, last.cpu_seconds), counted=now)


def _stat(source: Source, pid: int) -> ProcessStat | None:
    data = read_optional(source, f"/proc/{pid}/stat")
    return None if data is None else parse_stat(data)


def _tapdisks(
    source: Source, last: Mapping[int, Worker], counters: Mapping[int, Counted]
) -> Mapping[int, Worker]:
    """The tapdisks, by their directories in shared memory, which name the disks they serve."""
    found: dict[int, Worker] = {}
    for name in list_optional(source, SHARED_MEMORY) or ():
        process = _TAPDISK.match(name)
        if not process:
            continue
        files = list_optional(source, f"{SHARED_MEMORY}/{name}") or ()
        disks = [match for file in files if (match := _TAPDISK_VBD.match(file))]
        if not disks:
            continue
        pid, domid = int(process[1]), int(disks[0][1])
        before = last.get(pid)
        if before is None or (before.domid, before.kind) != (domid, TAPDISK):
            before = None
        grown = None if before is None else _grown(before, counters.get(pid))
        if grown is not None:
            found[pid] = grown
            continue
        stat = _stat(source, pid)
        if stat is not None and stat.comm == b"tapdisk":
            found[pid] = _made(domid, TAPDISK, stat)
            if before is not None and before.start_ticks == stat.start_ticks:
                found[pid] = _counted(found[pid], before, counters.get(pid))
    return found


def _search(
    source: Source, last: _Memory, workers: Collection[int], everything: bool
) -> tuple[_Memory, Mapping[int, Worker]]:
    """What is known of the processes that are no `workers`, and the workers found among them.

    A new thread has a new PID, so a PID examined once need not be examined again until PIDs wrap;
    with `everything` all are. A program may still run another one in its place, as wrappers do: a
    process is examined in two searches before it is passed over.
    """
    found: dict[int, Worker] = {}
    helpers: dict[int, Helper] = {}
    skipped, young = set(), set()
    pids = [int(name) for name in source.listdir("/proc") if _NUMBER.match(name)]
    known_before = workers if everything else {*workers, *last.skipped, *last.helpers}
    read_ahead(source, "read", (f"/proc/{pid}/stat" for pid in pids if pid not in known_before))
    for pid in pids:
        if pid in workers:
            continue
        if not everything and pid in last.skipped:
            skipped.add(pid)
            continue
        if not everything and pid in last.helpers:
            helpers[pid] = last.helpers[pid]
            continue
        stat = _stat(source, pid)
        process = _process(source, stat, last.helpers.get(pid)) if stat is not None else None
        if isinstance(process, Worker):
            found[pid] = process
        elif process is not None:
            helpers[pid] = process
        elif stat is not None and _is_final(stat, pid in last.skipped or pid in last.young):
            skipped.add(pid)
        else:
            young.add(pid)
    known = replace(last, helpers=helpers, skipped=frozenset(skipped), young=frozenset(young))
    return known, found


def _is_final(stat: ProcessStat, examined: bool) -> bool:
    """Whether a process that serves no domain will not do so later, as far as its name tells."""
    return stat.comm != UNNAMED if stat.kernel_thread else examined


def _process(source: Source, stat: ProcessStat, last: Helper | None) -> Worker | Helper | None:
    """The process as a worker or helper, which is what it was `last` while it is the same one."""
    worker = _worker(source, stat)
    if worker is not None or stat.kernel_thread:
        return worker
    if last is not None and last.start_ticks == stat.start_ticks:
        return last
    return _helper(source, stat)


def _helper(source: Source, stat: ProcessStat) -> Helper | None:
    """The process as a helper, `None` when it is none or has ended."""
    if stat.comm not in NAMES:
        return None
    if stat.comm == b"xl":
        name = xl_domain(_output(source, stat.pid))
        return Helper(XL, stat.start_ticks, name) if name is not None else None
    cmdline = read_optional(source, f"/proc/{stat.pid}/cmdline") or b""
    found = helper_of(stat.comm, cmdline)
    return Helper(found[0], stat.start_ticks, found[1]) if found is not None else None


def _output(source: Source, pid: int) -> str:
    """What standard output of a process goes to; empty where that cannot be read."""
    try:
        return source.readlink(f"/proc/{pid}/fd/1")
    except SourceError:
        return ""


def _worker(source: Source, stat: ProcessStat) -> Worker | None:
    """The process as a worker: a driver's thread or a QEMU for disks; `None` when it is neither."""
    if stat.kernel_thread:
        thread = parse_thread(stat.comm)
        if thread is None:
            return None
        return _made(thread.domid, thread.kind, stat)
    if b"qemu" in stat.comm:
        argv = arguments(read_optional(source, f"/proc/{stat.pid}/cmdline") or b"")
        domid = backend_of(argv)
        if domid is not None:
            return _made(domid, QDISK, stat)
    return None


def _made(domid: int, kind: str, stat: ProcessStat) -> Worker:
    return Worker(domid, kind, stat.start_ticks, stat.cpu_seconds, stat.threads)


def _ended(
    present: frozenset[int] | None, last: _Memory, workers: Mapping[int, Worker]
) -> Mapping[tuple[int, str], float]:
    """CPU time of ended workers, for the domains that still exist."""
    found = dict(last.ended)
    for pid, worker in last.workers.items():
        now = workers.get(pid)
        if now is None or now.start_ticks != worker.start_ticks:
            key = worker.domid, worker.kind
            found[key] = found.get(key, 0.0) + worker.cpu_seconds
    if present is not None:
        found = {key: seconds for key, seconds in found.items() if key[0] in present}
    return found


DATAPATH = Probe(
    name="datapath",
    reads="taskstats of netback, blkback, tapdisk and QEMU, /proc/PID/stat of those found or "
    f"changed, {SHARED_MEMORY}/td3-*, "
    "/proc/PID/cmdline of the helpers of VMs, /proc/PID/fd/1 of xl, "
    "rtnetlink, /proc/net/dev, /sys/class/net/vif*/queues, /local/domain/0/backend/vif/*/script"
    " of those that may be unattached",
    advice="run as root; mount procfs and sysfs",
    read=read,
    memory=_Memory(),
    interval=20.0,
    events=frozenset({DOMAIN_SETTLED}),
    capabilities={**PTRACE, **TASKSTATS},
)
