"""dom0's virtual CPUs: what they do, and how much of it waits for other domains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.parse import cpustat
from xenwatch.parse.process import TICKS
from xenwatch.probes.base import Probe
from xenwatch.probes.xen import require_dom0
from xenwatch.readings.dom0_cpus import Dom0Cpus
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source
from xenwatch.values import dataclass

STAT: Final = "/proc/stat"
LOAD: Final = "/proc/loadavg"
WINDOW: Final = 300.0
"""Seconds over which the part stolen is taken."""
_STEAL: Final = "steal"

Seconds = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class _Sample:
    """How many CPUs there were, their time in all modes, and the part of it that was stolen."""

    cpus: int
    total: float
    stolen: float


@dataclass(frozen=True, slots=True)
class _Memory:
    """The samples of the last minutes, and one that is older, if any."""

    samples: tuple[_Sample, ...] = ()


def read(source: Source, context: Snapshot, memory: _Memory) -> tuple[Dom0Cpus, _Memory]:
    """Times of dom0's virtual CPUs. Raises `NotApplicable`, `SourceError` and `ParseError`."""
    require_dom0(source, context)
    rows = cpustat.parse_cpu_stat(source.read(STAT))
    seconds = {
        name.removeprefix("cpu"): dict(
            zip(cpustat.MODES, (ticks / TICKS for ticks in numbers), strict=False)
        )
        for name, numbers in rows.items()
        if name.startswith("cpu") and name != "cpu"
    }
    samples = _window(memory.samples, _sample(seconds))
    reading = Dom0Cpus(
        seconds,
        cpustat.parse_load(source.read(LOAD)),
        _single(rows, "procs_running"),
        _single(rows, "procs_blocked"),
        dict(zip(cpustat.SOFTIRQS, rows.get("softirq", ())[1:], strict=False)),
        _stolen(samples),
    )
    return reading, _Memory(samples)


def _single(rows: Mapping[str, tuple[int, ...]], name: str) -> int | None:
    return rows[name][0] if name in rows else None


def _sample(seconds: Seconds) -> _Sample | None:
    """What the CPUs have done; `None` where the kernel counts no stolen time (before 2.6.11)."""
    if not seconds or any(_STEAL not in modes for modes in seconds.values()):
        return None
    total = sum(sum(modes.values()) for modes in seconds.values())
    return _Sample(len(seconds), total, sum(modes[_STEAL] for modes in seconds.values()))


def _window(samples: tuple[_Sample, ...], now: _Sample | None) -> tuple[_Sample, ...]:
    """The samples up to now; the CPUs' own time tells how old each is."""
    if now is None:
        return ()
    last = samples[-1] if samples else now
    if last.cpus != now.cpus or last.total > now.total or last.stolen > now.stolen:
        return (now,)  # a CPU came or went, or dom0 has booted
    inside = [one for one in samples if now.total - one.total < WINDOW * now.cpus]
    before = samples[: len(samples) - len(inside)][-1:]
    return (*before, *inside, now)


def _stolen(samples: tuple[_Sample, ...]) -> float | None:
    if not samples or samples[-1].total <= samples[0].total:
        return None
    first, last = samples[0], samples[-1]
    return (last.stolen - first.stolen) / (last.total - first.total)


DOM0_CPUS = Probe(
    name="dom0_cpus",
    reads=f"{STAT}, {LOAD}",
    advice="mount procfs",
    read=read,
    memory=_Memory(),
)
