"""Slices of dom0's CPU time: the share guaranteed to each, and misplaced processes.

The kernel divides a CPU among the entities of one level by their weights (kernel/sched/fair.c). At
the root these are the groups, and each task that is in no group: the root group has no weight of
its own. A task of nice 0 weighs 1,024, as does a group of `cpu.shares` 1,024 (version 1) or of
`cpu.weight` 100 (version 2; include/linux/cgroup.h and sched_weight_from_cgroup).
"""

from __future__ import annotations

import errno
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from xenwatch.parse import cgroup
from xenwatch.parse.kthread import parse_thread
from xenwatch.parse.process import ProcessStat, parse_stat
from xenwatch.parse.text import assignments, number, word
from xenwatch.probes.base import NotApplicable, Probe
from xenwatch.probes.cpu_settings import setters
from xenwatch.probes.slice_units import CONTROL, DEFAULT_WEIGHT, LOCAL, NICE_0, expected_weight
from xenwatch.probes.xen import list_optional, read_optional, require_dom0
from xenwatch.readings.slices import Slice, Slices
from xenwatch.readings.snapshot import Snapshot
from xenwatch.release.release import resolve
from xenwatch.sources.base import Source, SourceError, read_ahead
from xenwatch.values import dataclass

CGROUPS: Final = "/sys/fs/cgroup"
V1_ROOTS: Final = (f"{CGROUPS}/cpu,cpuacct", f"{CGROUPS}/cpu")
V1_ACCOUNTING: Final = f"{CGROUPS}/cpuacct"
V1_SYSTEMD: Final = f"{CGROUPS}/systemd"
NAMES: Final = (CONTROL, "vm.slice", "system.slice", "user.slice")
PRIO_TO_WEIGHT: Final = (
    *(88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916),
    *(9548, 7620, 6100, 4904, 3906, 3121, 2501, 1991, 1586, 1277),
    *(1024, 820, 655, 526, 423, 335, 272, 215, 172, 137),
    *(110, 87, 70, 56, 45, 36, 29, 23, 18, 15),
)
"""sched_prio_to_weight: by nice value from -20 on (kernel/sched/core.c)."""
WEIGHT_IDLE: Final = 3
"""WEIGHT_IDLEPRIO, of SCHED_IDLE."""
FAIR: Final = frozenset({0, 3})
SCHED_IDLE: Final = 5
RECHECK: Final = 10
"""Readings that leave out the idle threads of the kernel, before one that reads every process.

A process that has the number that such a thread had is not counted until then: at one reading in
30 s for five minutes at most. To know it by its start time its file would have to be read.
"""
_INTERFACE = re.compile(
    r"(cgroup|cpu|cpuacct|cpuset|io|irq|memory|misc|hugetlb|pids|rdma|dmem|blkio)\.|tasks\Z"
    r"|notify_on_release\Z|release_agent\Z"
)
"""Names of interface files, which no child group can have."""
_QEMU = re.compile(rb"qemu-dm|qemu-system|xen-qemu-system")


@dataclass(frozen=True, slots=True)
class _Hierarchy:
    """Where groups and their files are: `root` of the CPU controller, `units` of the services."""

    version: int
    root: str
    units: str

    @property
    def weight_file(self) -> str:
        """The file with a group's weight."""
        return "cpu.shares" if self.version == 1 else "cpu.weight"

    @property
    def processes_file(self) -> str:
        """The file that says whether a group has processes."""
        return "cgroup.procs" if self.version == 1 else "cgroup.events"

    def scaled(self, weight: int) -> float:
        """A group's weight in the scheduler's own scale, where nice 0 is 1,024."""
        return weight if self.version == 1 else weight * NICE_0 / DEFAULT_WEIGHT


@dataclass(frozen=True, slots=True)
class _Memory:
    """Threads of the kernel in the root group that serve no guest.

    There are hundreds, which are always there and never compete. `readings` is how many ago they
    were read.
    """

    idle: frozenset[int] = frozenset()
    readings: int = 0


def read(source: Source, context: Snapshot, memory: _Memory) -> tuple[Slices, _Memory]:
    """Slices and misplaced processes. Raises `NotApplicable`, `SourceError`, `ParseError`."""
    require_dom0(source, context)
    hierarchy = _hierarchy(source)
    names = [name for name in list_optional(source, hierarchy.root) or () if _is_group(name)]
    files = (hierarchy.weight_file, hierarchy.processes_file)
    read_ahead(source, "read", (f"{hierarchy.root}/{name}/{f}" for name in names for f in files))
    weights = {
        name: weight
        for name in names
        if (weight := _number(source, f"{hierarchy.root}/{name}/{hierarchy.weight_file}"))
        is not None
    }
    root, memory = _root_processes(source, hierarchy.root, memory)
    contenders = [weight for stat in root if (weight := _weight(stat))]
    competing = [weights[name] for name in weights if _competes(source, hierarchy, name)]
    total = sum(map(hierarchy.scaled, competing)) + sum(contenders)
    found: dict[str, Slice] = {}
    for name in NAMES:
        if name in names:
            weight = weights.get(name)
            share = None if weight is None or not total else hierarchy.scaled(weight) / total
            found[name] = _slice(source, hierarchy, name, weight, share)
    misplaced = _misplaced(source, context, hierarchy, names, root)
    shipped = _shipped(context, misplaced)
    others = {key: count for key, count in misplaced.items() if key not in shipped}
    # Of an unknown release it is unknown too whether it puts them there.
    known = {} if context.host is None else shipped
    set_by = _setters(source, hierarchy, names)
    return Slices(found, len(contenders), others, known, set_by), memory


def _setters(source: Source, hierarchy: _Hierarchy, names: list[str]) -> Mapping[str, str] | None:
    """Who has the CPU controller on; with a control.slice it is meant to be.

    `None` where that cannot be read, which costs none of the shares.
    """
    if CONTROL in names:
        return {}
    slices = [name for name in names if name.endswith(".slice")]
    try:
        return dict(sorted(setters(source, hierarchy.root, hierarchy.version, slices)))
    except SourceError:
        return None


def _hierarchy(source: Source) -> _Hierarchy:
    names = list_optional(source, CGROUPS)
    if not names:
        raise NotApplicable(f"no control groups: {CGROUPS} is empty")
    if "cgroup.controllers" in names:
        return _Hierarchy(2, CGROUPS, CGROUPS)
    for root in V1_ROOTS:
        if root.rpartition("/")[2] in names:
            return _Hierarchy(1, root, V1_SYSTEMD)
    raise NotApplicable(f"no CPU controller: no cpu in {CGROUPS}")


def _is_group(name: str) -> bool:
    return not _INTERFACE.match(name)


def _competes(source: Source, hierarchy: _Hierarchy, name: str) -> bool:
    """Whether a group at the root may use its share.

    A slice always may: processes may be started in it later. Another group may while it or a group
    below it has processes; systemd keeps empty ones, one for each of its mounts.
    """
    if name.endswith(".slice"):
        return True
    home = f"{hierarchy.root}/{name}"
    if hierarchy.version == 1:
        return _has_processes(source, home)
    data = read_optional(source, f"{home}/{hierarchy.processes_file}")
    return data is not None and bool(cgroup.parse_flat("cgroup.events", data).get("populated"))


def _has_processes(source: Source, group: str) -> bool:
    if read_optional(source, f"{group}/cgroup.procs"):
        return True
    below = filter(_is_group, list_optional(source, group) or ())
    return any(_has_processes(source, f"{group}/{name}") for name in below)


def _number(source: Source, path: str) -> int | None:
    data = read_optional(source, path)
    return None if data is None else number(path, data)


def _slice(
    source: Source, hierarchy: _Hierarchy, name: str, weight: int | None, share: float | None
) -> Slice:
    home = f"{hierarchy.root}/{name}"
    stat = cgroup.parse_flat("cpu.stat", read_optional(source, f"{home}/cpu.stat") or b"")
    expected = None if weight is None else expected_weight(source, hierarchy.version, name)
    if hierarchy.version == 1:
        usage = _number(source, f"{home}/cpuacct.usage")
        if usage is None:
            usage = _number(source, f"{V1_ACCOUNTING}/{name}/cpuacct.usage")
        throttled = stat.get("throttled_time")
        return Slice(weight, expected, share, _part(usage, 1e9), _part(throttled, 1e9), {})
    return Slice(
        weight,
        expected,
        share,
        _part(stat.get("usage_usec"), 1e6),
        _part(stat.get("throttled_usec"), 1e6),
        _pressure(source, f"{home}/cpu.pressure"),
    )


def _part(value: int | None, unit: float) -> float | None:
    return None if value is None else value / unit


def _pressure(source: Source, path: str) -> Mapping[str, float]:
    """Seconds stalled by kind: the file is there but answers EOPNOTSUPP where pressure is off.

    That is `psi=0`, and CONFIG_PSI_DEFAULT_DISABLED without `psi=1` (psi_show in
    kernel/sched/psi.c).
    """
    try:
        data = read_optional(source, path)
    except SourceError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
        data = None
    return {row.kind: row.total_us / 1e6 for row in cgroup.parse_pressure(path, data or b"")}


def _root_processes(
    source: Source, root: str, memory: _Memory
) -> tuple[list[ProcessStat], _Memory]:
    """The processes in the root group that may compete."""
    known = memory.idle if memory.readings < RECHECK else frozenset()
    pids = _pids(source, root)
    found = list(_processes(source, [pid for pid in pids if pid not in known]))
    idle = known.intersection(pids).union(stat.pid for stat in found if _is_idle(stat))
    return found, _Memory(idle, memory.readings + 1 if known else 0)


def _pids(source: Source, group: str) -> tuple[int, ...]:
    """The processes in a group, not in those below it."""
    path = f"{group}/cgroup.procs"
    return cgroup.parse_procs(path, read_optional(source, path) or b"")


def _processes(source: Source, pids: Sequence[int]) -> Iterator[ProcessStat]:
    read_ahead(source, "read", (f"/proc/{pid}/stat" for pid in pids if pid))
    for pid in pids:
        # Processes of another PID namespace read 0 and have no files here.
        data = read_optional(source, f"/proc/{pid}/stat") if pid else None
        if data is not None:
            yield parse_stat(data)


def _weight(stat: ProcessStat) -> int:
    """The weight of a process in the root group beside the slices, 0 if it does not compete.

    A process counts once, because its threads seldom run at the same time. Of the kernel's threads
    only those that serve guests count: the others run briefly, or outside all groups. Real-time
    policies do not share by weight.
    """
    if _is_idle(stat):
        return 0
    if stat.policy == SCHED_IDLE:
        return WEIGHT_IDLE
    if stat.policy not in FAIR or not -20 <= stat.nice < 20:
        return 0
    return PRIO_TO_WEIGHT[stat.nice + 20]


def _is_idle(stat: ProcessStat) -> bool:
    """Whether it is a thread of the kernel that serves no guest."""
    return stat.kernel_thread and parse_thread(stat.comm) is None


def _misplaced(
    source: Source,
    context: Snapshot,
    hierarchy: _Hierarchy,
    names: list[str],
    root: list[ProcessStat],
) -> Mapping[tuple[str, str], int]:
    """Misplaced processes by name and group; none without a control.slice."""
    if CONTROL not in names:
        return {}
    found: Counter[tuple[str, str]] = Counter()
    for stat in root:
        if _QEMU.match(stat.comm):
            found[word(stat.comm), "/"] += 1
    for group in _below(source, hierarchy.root, CONTROL):
        for stat in _processes(source, _pids(source, f"{hierarchy.root}/{group}")):
            if _QEMU.match(stat.comm):
                found[word(stat.comm), f"/{group}"] += 1
    control_path = sorted(_control_path(source, context, hierarchy))
    files = ("comm", "cgroup")
    read_ahead(source, "read", (f"/proc/{pid}/{file}" for pid in control_path for file in files))
    for pid in control_path:
        comm = read_optional(source, f"/proc/{pid}/comm")
        place = read_optional(source, f"/proc/{pid}/cgroup")
        if comm is None or place is None:
            continue
        group_of = cgroup.group_of(cgroup.parse_membership(place), "cpu") or "/"
        if group_of.split("/")[1] != CONTROL:
            found[word(comm), group_of] += 1
    return found


def _shipped(
    context: Snapshot, misplaced: Mapping[tuple[str, str], int]
) -> Mapping[tuple[str, str], int]:
    """The QEMUs among them that the release's own toolstack puts, or may put, into the root."""
    if context.host is not None and not resolve(context.host).facts.qemus_in_root:
        return {}
    return {
        (comm, group): count
        for (comm, group), count in misplaced.items()
        if group == "/" and _QEMU.match(comm.encode())
    }


def _below(source: Source, root: str, group: str) -> Iterator[str]:
    """A group and those one level below it: a slice and its services."""
    yield group
    for name in list_optional(source, f"{root}/{group}") or ():
        if _is_group(name):
            yield f"{group}/{name}"


def _control_path(source: Source, context: Snapshot, hierarchy: _Hierarchy) -> set[int]:
    """Processes of the services that this host's own drop-ins put into control.slice.

    Those in systemd's groups, and the daemons not started by systemd.
    """
    expected = set(_members(source))
    found: set[int] = set()
    for service in expected:
        for slice_name in NAMES:
            path = f"{hierarchy.units}/{slice_name}/{service}/cgroup.procs"
            found.update(cgroup.parse_procs(path, read_optional(source, path) or b""))
    daemons = context.daemons.by_role if context.daemons is not None else {}
    for role, daemon in daemons.items():
        if {f"{role}.service", f"{daemon.comm}.service"} & expected:
            found.add(daemon.pid)
    return found - {0}


def _members(source: Source) -> Iterator[str]:
    """Services with a drop-in `slice.conf` that sets Slice=control.slice."""
    directory = LOCAL
    for name in list_optional(source, directory) or ():
        if name.endswith(".service.d"):
            data = read_optional(source, f"{directory}/{name}/slice.conf")
            if data is not None and assignments(data).get("Slice") == CONTROL:
                yield name.removesuffix(".d")


SLICES = Probe(
    name="slices",
    reads=f"{CGROUPS}, /proc/PID/{{stat,cgroup}} of the root group, {LOCAL}/*.service.d,"
    " the slices' units and their drop-ins, the CPU settings of all groups where there is no"
    f" {CONTROL}",
    advice="mount the cgroup file systems; run as root",
    read=read,
    memory=_Memory(),
    interval=30.0,
)
