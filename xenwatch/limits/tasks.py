"""Processes and threads of dom0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.limits.base import (
    EARLY,
    Cost,
    Costs,
    Limit,
    Max,
    Shortage,
    same,
)
from xenwatch.limits.remedies import sysctl
from xenwatch.readings.snapshot import Snapshot
from xenwatch.release.regimes import REGIMES


def used(snapshot: Snapshot) -> Mapping[str, int]:
    """Processes and threads."""
    return {} if snapshot.pids is None else {"": snapshot.pids.tasks}


def maximum(snapshot: Snapshot) -> Mapping[str, Max]:
    """The lower of the kernel's two limits."""
    pids = snapshot.pids
    if pids is None:
        return {}
    if pids.threads_max <= pids.pid_max:
        return {"": Max(pids.threads_max, "kernel.threads-max")}
    return {"": Max(pids.pid_max, "kernel.pid_max")}


def remedy(shortage: Shortage) -> tuple[str, ...]:
    """Commands and advice that give more headroom, best first."""
    pids = shortage.snapshot.pids
    limits = {} if pids is None else {"threads-max": pids.threads_max, "pid_max": pids.pid_max}
    return tuple(
        text
        for name, limit in limits.items()
        if limit < shortage.target
        for text in sysctl(shortage.snapshot, f"kernel.{name}", shortage.target)
    )


_COSTS: Final[Costs] = dict.fromkeys(REGIMES, same(Cost(tasks=1)))


LIMIT: Final = Limit(
    name="tasks",
    title="processes and threads of dom0",
    probe="pids",
    used=used,
    max=maximum,
    thresholds=EARLY,
    by_domain="xenwatch_qemu_threads",
    source="/proc/loadavg, kernel.pid_max, kernel.threads-max",
    symptom="fork: Resource temporarily unavailable; QEMU or tapdisk fails to start",
    reference="proc(5): threads-max",
    caveat="A systemd unit's TasksMax may be lower.",
    costs=_COSTS,
    remedy=remedy,
    uncounted="how many threads QEMU and the kernel start for a VM depends on its load; the daemon "
    "learns it from three VMs of the shape as they start and stop, or set tasks in the shape",
    errors={
        "`fork: Resource temporarily unavailable`, "
        "`fork: retry: Resource temporarily unavailable`": "processes and threads of dom0"
    },
)
