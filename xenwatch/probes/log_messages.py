"""Messages of trouble in the kernel log and in Xen's console, each read from where it was left."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from xenwatch.display.text import printable
from xenwatch.errors.kinds import KERNEL, XEN, kinds_of
from xenwatch.errors.pattern import found_in
from xenwatch.parse.domaininfo import Layout
from xenwatch.parse.kmsg import parse_kmsg
from xenwatch.parse.text import uptime
from xenwatch.parse.xen_console import own_lines, parse_readconsole, readconsole_call
from xenwatch.probes.base import SYSLOG, NotApplicable, Probe
from xenwatch.probes.domains import this_layout
from xenwatch.probes.xen import require_dom0
from xenwatch.readings.log_messages import LastMessage, LogMessages
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import READ_LIMIT, Source, SourceError
from xenwatch.values import dataclass

UPTIME: Final = "/proc/uptime"
RECENT: Final = 900.0
"""Seconds for which a message is recent."""
BOOT: Final = 300.0
"""Seconds since boot whose messages are never recent when they are found in the log later.

Kernels print of clocks and hardware errors while they boot, on healthy hosts too.
"""
RUN_LIMIT: Final = 256 << 10
"""Bytes of records that are read in one run, but in the first, which reads the whole log."""
CALLS: Final = 64
"""Most calls for text of Xen's console in one run: 2 MiB."""
SHOWN: Final = 200
"""Characters of a message that are kept."""
_TAIL: Final = 4096
"""Bytes kept of a line that is not complete yet."""
_WRAP: Final = 1 << 32

Line = tuple[float | None, str]
"""Seconds since boot, `None` where the log does not say, and the text."""


@dataclass(frozen=True, slots=True)
class _Tally:
    """What was found so far. `recent` is (seconds since boot, kind, messages) in turn."""

    counted: Mapping[str, int]
    earlier: Mapping[str, int]
    recent: tuple[tuple[float, str, int], ...]
    last: Mapping[str, LastMessage]
    lost: int


@dataclass(frozen=True, slots=True)
class _News:
    """What a run found in a log: lines, and how much was lost.

    `now` is seconds since boot, `instant` the same by our own monotonic clock, if known.
    """

    log: str
    lines: Sequence[Line]
    lost: int
    now: float
    instant: float | None


@dataclass(frozen=True, slots=True)
class _Memory:
    """Where the log was left: a record's number or an index of the ring; a line's beginning.

    Without a tally the log was not read yet.
    """

    after: int
    tail: bytes = b""
    tally: _Tally | None = None


def read_kernel_log(
    source: Source, context: Snapshot, memory: _Memory
) -> tuple[LogMessages, _Memory]:
    """Messages of dom0's kernel. Raises `NotApplicable`, `SourceError` and `ParseError`."""
    first = memory.tally is None
    now = uptime(source.read(UPTIME))
    try:
        log = source.kernel_log(memory.after, READ_LIMIT if first else RUN_LIMIT)
    except SourceError as error:
        if error.errno == errno.EINVAL:
            raise NotApplicable("Linux before 3.5 does not let /dev/kmsg be read") from error
        raise
    records = [record for record in parse_kmsg(log) if record.number > memory.after]
    numbers = [record.number for record in records]
    lost = _skipped(numbers if first else [memory.after, *numbers])
    lines = [(record.seconds if first else now, record.text) for record in records if record.own]
    tally = _added(memory.tally, _News(KERNEL, lines, lost, now, _instant(context)))
    return _reading(tally), _Memory(max([memory.after, *numbers]), tally=tally)


def read_xen_console(
    source: Source, context: Snapshot, memory: _Memory
) -> tuple[LogMessages, _Memory]:
    """Messages of Xen. Raises `NotApplicable`, `SourceError` and `ParseError`."""
    require_dom0(source, context)
    now = uptime(source.read(UPTIME))
    layout = this_layout(source)
    first = memory.tally is None
    lines: list[Line] = []
    index, tail, lost = memory.after, memory.tail, 0
    for number in range(CALLS):
        text, end = _console(source, layout, index)
        begin = (end - len(text)) % _WRAP
        gap = (begin - index) % _WRAP
        if gap:
            # What is behind the gap may begin in the middle of a line.
            tail, text = b"", text.partition(b"\n")[2]
            lost += 0 if first and number == 0 else gap
        whole, newline, rest = (tail + text).rpartition(b"\n")
        tail = rest[:_TAIL] if newline else (tail + text)[:_TAIL]
        lines += [(None if first else now, line) for line in own_lines(whole)]
        index = end
        if begin == end:
            break
    tally = _added(memory.tally, _News(XEN, lines, lost, now, _instant(context)))
    return _reading(tally), _Memory(index, tail, tally)


def _console(source: Source, layout: Layout, index: int) -> tuple[bytes, int]:
    """Text of the ring from an index on, and the index behind it."""
    reply = source.hypercall(readconsole_call(layout, index))
    if reply.result < 0:
        raise SourceError.from_number("XEN_SYSCTL_readconsole", -reply.result)
    found = parse_readconsole(reply.block)
    return found.text, found.index


def _skipped(numbers: Sequence[int]) -> int:
    """How many numbers are missing between the first and the last."""
    return numbers[-1] - numbers[0] + 1 - len(numbers) if numbers else 0


def _added(before: _Tally | None, news: _News) -> _Tally:
    """The tally with more lines."""
    now = news.now
    kinds = kinds_of(news.log)
    nothing = {kind.name: 0 for kind in kinds}
    known = before or _Tally(nothing, nothing, (), {}, 0)
    found = Counter[str]()
    recent = Counter[str]()
    last = dict(known.last)
    for seconds, text in news.lines:
        for kind in found_in(text, kinds):
            found[kind.name] += 1
            last[kind.name] = LastMessage(printable(text)[:SHOWN], _printed(seconds, news))
            recent[kind.name] += _is_recent(seconds, now, first=before is None)
    of_late = tuple(entry for entry in known.recent if entry[0] > now - RECENT)
    return _Tally(
        known.counted if before is None else _sum(known.counted, found),
        _sum(known.earlier, found) if before is None else known.earlier,
        (*of_late, *((now, name, count) for name, count in recent.items() if count)),
        last,
        known.lost + news.lost,
    )


def _instant(context: Snapshot) -> float | None:
    """Now, as far as it is known: by the latest reading, if there is one."""
    return context.instant if context.time else None


def _printed(seconds: float | None, news: _News) -> float | None:
    """The instant at which a line was printed, as far as it is known."""
    if seconds is None or news.instant is None:
        return None
    return news.instant - (news.now - seconds)


def _is_recent(seconds: float | None, now: float, *, first: bool) -> bool:
    """Whether a message is recent; of those found in the log, not those of the boot."""
    return not first or (seconds is not None and seconds > max(BOOT, now - RECENT))


def _sum(one: Mapping[str, int], other: Mapping[str, int]) -> Mapping[str, int]:
    return {name: count + other.get(name, 0) for name, count in one.items()}


def _reading(tally: _Tally) -> LogMessages:
    recent = Counter[str]()
    for _, name, count in tally.recent:
        recent[name] += count
    return LogMessages(tally.counted, tally.earlier, dict(recent), tally.last, tally.lost)


KERNEL_LOG: Final = Probe(
    name="kernel_log",
    reads=f"/dev/kmsg from the last record on, {UPTIME}",
    advice="run as root with CAP_SYSLOG and access to /dev/kmsg (in a container: --device "
    "/dev/kmsg; in a unit: DeviceAllow=/dev/kmsg r, ProtectKernelLogs=no)",
    read=read_kernel_log,
    memory=_Memory(-1),
    capabilities=SYSLOG,
)

XEN_CONSOLE: Final = Probe(
    name="xen_console",
    reads=f"XEN_SYSCTL_readconsole from the last index on, through /dev/xen/privcmd; {UPTIME}",
    advice="run as root in dom0 with access to /dev/xen/privcmd",
    read=read_xen_console,
    memory=_Memory(0),
)
