"""What dom0's kernel does when memory runs out: OOM kills, stalls, swapping, fragmentation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from errno import EOPNOTSUPP
from typing import Final

from xenwatch.parse import buddyinfo
from xenwatch.parse.cgroup import parse_flat, parse_pressure
from xenwatch.parse.oom import Kill, parse_kills
from xenwatch.parse.text import uptime
from xenwatch.probes.base import SYSLOG, Probe
from xenwatch.probes.processes import ROLES
from xenwatch.probes.window import Samples, extended, rate
from xenwatch.probes.xen import read_optional
from xenwatch.readings.memory_pressure import MemoryPressure, Stalled
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source, SourceError
from xenwatch.values import dataclass

VMSTAT: Final = "/proc/vmstat"
PRESSURE: Final = "/proc/pressure/memory"
KMSG: Final = "/dev/kmsg"
STALLS: Final = "allocstall"
"""One counter up to Linux 4.7, then one for each zone, as `allocstall_normal` (mm/vmstat.c)."""
RECENT: Final = 3600.0
"""Seconds for which a kill is recent."""
UNKNOWN: Final = "unknown"
"""The victim of a kill that no record names."""
KEPT: Final = 64
"""Most kills kept: what is killed more often is known by then."""
_MICROSECONDS: Final = 1e6
_HUNDREDTHS: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Memory:
    """The OOM kills counted so far and the recent ones, and pages swapped in by uptime."""

    counted: int | None
    kills: tuple[Kill, ...]
    swapped: Samples


def read(source: Source, _context: Snapshot, memory: _Memory) -> tuple[MemoryPressure, _Memory]:
    """The counters. Raises `SourceError` and `ParseError`."""
    numbers = parse_flat(VMSTAT, source.read(VMSTAT))
    now = uptime(source.read("/proc/uptime"))
    counted = numbers.get("oom_kill")
    kills = tuple(
        kill for kill in _kills(source, counted, now, memory) if kill.seconds > now - RECENT
    )
    pages = numbers.get("pswpin")
    swapped = () if pages is None else extended(memory.swapped, now, pages)
    stalls = [n for name, n in numbers.items() if name.partition("_")[0] == STALLS]
    reading = MemoryPressure(
        counted,
        sum(stalls) if stalls else None,
        pages,
        numbers.get("pswpout"),
        rate(swapped),
        dict(Counter(_victim(kill.comm) for kill in kills)),
        _stalled(source),
        _free_blocks(source),
    )
    return reading, _Memory(counted, kills[-KEPT:], swapped)


def _kills(source: Source, counted: int | None, now: float, memory: _Memory) -> Sequence[Kill]:
    """The kills known, with those since the last run, which the kernel log names where it can.

    The log is read only after the counter has risen; at the first run it tells the kills before.
    """
    if not counted or counted <= (memory.counted or 0):
        return memory.kills
    try:
        logged = parse_kills(source.read(KMSG))
    except SourceError:
        logged = ()
    if memory.counted is None:
        return logged[-counted:]
    new = counted - memory.counted
    last = memory.kills[-1].seconds if memory.kills else 0.0
    named = [kill for kill in logged if kill.seconds > last][-new:]
    unnamed = [Kill(now, UNKNOWN)] * min(new - len(named), KEPT)
    return (*memory.kills, *named, *unnamed)


def _victim(comm: str) -> str:
    return next((role for role, comms in ROLES.items() if comm in comms), comm)


def _stalled(source: Source) -> Mapping[str, Stalled]:
    """PSI of memory; empty where the kernel has none, or does not account it."""
    try:
        data = source.read(PRESSURE)
    except SourceError as error:
        if error.missing or error.errno == EOPNOTSUPP:
            return {}
        raise
    return {
        row.kind: Stalled(row.averages[2] / _HUNDREDTHS, row.total_us / _MICROSECONDS)
        for row in parse_pressure(PRESSURE, data)
    }


def _free_blocks(source: Source) -> Mapping[tuple[int, str, int], int]:
    data = read_optional(source, buddyinfo.PATH)
    return {
        (row.node, row.zone, order): count
        for row in (() if data is None else buddyinfo.parse_buddyinfo(data))
        for order, count in enumerate(row.counts)
    }


MEMORY_PRESSURE = Probe(
    name="memory_pressure",
    reads=f"{VMSTAT}, /proc/uptime, {buddyinfo.PATH}, {PRESSURE}; after an OOM kill {KMSG}",
    advice="mount procfs",
    read=read,
    memory=_Memory(None, (), ()),
    capabilities=SYSLOG,
)
