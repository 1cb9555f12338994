"""The QEMUs of guests: found once, then counted by one message each, or read thread by thread.

A process is identified by PID and start time, so that a reused PID never counts. One whose threads
have stayed the same is counted by taskstats: before the correction that
`xenwatch.parse.taskstats` names, the kernel's sum of voluntary switches falls by those of a thread
that ends, so the threads of one in which they come and go are read from /proc.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field, replace
from typing import Final

from xenwatch.parse.process import NO_SCHEDSTAT, parse_stat, waited_ns
from xenwatch.parse.qemu import arguments, device_model_of, emulated_devices
from xenwatch.parse.text import voluntary_switches
from xenwatch.probes.base import DOMAIN_SETTLED, TASKSTATS, Probe
from xenwatch.probes.counters import (
    NOBODY,
    Counted,
    Table,
    growth,
    growths,
    read_counters,
    read_table,
    unpacked,
)
from xenwatch.probes.domains import list_domains
from xenwatch.probes.xen import list_optional, read_optional, require_dom0
from xenwatch.probes.xenstore import read_key
from xenwatch.readings.qemus import NANOSECONDS, Qemu, Qemus
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source, SourceError, read_ahead
from xenwatch.values import dataclass

PID_KEYS: Final = ("image/device-model-pid", "qemu-pid")
"""Keys below a domain's xenstore directory with the QEMU's PID: of xl and xapi, of xapi alone."""
LOOKUP_PASSES: Final = 5
"""Passes in which a domain's QEMU is looked up in xenstore; it starts after its domain."""
SEARCH_EVERY: Final = 10
"""Passes between two searches of /proc for domains without a known QEMU."""
SEARCH_PASSES: Final = 3 * SEARCH_EVERY
"""Passes in which /proc is searched for a domain: its QEMU starts soon, or never."""
LOOKUPS_MAX: Final = 16
"""Most domains looked up in xenstore in one pass."""
LISTINGS: Final = 3
"""Most listings of the threads of one process in a pass, until two agree."""
SETTLED: Final = 6
"""Passes in which the threads of a QEMU must have stayed the same before it is counted whole."""
SETTLE_MAX: Final = 64
"""Most QEMUs that become counted whole in one pass: each takes two questions of its own."""
CMDLINE_MAX: Final = 1 << 16
_NUMBER = re.compile(r"[0-9]{1,10}\Z")


@dataclass(frozen=True, slots=True)
class _Task:
    """One thread as last seen: its `schedstat` as it was read (empty: none), its wakeups.

    `wait_ns` is the time waited for a CPU from `schedstat`, `None` where it is missing.
    """

    tid: int
    schedstat: bytes
    wakeups: int
    wait_ns: int | None


@dataclass(frozen=True, slots=True)
class _Tracked:
    """A QEMU as last read, its threads, and the counters of ended threads.

    `passes` is for how many the threads have been the same.
    """

    qemu: Qemu
    tasks: tuple[_Task, ...]
    ended_wakeups: int
    ended_wait_ns: int
    passes: int = 0


@dataclass(frozen=True, slots=True)
class _Absence:
    """A domain without a known QEMU, and for how many passes."""

    uuid: str
    passes: int


@dataclass(frozen=True, slots=True)
class _Memory:
    """The tracked QEMUs, and the domains that may have another, by domid.

    `search_in` is the number of passes until the next search of /proc, `None` before the first.
    `whole` are those that are counted whole, as they are now: their threads are read no more.
    `counted` is the packed table of the counters to which theirs belong, in the same order.
    """

    tracked: Mapping[int, _Tracked]
    absent: Mapping[int, _Absence]
    search_in: int | None
    whole: Mapping[int, Qemu] = field(default_factory=dict)
    counted: tuple[bytes, ...] = NOBODY.packed()


def read(source: Source, context: Snapshot, memory: _Memory) -> tuple[Qemus, _Memory]:
    """The QEMUs by domid. Raises `NotApplicable`, `SourceError` and `ParseError`."""
    require_dom0(source, context)
    then = unpacked(memory.counted)
    table = read_table(source, then.pids)
    read_ahead(source, "read", _schedstats(memory))
    candidates = _candidates(source, context)
    whole = _grown(memory.whole, candidates, then, table)
    found = {domid: memory.tracked[domid] for domid in whole}
    absent: dict[int, _Absence] = {}
    settled: dict[int, Counted] = {}
    settles = SETTLE_MAX
    for domid in [domid for domid in candidates if domid not in whole]:
        uuid, before = candidates[domid], memory.tracked.get(domid)
        if before is not None and before.qemu.uuid == uuid:
            known = memory.whole.get(domid)
            again = _reread(source, replace(before, qemu=known) if known else before)
            if again is not None:
                found[domid], counted, settles = _settled(source, again, settles)
                if counted is not None:
                    whole[domid] = qemu = found[domid].qemu
                    settled[qemu.pid] = counted
                continue
        was = memory.absent.get(domid)
        passes = was.passes + 1 if was is not None and was.uuid == uuid else 0
        absent[domid] = _Absence(uuid, passes)
    new, answered = _look_up(source, absent)
    found |= new
    absent = {domid: absence for domid, absence in absent.items() if domid not in new}
    search_in = max((memory.search_in or 0) - 1, 0)
    # The first pass finds all QEMUs: it may be the only one.
    late = any(LOOKUP_PASSES <= entry.passes <= SEARCH_PASSES for entry in absent.values())
    if not search_in and absent and (late or not answered or memory.search_in is None):
        search_in = SEARCH_EVERY
        for domid, pid in _search(source, {entry.qemu.pid for entry in found.values()}):
            first = _first(source, domid, absent[domid].uuid, pid) if domid in absent else None
            if first is not None:
                found[domid] = first
                del absent[domid]
    qemus = whole
    if list(whole) != sorted(found):
        qemus = {domid: whole.get(domid) or found[domid].qemu for domid in sorted(found)}
    if settled or len(whole) != len(table.pids):
        table = table.of((qemu.pid for qemu in whole.values()), settled)
    return Qemus(qemus), _Memory(found, absent, search_in, whole, table.packed())


def _candidates(source: Source, context: Snapshot) -> Mapping[int, str]:
    """UUIDs by domid of the domains that may have a QEMU."""
    domains = (
        context.domains.domains if context.domains is not None else list_domains(source, context)
    )
    return {
        domain.domid: domain.uuid
        for domain in domains
        if domain.domid and domain.type in ("hvm", None) and domain.state != "dying"
    }


def _grown(
    whole: Mapping[int, Qemu], candidates: Mapping[int, str], then: Table, now: Table
) -> dict[int, Qemu]:
    """The QEMUs as their counters tell, without those whose threads must be read."""
    if then.pids != now.pids:
        left = set(now.pids)
        whole = {domid: qemu for domid, qemu in whole.items() if qemu.pid in left}
        then = then.of(now.pids, {})
    grown = growths(then, now, [len(qemu.threads) for qemu in whole.values()])
    found = {}
    for domid, qemu, more in zip(whole, whole.values(), grown, strict=True):
        if more is None or candidates.get(domid) != qemu.uuid:
            continue
        wakeups, waited_ns, ran_ns = more
        slept = not (wakeups or waited_ns or ran_ns)
        found[domid] = qemu if slept else qemu.grown(wakeups, waited_ns, ran_ns)
    return found


def _settled(source: Source, last: _Tracked, settles: int) -> tuple[_Tracked, Counted | None, int]:
    """The QEMU, read once more if it is settled, and its counters if it slept meanwhile.

    The threads are read between two questions for the counters: only if these are the same do they
    belong to what was read. `settles` is how many more may do so in this pass, of which the rest
    is returned.
    """
    if last.passes < SETTLED or not settles or last.qemu.wait_seconds is None:
        return last, None, settles
    pid = last.qemu.pid
    before = read_counters(source, (pid,)).get(pid)
    if before is None:  # The kernel keeps none: one question a pass is enough.
        return last, None, 0
    again = _reread(source, last) or last
    after = read_counters(source, (pid,)).get(pid)
    if again.passes > last.passes and after is not None:
        was, now = before[0], after[0]
        slept = (was.timeslices, was.switches) == (now.timeslices, now.switches)
        if slept and growth(before, after, len(again.tasks)) is not None:
            return again, after, settles - 1
    # It waits for its next turn, so that one that always runs takes no other's.
    return replace(again, passes=0), None, settles - 1


def _reread(source: Source, last: _Tracked) -> _Tracked | None:
    """A tracked QEMU read again thread by thread, `None` when it has ended.

    When no thread has run, nothing has changed: another process would have other nanoseconds of
    CPU and wait time, and threads start and end only while one runs.
    """
    pid = last.qemu.pid
    tasks: list[_Task] = []
    changed = False
    for task in last.tasks:
        schedstat = _schedstat(source, pid, task.tid)
        if schedstat == task.schedstat and schedstat not in NO_SCHEDSTAT:
            tasks.append(task)
            continue
        changed = True
        now = _task(source, pid, task.tid, schedstat)
        if now is not None:
            tasks.append(now)
    if not changed and tasks:
        return replace(last, passes=last.passes + 1)
    data = read_optional(source, f"/proc/{pid}/stat")
    stat = None if data is None else parse_stat(data)
    if stat is None or stat.start_ticks != last.qemu.start_ticks:
        return None
    alive = tasks
    if len(tasks) != len(last.tasks) or stat.threads != len(tasks):
        listed = _listed(source, pid, tasks)
        if listed is None:
            return None
        alive = listed
    ended_wakeups, ended_wait_ns = last.ended_wakeups, last.ended_wait_ns
    if alive is not tasks:
        alive_tids = {task.tid for task in alive}
        ended = [task for task in last.tasks if task.tid not in alive_tids]
        ended_wakeups += sum(task.wakeups for task in ended)
        ended_wait_ns += sum(task.wait_ns or 0 for task in ended)
    # While it was counted whole, what its ended threads did went into the sums alone.
    wakeups = sum(task.wakeups for task in alive)
    ended_wakeups = max(ended_wakeups, last.qemu.wakeups - wakeups)
    waited_ns = sum(task.wait_ns or 0 for task in alive)
    before_ns = round((last.qemu.wait_seconds or 0.0) * NANOSECONDS)
    ended_wait_ns = max(ended_wait_ns, before_ns - waited_ns)
    threads = tuple(task.tid for task in alive)
    qemu = Qemu(
        last.qemu.uuid,
        pid,
        last.qemu.start_ticks,
        last.qemu.devices,
        max(stat.cpu_seconds, last.qemu.cpu_seconds),
        ended_wakeups + wakeups,
        _wait_seconds(ended_wait_ns, alive),
        threads,
    )
    passes = last.passes + 1 if threads == last.qemu.threads else 0
    return _Tracked(qemu, tuple(alive), ended_wakeups, ended_wait_ns, passes)


def _first(source: Source, domid: int, uuid: str, pid: int) -> _Tracked | None:
    """The process as the domain's QEMU, `None` when it is another one or has ended."""
    data = read_optional(source, f"/proc/{pid}/stat")
    argv = _arguments(source, pid)
    if data is None or device_model_of(argv) != domid:
        return None
    tasks = _listed(source, pid, ())
    if tasks is None:
        return None
    stat = parse_stat(data)
    qemu = Qemu(
        uuid,
        pid,
        stat.start_ticks,
        emulated_devices(argv),
        stat.cpu_seconds,
        sum(task.wakeups for task in tasks),
        _wait_seconds(0, tasks),
        tuple(task.tid for task in tasks),
    )
    return _Tracked(qemu, tuple(tasks), 0, 0)


def _wait_seconds(ended_wait_ns: int, tasks: Iterable[_Task]) -> float | None:
    waits = [task.wait_ns for task in tasks if task.wait_ns is not None]
    return (ended_wait_ns + sum(waits)) / NANOSECONDS if waits else None


def _listed(source: Source, pid: int, read_already: Iterable[_Task]) -> list[_Task] | None:
    """The present threads, `None` when the process has ended.

    Threads already read in this pass are not read again. The listing is repeated after the reads:
    a thread started in between would be missed for as long as its creator sleeps.
    """
    tasks = {task.tid: task for task in read_already}
    directory = f"/proc/{pid}/task"
    names: tuple[str, ...] = ()
    for _ in range(LISTINGS):
        listed = list_optional(source, directory)
        if listed is None:
            return None
        before, names = names, listed
        if names == before:
            break
        for tid in map(int, names):
            task = tasks.get(tid) or _task(source, pid, tid, _schedstat(source, pid, tid))
            if task is not None:
                tasks[tid] = task
    return [tasks[tid] for tid in map(int, names) if tid in tasks]


def _schedstat(source: Source, pid: int, tid: int) -> bytes:
    """A thread's schedstat as read; empty where the file is missing."""
    return read_optional(source, _schedstat_path(pid, tid)) or b""


def _schedstat_path(pid: int, tid: int) -> str:
    return f"/proc/{pid}/task/{tid}/schedstat"


def _schedstats(memory: _Memory) -> Iterator[str]:
    """The files that are read in every pass of every thread of those not counted whole."""
    for domid, known in memory.tracked.items():
        if domid not in memory.whole:
            yield from (_schedstat_path(known.qemu.pid, task.tid) for task in known.tasks)


def _task(source: Source, pid: int, tid: int, schedstat: bytes) -> _Task | None:
    """A thread as it is now, `None` when it has ended."""
    status = read_optional(source, f"/proc/{pid}/task/{tid}/status")
    if status is None:
        return None
    return _Task(tid, schedstat, voluntary_switches(status), waited_ns(schedstat))


def _look_up(source: Source, absent: Mapping[int, _Absence]) -> tuple[dict[int, _Tracked], bool]:
    """QEMUs of new domains by their PIDs in xenstore, and whether xenstored answered."""
    new = [domid for domid, absence in absent.items() if absence.passes < LOOKUP_PASSES]
    found: dict[int, _Tracked] = {}
    for domid in new[:LOOKUPS_MAX]:
        try:
            pid = _pid_in_xenstore(source, domid)
        except SourceError:
            return found, False
        first = _first(source, domid, absent[domid].uuid, pid) if pid is not None else None
        if first is not None:
            found[domid] = first
    return found, True


def _pid_in_xenstore(source: Source, domid: int) -> int | None:
    for key in PID_KEYS:
        value = read_key(source, f"/local/domain/{domid}/{key}")
        if value is not None and _NUMBER.match(value.decode("ascii", "replace")):
            return int(value)
    return None


def _search(source: Source, tracked: Iterable[int]) -> list[tuple[int, int]]:
    """(domid, pid) of every device model among the processes that are not `tracked`."""
    skipped = set(tracked)
    found = []
    for name in source.listdir("/proc"):
        if _NUMBER.match(name) and int(name) not in skipped:
            domid = device_model_of(_arguments(source, int(name)))
            if domid is not None:
                found.append((domid, int(name)))
    return found


def _arguments(source: Source, pid: int) -> tuple[str, ...]:
    """A process's arguments; none where they cannot be read or cannot be a QEMU's."""
    try:
        data = source.read(f"/proc/{pid}/cmdline", CMDLINE_MAX)
    except SourceError:
        return ()
    return arguments(data) if b"qemu" in data else ()


QEMUS = Probe(
    name="qemus",
    reads="taskstats of the QEMUs of guests, /proc/PID/stat and "
    "/proc/PID/task/TID/{schedstat,status} of those that start and end threads",
    advice="run as root: the processes of other users may be hidden",
    read=read,
    memory=_Memory({}, {}, None),
    events=frozenset({DOMAIN_SETTLED}),
    capabilities=TASKSTATS,
)
