"""What was seen of dom0 while VMs came and went, from which a VM's share of it is estimated.

Two things are seen of dom0's memory, and likewise of its tasks: what the processes of each VM take,
and all that is used. The rest, what is used without these processes, is of dom0 itself and of what
is taken for VMs in the kernel (slab, page tables, grant maps, buffers) and in shared daemons. It is
known of all VMs together only, while the same VMs run: a `Period`.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Final

from xenwatch.limits import dom0_memory, tasks
from xenwatch.readings.devices import DISK_CLASSES, NETWORK_CLASSES
from xenwatch.readings.domains import STOPPED, Domain
from xenwatch.readings.snapshot import Snapshot
from xenwatch.readings.vm_processes import Use
from xenwatch.release.release import release
from xenwatch.values import dataclass

PROBE: Final = "vm_processes"
"""The probe whose readings are learnt from."""
SETTLED: Final = 30.0
"""Seconds without a change of the VMs after which what they take is recorded."""
SAMPLES: Final = 5
"""Most readings kept of the beginning, and of the end, of a period."""
MOST_PERIODS: Final = 64
MOST_KINDS: Final = 32
MOST_VMS: Final = 64
"""Most VMs of a kind; of all these the latest are kept."""


@dataclass(frozen=True, slots=True, order=True)
class Kind:
    """What VMs must have in common to take the same of dom0: domain type, vCPUs, devices."""

    type: str
    vcpus: int
    disks: int
    vifs: int


OTHER: Final = Kind("", 0, 0, 0)
"""Domains that nothing can be learnt of: such that stop, or whose processes are unknown."""


@dataclass(frozen=True, slots=True)
class Rest:
    """What is used without the processes of VMs: the first and the latest readings of a period."""

    first: tuple[int, ...] = ()
    latest: tuple[int, ...] = ()

    def with_reading(self, value: int | None) -> Rest:
        """The same with one more reading; `None`: there is none."""
        if value is None:
            return self
        first = self.first if len(self.first) == SAMPLES else (*self.first, value)
        return Rest(first, (*self.latest[1 - SAMPLES :], value))


@dataclass(frozen=True, slots=True)
class Period:
    """A time in which the same VMs ran: from `start` to `end`, `counts` by kind.

    They are instants of the `run` of the daemon, within which periods can be compared.
    """

    run: int
    start: float
    end: float
    counts: Mapping[Kind, int]
    memory: Rest = Rest()
    tasks: Rest = Rest()


@dataclass(frozen=True, slots=True)
class Observation:
    """One reading: the kind of every domain by domid and UUID, what of them was read by UUID.

    `memory_bytes` and `tasks` are what dom0 uses without the processes of VMs.
    """

    instant: float
    kinds: Mapping[tuple[int, str], Kind]
    uses: Mapping[str, tuple[Kind, Use]]
    memory_bytes: int | None
    tasks: int | None


@dataclass(frozen=True, slots=True)
class Learning:
    """What was learnt on hosts of a regime: VMs by kind and UUID as last seen, and periods.

    The latest are last. The other fields are of this run: the instant of the reading last learnt
    from, the domains it had, since when, and whether the last period is theirs.
    """

    regime: str | None = None
    vms: Mapping[Kind, Mapping[str, Use]] = field(default_factory=dict)
    periods: tuple[Period, ...] = ()
    run: int = 0
    instant: float = 0.0
    present: Mapping[tuple[int, str], Kind] | None = None
    since: float = 0.0
    recorded: bool = False

    def updated(self, snapshot: Snapshot) -> Learning:
        """What is learnt with a snapshot; the same object where the probe has read nothing new."""
        outcome = snapshot.outcomes.get(PROBE)
        if outcome is None or outcome.instant == self.instant:
            return self
        found, regime = observe(snapshot), release(snapshot).regime
        if found is None or regime is None:
            return dataclasses.replace(self, instant=outcome.instant)
        known = self if regime == self.regime else Learning(regime, run=self.run)
        if found.kinds != known.present:
            return dataclasses.replace(
                known,
                instant=found.instant,
                present=found.kinds,
                since=found.instant,
                recorded=False,
            )
        if found.instant < known.since + SETTLED:
            return dataclasses.replace(known, instant=found.instant)
        return known.with_observation(found)

    def with_observation(self, found: Observation) -> Learning:
        """What is learnt from one reading of VMs that have settled."""
        last = self.periods[-1] if self.recorded else None
        if last is None:
            last = Period(self.run, found.instant, found.instant, Counter(found.kinds.values()))
        period = dataclasses.replace(
            last,
            end=found.instant,
            memory=last.memory.with_reading(found.memory_bytes),
            tasks=last.tasks.with_reading(found.tasks),
        )
        before = self.periods[:-1] if self.recorded else self.periods
        return dataclasses.replace(
            self,
            vms=_with_uses(self.vms, found.uses),
            periods=(*before[1 - MOST_PERIODS :], period),
            instant=found.instant,
            recorded=True,
        )


def learnt_now(snapshot: Snapshot) -> Learning | None:
    """What one snapshot teaches, taken of VMs that have settled; `None` where it is nothing."""
    found = observe(snapshot)
    if found is None or not found.uses:
        return None
    return Learning(release(snapshot).regime).with_observation(found)


def observe(snapshot: Snapshot) -> Observation | None:
    """What a snapshot has of VMs and dom0; `None` where a reading is missing."""
    if snapshot.vm_processes is None or snapshot.domains is None or snapshot.backends is None:
        return None
    by_domid = snapshot.vm_processes.by_domid
    devices = device_counts(snapshot)
    kinds: dict[tuple[int, str], Kind] = {}
    uses: dict[str, tuple[Kind, Use]] = {}
    for domain in snapshot.domains.domains:
        if not domain.domid:
            continue
        use = by_domid.get(domain.domid)
        kind = kind_of(domain, snapshot, devices) if use is not None else OTHER
        kinds[domain.domid, domain.uuid] = kind
        if use is not None and kind != OTHER:
            uses[domain.uuid] = kind, use
    memory, threads = dom0_memory.used(snapshot).get(""), tasks.used(snapshot).get("")
    own = [use for _, use in uses.values()]
    return Observation(
        snapshot.outcomes[PROBE].instant,
        kinds,
        uses,
        None if memory is None else memory - sum(use.memory_bytes for use in own),
        None if threads is None else threads - sum(use.tasks for use in own),
    )


def device_counts(snapshot: Snapshot) -> Mapping[tuple[int, str], int]:
    """How many devices of each class a domain has whose backend is in dom0."""
    states = snapshot.backends.states if snapshot.backends is not None else ()
    return Counter((key.domid, key.cls) for key in states)


def kind_of(domain: Domain, snapshot: Snapshot, devices: Mapping[tuple[int, str], int]) -> Kind:
    """What a domain is; one whose type Xen does not tell is HVM where it has a QEMU."""
    qemus = snapshot.qemus.by_domid if snapshot.qemus is not None else {}
    kind = domain.type or ("hvm" if domain.domid in qemus else None)
    if kind is None or domain.vcpus_max is None or domain.state in STOPPED:
        return OTHER

    def count(classes: Iterable[str]) -> int:
        return sum(devices.get((domain.domid, cls), 0) for cls in classes)

    return Kind(kind, domain.vcpus_max, count(DISK_CLASSES), count(NETWORK_CLASSES))


def _with_uses(
    vms: Mapping[Kind, Mapping[str, Use]], uses: Mapping[str, tuple[Kind, Use]]
) -> Mapping[Kind, Mapping[str, Use]]:
    """The VMs with those seen now last; the oldest are dropped where there are too many."""
    found = {kind: dict(known) for kind, known in vms.items()}
    for uuid, (kind, use) in uses.items():
        known = found.pop(kind, {})
        known.pop(uuid, None)
        known[uuid] = use
        found[kind] = known
    return {
        kind: dict(list(known.items())[-MOST_VMS:])
        for kind, known in list(found.items())[-MOST_KINDS:]
    }
