"""The QEMUs of guests: found once, then read at the cost of little more than a pread each.

A process is known by pid and start time, so that a number that was used again never counts.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Final

from xenwatch.parse.process import parse_schedstat, parse_stat
from xenwatch.parse.qemu import arguments, device_model_of, emulated_devices
from xenwatch.parse.text import voluntary_switches
from xenwatch.probes.base import DOMAIN_SETTLED, Probe
from xenwatch.probes.domains import list_domains
from xenwatch.probes.xen import read_optional, require_dom0
from xenwatch.probes.xenstore import read_key
from xenwatch.readings_qemu import Absence, Qemu, Qemus, Task
from xenwatch.snapshot import Snapshot
from xenwatch.sources.base import Source, SourceError

PID_KEYS: Final = ("image/device-model-pid", "qemu-pid")
"""Below a domain's xenstore directory: the QEMU's pid as xl and xapi, and as xapi alone, has it."""
ASKED_PASSES: Final = 5
"""How many passes xenstore is asked for a domain's QEMU, which starts after its domain."""
SEARCH_EVERY: Final = 10
"""After how many passes all of /proc is searched again for domains without a known QEMU."""
ASKED_AT_ONCE: Final = 16
"""Domains whose QEMU xenstore is asked for in one pass."""
LISTINGS: Final = 3
"""How often the threads of one process are listed in a pass, until they stay the same."""
CMDLINE_MAX: Final = 1 << 16
NO_SCHEDSTAT: Final = frozenset({b"", b"0 0 0\n"})
"""What schedstat says of a thread that never ran, or where the kernel keeps no such numbers."""
_NUMBER = re.compile(r"[0-9]{1,10}\Z")
_THREADS, _START = 16, 18
"""Places of num_threads and starttime among the numbers behind the state (proc(5))."""
_NANOSECONDS: Final = 1e9


def read(source: Source, previous: Snapshot) -> Qemus:
    """The QEMUs by domid. Raises `NotApplicable`, `SourceError` and `ParseError`."""
    require_dom0(source)
    last: Qemus = previous.last("qemus") or Qemus({}, {})
    found: dict[int, Qemu] = {}
    absent: dict[int, Absence] = {}
    for domid, uuid in _wanted(source, previous).items():
        known = last.by_domid.get(domid)
        qemu = _again(source, known) if known is not None and known.uuid == uuid else None
        if qemu is not None:
            found[domid] = qemu
            continue
        was = last.absent.get(domid)
        passes = was.passes + 1 if was is not None and was.uuid == uuid else 0
        absent[domid] = Absence(uuid, passes)
    for domid, qemu in _look_for(source, absent, {it.pid for it in found.values()}):
        found[domid] = qemu
        del absent[domid]
    return Qemus(dict(sorted(found.items())), absent)


def _wanted(source: Source, previous: Snapshot) -> Mapping[int, str]:
    """UUIDs by domid of the domains that may have a QEMU."""
    domains = previous.domains.domains if previous.domains is not None else list_domains(source)
    return {
        domain.domid: domain.uuid
        for domain in domains
        if domain.domid and domain.type in ("hvm", None) and domain.state != "dying"
    }


def _again(source: Source, known: Qemu) -> Qemu | None:
    """A known QEMU as it is now, `None` when it has ended.

    When no thread has run, nothing has changed: no other process has had the very nanoseconds of
    CPU time and of waiting, and no thread begins or ends without one that runs.
    """
    seen = [_schedstat(source, known.pid, task.tid) for task in known.tasks]
    if all(map(_has_not_run, known.tasks, seen)):
        return known
    data = read_optional(source, f"/proc/{known.pid}/stat")
    if data is None:
        return None
    stat = parse_stat(data)
    if stat.numbers[_START] != known.start_ticks:
        return None
    tasks = [
        task if _has_not_run(task, schedstat) else _task(source, known.pid, task.tid, schedstat)
        for task, schedstat in zip(known.tasks, seen, strict=True)
    ]
    alive = tuple(task for task in tasks if task is not None)
    if len(alive) != len(tasks) or stat.numbers[_THREADS] != len(tasks):
        alive = _listed(source, known.pid, alive)
    living = {task.tid for task in alive}
    ended = [task for task in known.tasks if task.tid not in living]
    return _summed(
        dataclasses.replace(
            known,
            cpu_seconds=stat.cpu_seconds,
            ended_wakeups=known.ended_wakeups + sum(task.wakeups for task in ended),
            ended_wait_ns=known.ended_wait_ns + sum(map(_wait_ns, ended)),
            tasks=alive,
        )
    )


def _first(source: Source, domid: int, uuid: str, pid: int) -> Qemu | None:
    """The process as the domain's QEMU, `None` when it is not that, or is gone."""
    data = read_optional(source, f"/proc/{pid}/stat")
    argv = _arguments(source, pid)
    if data is None or device_model_of(argv) != domid:
        return None
    stat = parse_stat(data)
    return _summed(
        Qemu(
            uuid=uuid,
            pid=pid,
            start_ticks=stat.numbers[_START],
            devices=emulated_devices(argv),
            cpu_seconds=stat.cpu_seconds,
            wakeups=0,
            wait_seconds=None,
            tasks=_listed(source, pid, ()),
        )
    )


def _summed(qemu: Qemu) -> Qemu:
    """The QEMU with its sums made from its threads."""
    told = any(task.schedstat not in NO_SCHEDSTAT for task in qemu.tasks)
    wait_ns = qemu.ended_wait_ns + sum(map(_wait_ns, qemu.tasks))
    return dataclasses.replace(
        qemu,
        wakeups=qemu.ended_wakeups + sum(task.wakeups for task in qemu.tasks),
        wait_seconds=wait_ns / _NANOSECONDS if told else None,
    )


def _wait_ns(task: Task) -> int:
    return 0 if task.schedstat in NO_SCHEDSTAT else parse_schedstat(task.schedstat).wait_ns


def _listed(source: Source, pid: int, read_already: Iterable[Task]) -> tuple[Task, ...]:
    """The threads there are now; those read already in this pass are not read again.

    Listed again after they were read: one that began in between would be missed for as long as
    the thread that made it sleeps.
    """
    tasks = {task.tid: task for task in read_already}
    directory = f"/proc/{pid}/task"
    names: tuple[str, ...] = ()
    for _ in range(LISTINGS):
        before, names = names, source.listdir(directory)
        if names == before:
            break
        for tid in map(int, names):
            task = tasks.get(tid) or _task(source, pid, tid, _schedstat(source, pid, tid))
            if task is not None:
                tasks[tid] = task
    return tuple(tasks[tid] for tid in map(int, names) if tid in tasks)


def _schedstat(source: Source, pid: int, tid: int) -> bytes:
    """A thread's schedstat as it reads; nothing where there is no such file."""
    return read_optional(source, f"/proc/{pid}/task/{tid}/schedstat") or b""


def _has_not_run(task: Task, schedstat: bytes) -> bool:
    """Whether a thread has not run since its schedstat was read last."""
    return schedstat == task.schedstat and schedstat not in NO_SCHEDSTAT


def _task(source: Source, pid: int, tid: int, schedstat: bytes) -> Task | None:
    """A thread as it is now, `None` when it has ended."""
    status = read_optional(source, f"/proc/{pid}/task/{tid}/status")
    return None if status is None else Task(tid, schedstat, voluntary_switches(status))


def _look_for(
    source: Source, absent: Mapping[int, Absence], taken: Iterable[int]
) -> list[tuple[int, Qemu]]:
    """QEMUs of domains that have none known: from xenstore's pid, and now and then from /proc."""
    new = [domid for domid, it in absent.items() if it.passes < ASKED_PASSES]
    found: dict[int, Qemu] = {}
    for domid in new[:ASKED_AT_ONCE]:
        pid = _told_pid(source, domid)
        qemu = _first(source, domid, absent[domid].uuid, pid) if pid is not None else None
        if qemu is not None:
            found[domid] = qemu
    if any(it.passes % SEARCH_EVERY == 0 for domid, it in absent.items() if domid not in found):
        known = {*taken, *(qemu.pid for qemu in found.values())}
        for domid, pid in _search(source, known):
            if domid in absent and domid not in found:
                qemu = _first(source, domid, absent[domid].uuid, pid)
                if qemu is not None:
                    found[domid] = qemu
    return list(found.items())


def _told_pid(source: Source, domid: int) -> int | None:
    """The pid xenstore has; when xenstored does not answer, /proc is searched all the same."""
    try:
        for key in PID_KEYS:
            value = read_key(source, f"/local/domain/{domid}/{key}")
            if value is not None and _NUMBER.match(value.decode("ascii", "replace")):
                return int(value)
    except SourceError:
        pass
    return None


def _search(source: Source, known: Iterable[int]) -> list[tuple[int, int]]:
    """(domid, pid) of every device model among the processes that are not `known`."""
    passed_over = set(known)
    found = []
    for name in source.listdir("/proc"):
        if _NUMBER.match(name) and int(name) not in passed_over:
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
    reads="/proc/PID/stat and /proc/PID/task/TID/{schedstat,status} of the QEMUs of guests",
    advice="run as root: the processes of other users may be hidden",
    read=read,
    events=frozenset({DOMAIN_SETTLED}),
)
