"""What dom0's CPU time goes to, how fast the control path answers, and which VMs wake dom0 up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping
from typing import Final

from xenwatch.readings.snapshot import Snapshot
from xenwatch.status.rates import Rates
from xenwatch.values import dataclass

QEMUS: Final = "QEMUs"
IDLE: Final = ("idle", "iowait", "steal")
"""Modes of a CPU that is not used (proc_stat(5)); guest is part of user."""
COUNTED: Final = ("guest", "guest_nice")
"""Modes whose seconds are part of others (proc_stat(5))."""
MOST: Final = 5
"""VMs whose wakeups are shown."""


@dataclass(frozen=True, slots=True)
class Role:
    """A role of processes and kernel threads in dom0: CPUs it uses, `None` if unknown yet."""

    name: str
    what: str
    cpus: float | None


@dataclass(frozen=True, slots=True)
class Answers:
    """A target of the control path: the median of its answers of late, and what part failed."""

    target: str
    median_seconds: float | None
    failed_ratio: float | None


@dataclass(frozen=True, slots=True)
class Waker:
    """The QEMU of a domain: wakeups a second, and what ended its polls a second."""

    domid: int
    rate: float | None
    timer: float | None
    io: float | None


@dataclass(frozen=True, slots=True)
class Dom0:
    """`cpus` are all of dom0's, `busy` how many of them it uses, `stolen` what it could not get.

    `roles` are the largest first, `wakers` those that wake up most, of so many `qemus`; `wakeups`
    are those of all a second. `answers` is `None` where the control path was not read.
    """

    cpus: int | None
    busy: float | None
    stolen: float | None
    roles: tuple[Role, ...]
    answers: tuple[Answers, ...] | None
    wakeups: float | None
    wakers: tuple[Waker, ...]
    qemus: int | None


def dom0(snapshot: Snapshot, earlier: Snapshot | None) -> Dom0:
    """What there is to say of dom0; rates are those since `earlier`."""
    rates = Rates(snapshot, earlier)
    wakers = _wakers(rates)
    known = [each.rate for each in wakers if each.rate is not None]
    roles = [role for role in _roles(rates) if role.cpus is None or role.cpus > 0]
    cpus = snapshot.dom0_cpus
    return Dom0(
        cpus=len(cpus.seconds) if cpus is not None else None,
        busy=_busy(rates),
        stolen=cpus.steal_ratio if cpus is not None else None,
        roles=tuple(sorted(roles, key=lambda role: -(role.cpus or 0.0))),
        answers=_answers(snapshot),
        wakeups=sum(known) if known else None,
        wakers=wakers[:MOST],
        qemus=len(snapshot.qemus.by_domid) if snapshot.qemus is not None else None,
    )


def _busy(rates: Rates) -> float | None:
    """CPUs in use on average."""
    totals = []
    for snapshot in (rates.now, rates.earlier):
        if snapshot is None or snapshot.dom0_cpus is None:
            return None
        totals.append(
            sum(
                seconds
                for modes in snapshot.dom0_cpus.seconds.values()
                for mode, seconds in modes.items()
                if mode not in (*IDLE, *COUNTED)
            )
        )
    return rates.rate("dom0_cpus", totals[0], totals[1])


def _roles(rates: Rates) -> Iterator[Role]:
    for probe, what, read in _COUNTERS:
        now = read(rates.now)
        before = (read(rates.earlier) if rates.earlier is not None else None) or {}
        for name, values in (now or {}).items():
            yield Role(name, what, _risen(rates, probe, values, before.get(name, {})))


_Values = Mapping[str, Mapping[Hashable, float]]
"""Seconds of CPU time by role and by what has the counter."""


def _qemus(snapshot: Snapshot) -> _Values | None:
    if snapshot.qemus is None:
        return None
    qemus = snapshot.qemus.by_domid.items()
    return {QEMUS: {(domid, q.pid, q.start_ticks): q.cpu_seconds for domid, q in qemus}}


def _workers(snapshot: Snapshot) -> _Values | None:
    return _by_second(snapshot.datapath.cpu_seconds) if snapshot.datapath is not None else None


def _helpers(snapshot: Snapshot) -> _Values | None:
    found = snapshot.vm_processes
    return _by_second(found.helper_cpu_seconds) if found is not None else None


def _daemons(snapshot: Snapshot) -> _Values | None:
    found = snapshot.control_path
    return {role: {"": t.cpu_seconds} for role, t in found.daemons.items()} if found else None


_COUNTERS: Final = (
    ("qemus", "device models", _qemus),
    ("datapath", "devices of VMs", _workers),
    ("vm_processes", "helpers of VMs", _helpers),
    ("control_path", "control path", _daemons),
)
"""The probes that count CPU time, what of, and how to read it."""


def _by_second(found: Mapping[tuple[int, str], float]) -> _Values:
    """Values by domid, by the name that is the second part of their key."""
    parts: defaultdict[str, dict[Hashable, float]] = defaultdict(dict)
    for (domid, name), value in found.items():
        parts[name][domid] = value
    return parts


def _risen(
    rates: Rates, probe: str, now: Mapping[Hashable, float], before: Mapping[Hashable, float]
) -> float | None:
    """What counters rise a second together: those that are there now and were there before."""
    risen = [rates.rate(probe, value, before.get(key)) for key, value in now.items()]
    known = [each for each in risen if each is not None]
    return sum(known) if known else None


def _answers(snapshot: Snapshot) -> tuple[Answers, ...] | None:
    found = snapshot.control_path
    if found is None:
        return None
    return tuple(
        Answers(target, trips.median_seconds, trips.failed_ratio)
        for target, trips in found.round_trips.items()
    )


def _wakers(rates: Rates) -> tuple[Waker, ...]:
    """The QEMUs, those that wake up most first."""
    if rates.now.qemus is None:
        return ()
    earlier = rates.earlier
    then = earlier.qemus.by_domid if earlier and earlier.qemus else {}
    causes = rates.now.qemu_wakeups_by_cause
    old_causes = earlier.qemu_wakeups_by_cause if earlier else None
    found = []
    for domid, qemu in rates.now.qemus.by_domid.items():
        old = then.get(domid)
        same = old is not None and (old.pid, old.start_ticks) == (qemu.pid, qemu.start_ticks)
        woken = rates.rate("qemus", qemu.wakeups, old.wakeups if old and same else None)
        by, old_by = (
            None if each is None else each.by_domid.get(domid) for each in (causes, old_causes)
        )
        name = "qemu_wakeups_by_cause"
        timer = rates.rate(name, by.timer if by else None, old_by.timer if old_by else None)
        io = rates.rate(name, by.io if by else None, old_by.io if old_by else None)
        found.append(Waker(domid, woken, timer, io))
    return tuple(sorted(found, key=lambda each: (-(each.rate or 0.0), each.domid)))
