"""What wakes the QEMUs of guests: timers, or descriptors with something to read or write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from xenwatch.parse.hist import Hist, parse_hists
from xenwatch.probes.base import Probe
from xenwatch.probes.xen import read_optional, require_dom0
from xenwatch.readings.qemus import Causes, Qemus, WakeupsByCause
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source, SourceError
from xenwatch.sources.histograms import DIRECTORIES, INSTANCE, IO, POLL, SLEEP, TIMER
from xenwatch.values import dataclass

Counts = Mapping[int, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Memory:
    """The QEMUs last read, their causes so far by domid and UUID, the kernel's counts by thread.

    `qemus` are used while the probe qemus fails.
    """

    qemus: Qemus | None
    causes: Mapping[tuple[int, str], Causes]
    counts: Counts


def read(source: Source, context: Snapshot, memory: _Memory) -> tuple[WakeupsByCause, _Memory]:
    """Causes by domid. Raises `NotApplicable`, `SourceError` and `ParseError`."""
    require_dom0(source, context)
    qemus = context.qemus or memory.qemus
    if qemus is None:
        raise SourceError("threads of the QEMUs", "not read yet by the probe qemus")
    _complete(parse_hists(_histograms(source, SLEEP)))
    counts = _counts(parse_hists(_histograms(source, POLL)))
    causes = {}
    for domid, qemu in qemus.by_domid.items():
        was = memory.causes.get((domid, qemu.uuid), Causes(0, 0))
        new = [_new(counts, memory.counts, tid) for tid in qemu.threads]
        causes[domid, qemu.uuid] = Causes(
            was.timer + sum(timer for timer, _ in new), was.io + sum(io for _, io in new)
        )
    by_domid = {domid: found for (domid, _), found in causes.items()}
    return WakeupsByCause(by_domid), _Memory(qemus, causes, counts)


def _histograms(source: Source, event: str) -> bytes:
    for directory in DIRECTORIES:
        data = read_optional(source, f"{directory}/{INSTANCE}/{event}/hist")
        if data is not None:
            return data
    raise SourceError(
        f"{DIRECTORIES[0]}/{INSTANCE}", "not set up; only the running daemon sets it up"
    )


def _complete(hists: Iterable[Hist]) -> Iterable[Hist]:
    """The same histograms. Raises `SourceError` when one has dropped hits."""
    for hist in hists:
        if hist.dropped:
            reason = f"full: {hist.dropped} hits dropped; it is reset within an hour"
            raise SourceError("histogram of QEMU's polls", reason)
    return hists


def _counts(hists: Iterable[Hist]) -> Counts:
    """Polls that slept, by thread: those ended by a timeout, and by a ready descriptor."""
    by_cause = {
        cause: {dict(row.keys).get("common_pid", 0): row.hits for row in hist.rows}
        for hist in _complete(hists)
        for cause in (TIMER, IO)
        if f":{cause}=" in hist.trigger
    }
    timer, io = by_cause.get(TIMER, {}), by_cause.get(IO, {})
    return {tid: (timer.get(tid, 0), io.get(tid, 0)) for tid in timer.keys() | io.keys()}


def _new(counts: Counts, last: Counts, tid: int) -> tuple[int, int]:
    """The increase of a thread's counts; a histogram that was set up again starts at 0."""
    now, then = counts.get(tid, (0, 0)), last.get(tid, (0, 0))
    if now[0] < then[0] or now[1] < then[1]:
        return now
    return now[0] - then[0], now[1] - then[1]


QEMU_WAKEUPS_BY_CAUSE = Probe(
    name="qemu_wakeups_by_cause",
    reads="tracefs histograms of the ppoll calls in which a QEMU slept",
    advice="needs a running daemon, tracefs and a kernel with CONFIG_HIST_TRIGGERS; the unit must "
    "have ReadWritePaths=/sys/kernel/tracing/instances",
    read=read,
    memory=_Memory(None, {}, {}),
    enabled=False,
)
