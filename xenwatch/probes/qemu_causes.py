"""What wakes the QEMUs of guests: timers, or descriptors with something to read or write."""

from __future__ import annotations

from collections.abc import Mapping

from xenwatch.parse.hist import DIRECTORIES, EVENT, INSTANCE, Hist, parse_hist
from xenwatch.probes.base import Probe
from xenwatch.probes.xen import read_optional, require_dom0
from xenwatch.readings_qemu import Causes, Qemus, WakeupsByCause
from xenwatch.snapshot import Snapshot
from xenwatch.sources.base import Source, SourceError

Counts = Mapping[int, tuple[int, int]]


def read(source: Source, previous: Snapshot) -> WakeupsByCause:
    """Causes by domid. Raises `NotApplicable`, `SourceError` and `ParseError`."""
    require_dom0(source)
    qemus: Qemus | None = previous.last("qemus")
    if qemus is None:
        raise SourceError("threads of the QEMUs", "not known, or not yet, to the probe qemus")
    counts = _counts(parse_hist(_histogram(source)))
    last: WakeupsByCause = previous.last("qemu_wakeups_by_cause") or WakeupsByCause({}, {})
    by_domid = {}
    for domid, qemu in qemus.by_domid.items():
        was = last.by_domid.get(domid)
        if was is None or was.uuid != qemu.uuid:
            was = Causes(qemu.uuid, 0, 0)
        new = [_new(counts, last.counts, task.tid) for task in qemu.tasks]
        by_domid[domid] = Causes(
            qemu.uuid,
            was.timer + sum(timer for timer, _ in new),
            was.io + sum(io for _, io in new),
        )
    return WakeupsByCause(by_domid, counts)


def _histogram(source: Source) -> bytes:
    for directory in DIRECTORIES:
        data = read_optional(source, f"{directory}/{INSTANCE}/{EVENT}/hist")
        if data is not None:
            return data
    raise SourceError(f"{DIRECTORIES[0]}/{INSTANCE}", "not set up: the running daemon does that")


def _counts(hist: Hist) -> Counts:
    """Returns of poll by thread: for a time that was up, and for descriptors ready."""
    if hist.dropped:
        raise SourceError("histogram of poll calls", f"full: {hist.dropped} returns were not kept")
    counts: dict[int, tuple[int, int]] = {}
    for row in hist.rows:
        keys = dict(row.keys)
        tid, ret = keys.get("common_pid", 0), keys.get("ret", -1)
        timer, io = counts.get(tid, (0, 0))
        if ret == 0:
            counts[tid] = (timer + row.hits, io)
        elif ret > 0:
            counts[tid] = (timer, io + row.hits)
    return counts


def _new(counts: Counts, last: Counts, tid: int) -> tuple[int, int]:
    """What a thread's counts rose by; a histogram that was set up anew began at 0."""
    now, then = counts.get(tid, (0, 0)), last.get(tid, (0, 0))
    if now[0] < then[0] or now[1] < then[1]:
        return now
    return now[0] - then[0], now[1] - then[1]


QEMU_WAKEUPS_BY_CAUSE = Probe(
    name="qemu_wakeups_by_cause",
    reads="tracefs: the returns of ppoll by thread and value, counted by the kernel",
    advice="needs a running daemon, tracefs and a kernel with CONFIG_HIST_TRIGGERS; the unit has "
    "to allow it: ReadWritePaths=/sys/kernel/tracing/instances",
    read=read,
    enabled=False,
)
