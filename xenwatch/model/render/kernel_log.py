"""Boot messages of the kernel log, as `/dev/kmsg` records or as `dmesg` prints them."""

from __future__ import annotations

from collections.abc import Iterable

from xenwatch.parse.kernel_log import KernelLog
from xenwatch.parse.oom import Kill
from xenwatch.values import dataclass

_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class LogLine:
    """One message: microseconds since boot and text."""

    time: int
    text: str


def boot_lines(release: str, facts: KernelLog) -> tuple[LogLine, ...]:
    """The lines of a boot by which a reader learns these facts, and no others."""
    lines = []
    if facts.complete:
        lines.append(LogLine(0, f"Linux version {release} (builder@host) #1 SMP"))
    if facts.nr_irqs is not None:
        numbers = f"NR_IRQS: {facts.nr_irqs}, nr_irqs: 440, preallocated irqs: 16"
        lines.append(LogLine(1_759_965, numbers))
    if facts.fifo is not None:
        abi = "FIFO-based" if facts.fifo else "2-level"
        lines.append(LogLine(1_762_981, f"xen:events: Using {abi} ABI"))
    return tuple(lines)


def kill_line(kill: Kill) -> LogLine:
    """The line of a kill by the OOM killer (mm/oom_kill.c, __oom_kill_process, of Linux 6.1)."""
    text = (
        f"Out of memory: Killed process 4711 ({kill.comm}) total-vm:812344kB, anon-rss:402132kB, "
        "file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:1024kB oom_score_adj:0"
    )
    return LogLine(round(kill.seconds * _MICROSECONDS), text)


def render_dmesg(lines: Iterable[LogLine]) -> bytes:
    """The lines as dmesg(1) prints them."""
    text = "".join(
        f"[{line.time // _MICROSECONDS:5}.{line.time % _MICROSECONDS:06}] {line.text}\n"
        for line in lines
    )
    return text.encode()


def render_kmsg(lines: Iterable[LogLine], first: int = 0, limit: int | None = None) -> bytes:
    """The lines as records of `/dev/kmsg` (Documentation/ABI/testing/dev-kmsg), priority info.

    Those from the number `first` on, until they are `limit` bytes or more.
    """
    log = bytearray()
    for number, line in enumerate(lines):
        if limit is not None and len(log) >= limit:
            break
        if number >= first:
            log += f"6,{number},{line.time},-;{line.text}\n".encode("utf-8", "surrogateescape")
    return bytes(log)
