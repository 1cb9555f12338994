"""What wakes the QEMUs of guests: timers, or descriptors with something to read or write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from xenwatch.parse.hist import DIRECTORIES, INSTANCE, IO, POLL, SLEEP, TIMER, Hist, parse_hists
from xenwatch.probes.base import Probe
from xenwatch.probes.xen import read_optional, require_dom0
from xenwatch.readings.qemus import Causes, Qemus, WakeupsByCause
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source, SourceError

Counts = Mapping[int, tuple[int, int]]


def read(source: Source, previous: Snapshot) -> WakeupsByCause:
    """Causes by domid. Raises `NotApplicable`, `SourceError` and `ParseError`."""
    require_dom0(source)
    qemus: Qemus | None = previous.last("qemus")
    if qemus is None:
        raise SourceError("threads of the QEMUs", "not known, or not yet, to the probe qemus")
    _whole(parse_hists(_histograms(source, SLEEP)))
    counts = _counts(parse_hists(_histograms(source, POLL)))
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


def _histograms(source: Source, event: str) -> bytes:
    for directory in DIRECTORIES:
        data = read_optional(source, f"{directory}/{INSTANCE}/{event}/hist")
        if data is not None:
            return data
    raise SourceError(f"{DIRECTORIES[0]}/{INSTANCE}", "not set up: the running daemon does that")


def _whole(hists: Iterable[Hist]) -> Iterable[Hist]:
    """The same, none of which has lost anything. Raises `SourceError`."""
    for hist in hists:
        if hist.dropped:
            reason = f"full: {hist.dropped} hits were not kept; it is made anew within the hour"
            raise SourceError("histogram of QEMU's polls", reason)
    return hists


def _counts(hists: Iterable[Hist]) -> Counts:
    """Polls that were slept in, by thread: until the time was up, or a descriptor was ready."""
    by_cause = {
        cause: {dict(row.keys).get("common_pid", 0): row.hits for row in hist.rows}
        for hist in _whole(hists)
        for cause in (TIMER, IO)
        if f":{cause}=" in hist.trigger
    }
    timer, io = by_cause.get(TIMER, {}), by_cause.get(IO, {})
    return {tid: (timer.get(tid, 0), io.get(tid, 0)) for tid in timer.keys() | io.keys()}


def _new(counts: Counts, last: Counts, tid: int) -> tuple[int, int]:
    """What a thread's counts rose by; a histogram that was set up anew began at 0."""
    now, then = counts.get(tid, (0, 0)), last.get(tid, (0, 0))
    if now[0] < then[0] or now[1] < then[1]:
        return now
    return now[0] - then[0], now[1] - then[1]


QEMU_WAKEUPS_BY_CAUSE = Probe(
    name="qemu_wakeups_by_cause",
    reads="tracefs: the returns of ppoll that a thread slept in, counted by the kernel",
    advice="needs a running daemon, tracefs and a kernel with CONFIG_HIST_TRIGGERS; the unit has "
    "to allow it: ReadWritePaths=/sys/kernel/tracing/instances",
    read=read,
    enabled=False,
)
