"""dom0's CPUs: shared among tasks as the kernel does, and the CPU and wait times that result.

`/proc/stat`, `/proc/loadavg`, the control groups and Xen all report these times.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from xenwatch.model.resources import Process
from xenwatch.model.state import UNLOADED_ROUND_TRIPS, Dom0
from xenwatch.values import dataclass

NICE_0: Final = {0: 1024, 1: 1024, 2: 100}
"""The weight of a task of nice 0 by version of control groups, in the scale of their weights."""
LATENCY: Final = 0.024
"""Seconds in which the kernel runs every runnable task once: sched_latency of eight CPUs."""
KERNEL: Final = 1 / 50
"""The part of every CPU used by interrupts and by threads that serve no guest."""
UPTIME: Final = 60.0
"""Seconds since boot when the model's clock begins."""
LOAD_MINUTES: Final = (1, 5, 15)
_CPUS_MIN: Final = 0.01
"""CPUs that are left at least for the tasks that compete with the QEMUs."""
_WAKEUPS: Final = {"xenstored": 1, "xapi": 10}
"""How often a request waits for a CPU until it is answered."""
_TARGETS: Final = {"oxenstored": "xenstored", "xenstored": "xenstored", "xapi": "xapi"}
_CONTROL: Final = ("oxenstored", "xenstored", "xapi", "xenopsd-xc")


@dataclass(frozen=True, slots=True)
class Demand:
    """CPUs demanded, and the weight of the demand."""

    cpus: float
    weight: int


def divide(cpus: float, demands: Mapping[str, Demand]) -> dict[str, float]:
    """CPUs granted by name: in proportion to the weights, and at most the demand."""
    granted = dict.fromkeys(demands, 0.0)
    unsatisfied = {name: demand for name, demand in demands.items() if demand.cpus}
    while unsatisfied:
        weights = sum(demand.weight for demand in unsatisfied.values())
        share = {name: cpus * demand.weight / weights for name, demand in unsatisfied.items()}
        satisfied = {
            name: demand.cpus for name, demand in unsatisfied.items() if demand.cpus <= share[name]
        }
        if not satisfied:
            return granted | share
        granted |= satisfied
        cpus -= sum(satisfied.values())
        for name in satisfied:
            del unsatisfied[name]
    return granted


def up_ns(dom0: Dom0) -> int:
    """Time since boot on one CPU."""
    return int((UPTIME + dom0.seconds) * 1e9)


def busy_ns(dom0: Dom0) -> int:
    """Busy CPU time of dom0 since boot, at most all there was."""
    total = up_ns(dom0) * dom0.platform.vcpus
    return min(total, int(total * KERNEL) + ran_ns(dom0))


def ran_ns(dom0: Dom0, group: str = "/") -> int:
    """CPU time of the processes of a control group and of those below it, of ended ones too."""
    now = dom0.seconds
    return sum(process.ran_ns(now) for process in _members(dom0, group)) + _ended(
        dom0.ended_run_ns, group
    )


def waited_ns(dom0: Dom0, group: str = "/") -> int:
    """Time those processes waited for a CPU."""
    now = dom0.seconds
    waited = sum(process.waited_ns(now) for process in _members(dom0, group))
    return waited + _ended(dom0.ended_wait_ns, group)


def _members(dom0: Dom0, group: str) -> Iterator[Process]:
    return (process for process in dom0.processes.values() if _is_in(process.group, group))


def _ended(times: Mapping[str, int], group: str) -> int:
    return sum(time for place, time in times.items() if _is_in(place, group))


def _is_in(place: str, group: str) -> bool:
    return group in ("/", place) or place.startswith(f"{group}/")


def run(dom0: Dom0, seconds: float, datapath: float, control: float) -> None:
    """Advance the time with a demand of CPUs per process of the datapath and of the control path.

    The kernel and the QEMUs demand little and are served first.
    """
    demanded = {
        process.pid: wanted
        for process in dom0.processes.values()
        if (wanted := _wanted(process, datapath, control))
    }
    by_entity: dict[str, list[int]] = {}
    for pid in demanded:
        by_entity.setdefault(_entity(dom0.processes[pid]), []).append(pid)
    round_trips = dict(UNLOADED_ROUND_TRIPS)
    others = dom0.platform.vcpus * KERNEL + _by_qemus(dom0, seconds)
    cpus = max(dom0.platform.vcpus - others, _CPUS_MIN)
    _load(dom0, seconds, sum(demanded.values()) + others)
    granted = divide(cpus, _demands(dom0, by_entity, demanded))
    for entity, pids in by_entity.items():
        wanted = sum(demanded[pid] for pid in pids)
        part = granted[entity] / wanted
        for pid in pids:
            process = dom0.processes[pid]
            process.cpu_ns += int(demanded[pid] * part * seconds * 1e9)
            process.wait_ns += int(demanded[pid] * (1 - part) * seconds * 1e9)
            target = _TARGETS.get(process.comm)
            if target is not None:
                round_trips[target] += _WAKEUPS[target] * LATENCY * (1 - part) / part
    dom0.round_trips = round_trips


def _by_qemus(dom0: Dom0, seconds: float) -> float:
    """CPUs the QEMUs used in the last `seconds`."""
    now = dom0.seconds
    lives = (process.life for process in dom0.processes.values() if process.life is not None)
    return sum(life.cpu_ns(now) - life.cpu_ns(now - seconds) for life in lives) / seconds / 1e9


def _load(dom0: Dom0, seconds: float, wanted: float) -> None:
    """Move the load averages towards the demand (kernel/sched/loadavg.c)."""
    kept = [math.exp(-seconds / 60 / minutes) for minutes in LOAD_MINUTES]
    one, five, fifteen = (
        load * part + wanted * (1 - part) for load, part in zip(dom0.loads, kept, strict=True)
    )
    dom0.loads = one, five, fifteen
    dom0.runnable = max(1, round(wanted))


def _demands(
    dom0: Dom0, by_entity: Mapping[str, Iterable[int]], demanded: Mapping[int, float]
) -> dict[str, Demand]:
    weight = NICE_0[dom0.platform.cgroup_version]
    return {
        entity: Demand(sum(demanded[pid] for pid in pids), dom0.platform.slices.get(entity, weight))
        for entity, pids in by_entity.items()
    }


def _entity(process: Process) -> str:
    """What competes at the root: the slice, or the task itself where it is in the root group."""
    top = process.group.split("/")[1]
    return top or str(process.pid)


def _wanted(process: Process, datapath: float, control: float) -> float:
    receives = process.comm.startswith("vif") and "-g" in process.comm  # guest-rx, often cut short
    if receives or process.comm == "tapdisk":
        return datapath
    return control if process.comm in _CONTROL else 0.0
