"""What pages show of the past: of each limit its fullest instance, and the numbers of a VM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from itertools import pairwise
from typing import Final

from xenwatch.exposition.text_format import text
from xenwatch.limits import LIMITS
from xenwatch.limits.base import Thresholds
from xenwatch.limits.states import LimitState, assess
from xenwatch.readings.snapshot import Snapshot
from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """A range of time: its length, and what lies between two points of its charts, in seconds.

    Events are looked for in moments `events_step` seconds apart.
    """

    name: str
    title: str
    seconds: float
    step: float
    events_step: float


SPANS: Final = {
    span.name: span
    for span in (
        Span("1h", "1 h", 3600.0, 60.0, 60.0),
        Span("24h", "24 h", 86400.0, 900.0, 60.0),
        Span("7d", "7 d", 604800.0, 5400.0, 600.0),
    )
}
"""The ranges by name."""


@dataclass(frozen=True, slots=True)
class Use:
    """The fullest instance of a limit at a moment, and used units; bytes or a count.

    `name` is that of its VM as the metrics have it, if it is that of a VM with a name.
    """

    instance: str
    used: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class VmUse:
    """A VM at a moment; `None` where it was not read. Counters are since its start.

    `limits` are what it uses of those that are its own, by name.
    """

    memory_bytes: int | None
    dom0_memory_bytes: int | None
    event_channels: int | None
    cpu_seconds: float | None
    wakeups: int | None
    requests: int | None
    wait_seconds: float | None
    limits: Mapping[str, int] = field(default_factory=dict)


OWN: Final = tuple(limit for limit in LIMITS if limit.label == "domid")
"""The limits of which each VM has its own."""
VM_READINGS: Final = frozenset(
    {"domains", "vm_processes", "event_channels", "qemus", "disks", "xenstore"}
    | {limit.probe for limit in OWN}
)
"""The readings that `vm_use` looks at."""


def limits_use(
    snapshot: Snapshot, thresholds: Mapping[str, Thresholds] | None = None
) -> Mapping[str, Use]:
    """By limit: its fullest instance."""
    fullest: dict[str, tuple[float, LimitState]] = {}
    for state in assess(snapshot, thresholds):
        if state.used is None:
            continue
        ratio, name = state.ratio or 0.0, state.limit.name
        if name not in fullest or ratio > fullest[name][0]:
            fullest[name] = ratio, state
    names = _names(snapshot)
    return {
        name: Use(state.instance, used, names.get(state.instance, "") if state.limit in OWN else "")
        for name, (_, state) in fullest.items()
        if (used := state.used) is not None
    }


def _names(snapshot: Snapshot) -> Mapping[str, str]:
    """The names of VMs by domid."""
    domains = snapshot.domains.domains if snapshot.domains is not None else ()
    named = ((domain, snapshot.name(domain)) for domain in domains if domain.domid)
    return {str(domain.domid): text(name) for domain, name in named if name is not None}


def vm_use(snapshot: Snapshot, uuid: str) -> VmUse | None:
    """The VM of that UUID, `None` where it did not run."""
    domains = snapshot.domains.domains if snapshot.domains is not None else ()
    found = [each for each in domains if each.uuid == uuid and each.alive]
    if not found:
        return None
    domain, channels = found[-1], snapshot.event_channels
    domid = domain.domid
    use = snapshot.vm_processes.by_domid.get(domid) if snapshot.vm_processes else None
    qemu = snapshot.qemus.by_domid.get(domid) if snapshot.qemus else None
    by_device = snapshot.disks.by_device if snapshot.disks else {}
    disks = [disk for (owner, _), disk in by_device.items() if owner == domid]
    waits = [each.wait_seconds for disk in disks for each in (disk.read, disk.write)]
    return VmUse(
        domain.memory_bytes,
        use.memory_bytes if use is not None else None,
        channels.by_domain.get(domid, 0) if channels is not None else None,
        domain.cpu_seconds,
        qemu.wakeups if qemu is not None else None,
        sum(disk.read.requests + disk.write.requests for disk in disks) if disks else None,
        sum(each for each in waits if each is not None) if waits and None not in waits else None,
        {
            limit.name: used[str(domid)]
            for limit in OWN
            if str(domid) in (used := limit.used(snapshot))
        },
    )


Point = tuple[float, float]
"""Unix time, and a value."""


def risen(points: Sequence[tuple[float, float | None]]) -> list[Point]:
    """What a counter rose a second up to each point but the first; none where it began anew."""
    return [
        (after[0], (after[1] - before[1]) / (after[0] - before[0]))
        for before, after in pairwise(points)
        if before[1] is not None
        and after[1] is not None
        and after[1] >= before[1]
        and after[0] > before[0]
    ]


def ratio(
    parts: Sequence[tuple[float, float | None]], wholes: Sequence[tuple[float, float | None]]
) -> list[Point]:
    """What one counter rose for each that another rose, such as seconds of a request."""
    by_time = dict(risen(wholes))
    return [
        (time, part / by_time[time]) for time, part in risen(parts) if by_time.get(time, 0.0) > 0
    ]
