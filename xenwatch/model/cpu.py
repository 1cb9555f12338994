"""dom0's CPUs, divided among those who want them as the kernel does it, and who has had them.

`/proc/stat`, `/proc/loadavg`, the control groups and Xen all tell what is reckoned here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from xenwatch.model.resources import Process
from xenwatch.model.state import CALM, Dom0

NICE_0: Final = {0: 1024, 1: 1024, 2: 100}
"""The weight of a task of nice 0 by version of control groups, in the scale of their weights."""
LATENCY: Final = 0.024
"""The round in which the kernel serves all who want a CPU: sched_latency of eight CPUs."""
KERNEL: Final = 1 / 50
"""The part of every CPU that goes to interrupts and to threads that serve no guest."""
UPTIME: Final = 60.0
"""Seconds since boot when the model's clock begins."""
LOAD_MINUTES: Final = (1, 5, 15)
_LITTLE: Final = 0.01
"""CPUs there are at least for all who have to wait for the QEMUs."""
_WAKEUPS: Final = {"xenstored": 1, "xapi": 10}
"""How often a question has somebody wait for a CPU until it is answered."""
_TARGETS: Final = {"oxenstored": "xenstored", "xenstored": "xenstored", "xapi": "xapi"}
_CONTROL: Final = ("oxenstored", "xenstored", "xapi", "xenopsd-xc")


@dataclass(frozen=True, slots=True)
class Wish:
    """CPUs that somebody wants, and the weight with which."""

    cpus: float
    weight: int


def divide(cpus: float, wishes: Mapping[str, Wish]) -> dict[str, float]:
    """CPUs each gets: in proportion to weights, and no more than is wanted."""
    granted = dict.fromkeys(wishes, 0.0)
    hungry = {name: wish for name, wish in wishes.items() if wish.cpus}
    while hungry:
        weights = sum(wish.weight for wish in hungry.values())
        share = {name: cpus * wish.weight / weights for name, wish in hungry.items()}
        content = {name: it.cpus for name, it in hungry.items() if it.cpus <= share[name]}
        if not content:
            return granted | share
        granted |= content
        cpus -= sum(content.values())
        for name in content:
            del hungry[name]
    return granted


def up_ns(dom0: Dom0) -> int:
    """Time since boot on one CPU."""
    return int((UPTIME + dom0.seconds) * 1e9)


def busy_ns(dom0: Dom0) -> int:
    """CPU time since boot that dom0 was not idle: no more than it has."""
    total = up_ns(dom0) * dom0.platform.vcpus
    return min(total, int(total * KERNEL) + ran_ns(dom0))


def ran_ns(dom0: Dom0, group: str = "/") -> int:
    """CPU time of the processes of a control group and of those below it, of ended ones too."""
    now = dom0.seconds
    return sum(it.ran_ns(now) for it in _members(dom0, group)) + _ended(dom0.ended_run_ns, group)


def waited_ns(dom0: Dom0, group: str = "/") -> int:
    """Time that they waited for a CPU."""
    now = dom0.seconds
    waited = sum(it.waited_ns(now) for it in _members(dom0, group))
    return waited + _ended(dom0.ended_wait_ns, group)


def _members(dom0: Dom0, group: str) -> Iterator[Process]:
    return (it for it in dom0.processes.values() if _is_in(it.group, group))


def _ended(times: Mapping[str, int], group: str) -> int:
    return sum(time for place, time in times.items() if _is_in(place, group))


def _is_in(place: str, group: str) -> bool:
    return group in ("/", place) or place.startswith(f"{group}/")


def run(dom0: Dom0, seconds: float, datapath: float, control: float) -> None:
    """Let time pass while the datapath and the control path want so many CPUs for each process.

    The kernel and the QEMUs, who want little, have theirs first.
    """
    wanting = {
        process.pid: wanted
        for process in dom0.processes.values()
        if (wanted := _wanted(process, datapath, control))
    }
    by_entity: dict[str, list[int]] = {}
    for pid in wanting:
        by_entity.setdefault(_entity(dom0.processes[pid]), []).append(pid)
    stretched = dict(CALM)
    others = dom0.platform.vcpus * KERNEL + _by_qemus(dom0, seconds)
    cpus = max(dom0.platform.vcpus - others, _LITTLE)
    _load(dom0, seconds, sum(wanting.values()) + others)
    granted = divide(cpus, _wishes(dom0, by_entity, wanting))
    for entity, pids in by_entity.items():
        wanted = sum(wanting[pid] for pid in pids)
        part = granted[entity] / wanted
        for pid in pids:
            process = dom0.processes[pid]
            process.cpu_ns += int(wanting[pid] * part * seconds * 1e9)
            process.wait_ns += int(wanting[pid] * (1 - part) * seconds * 1e9)
            target = _TARGETS.get(process.comm)
            if target is not None:
                stretched[target] += _WAKEUPS[target] * LATENCY * (1 - part) / part
    dom0.round_trips = stretched


def _by_qemus(dom0: Dom0, seconds: float) -> float:
    """CPUs that the QEMUs had in the time that passed."""
    now = dom0.seconds
    lives = (it.life for it in dom0.processes.values() if it.life is not None)
    return sum(it.cpu_ns(now) - it.cpu_ns(now - seconds) for it in lives) / seconds / 1e9


def _load(dom0: Dom0, seconds: float, wanted: float) -> None:
    """Let the averages near what is wanted (kernel/sched/loadavg.c)."""
    kept = [math.exp(-seconds / 60 / minutes) for minutes in LOAD_MINUTES]
    one, five, fifteen = (
        load * part + wanted * (1 - part) for load, part in zip(dom0.loads, kept, strict=True)
    )
    dom0.loads = one, five, fifteen
    dom0.runnable = max(1, round(wanted))


def _wishes(
    dom0: Dom0, by_entity: Mapping[str, Iterable[int]], wanting: Mapping[int, float]
) -> dict[str, Wish]:
    weight = NICE_0[dom0.platform.cgroup_version]
    return {
        entity: Wish(sum(wanting[pid] for pid in pids), dom0.platform.slices.get(entity, weight))
        for entity, pids in by_entity.items()
    }


def _entity(process: Process) -> str:
    """Who competes at the top: the slice, or the task itself where it is in the root group."""
    top = process.group.split("/")[1]
    return top or str(process.pid)


def _wanted(process: Process, datapath: float, control: float) -> float:
    receives = process.comm.startswith("vif") and "-g" in process.comm  # guest-rx, often cut short
    if receives or process.comm == "tapdisk":
        return datapath
    return control if process.comm in _CONTROL else 0.0
