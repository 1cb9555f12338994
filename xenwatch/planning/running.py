"""Shapes of VMs that run: that of one, and the average of all of a type."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from statistics import median_high
from typing import Final

from xenwatch.display.text import hint, printable, shown
from xenwatch.planning.learning import OTHER, device_counts, kind_of
from xenwatch.planning.question import PlanError
from xenwatch.planning.shapes import TYPES, Shape
from xenwatch.readings.domains import Domain
from xenwatch.readings.snapshot import Snapshot

AVERAGE: Final = "average"
"""Name of the shapes of the average VMs of every type, and how the name of each begins."""
_FIRMWARE: Final = "varstored"
"""The helper of a VM with UEFI firmware under xapi."""
_MOST_NAMED: Final = 10


def running(snapshot: Snapshot) -> Mapping[Domain, Shape]:
    """The shape of every VM that runs and is completely known.

    Its memory is what it has now and what Xen still owes it. Where its processes were not read an
    HVM VM is taken to have UEFI firmware, which costs more.
    """
    return dict(_running(snapshot))


def _running(snapshot: Snapshot) -> Iterator[tuple[Domain, Shape]]:
    if snapshot.domains is None or snapshot.backends is None:
        return
    devices = device_counts(snapshot)
    memory, processes = snapshot.host_memory, snapshot.vm_processes
    owed = (memory.owed or {}) if memory is not None else {}
    for domain in snapshot.domains.domains:
        kind = kind_of(domain, snapshot, devices)
        if not domain.domid or kind == OTHER or not domain.memory_bytes:
            continue
        uefi = processes is None or (domain.domid, _FIRMWARE) in processes.memory_bytes
        name = printable((snapshot.name(domain) or domain.uuid.encode()).decode(errors="replace"))
        yield (
            domain,
            Shape(
                name,
                kind.type,
                kind.vcpus,
                kind.disks,
                kind.vifs,
                uefi=uefi and kind.type == "hvm",
                memory_bytes=domain.memory_bytes + owed.get(domain.domid, 0),
            ),
        )


def like(snapshot: Snapshot, wanted: str) -> Shape:
    """The shape of a running VM by its domid, UUID or name. Raises `PlanError`."""
    known = running(snapshot)
    if not known:
        raise PlanError("--like: no running VM could be read; see xenwatch doctor")
    found = [
        shape
        for domain, shape in known.items()
        if wanted in (str(domain.domid), domain.uuid, shape.name)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise PlanError(f"--like: {len(found)} VMs are named {shown(wanted)}; give domid or UUID")
    names = [shape.name for shape in known.values()]
    more = ", ..." if len(names) > _MOST_NAMED else ""
    raise PlanError(
        f"--like: no running VM has the name, UUID or domid {shown(wanted)}"
        f"{hint(wanted, names)}; there are: {', '.join(names[:_MOST_NAMED]) or 'none'}{more}"
    )


def averages(snapshot: Snapshot) -> dict[str, Shape]:
    """By name, the average VM of each type that runs: the median of each property, the higher one.

    It has UEFI firmware if any VM of the type has.
    """
    by_type: defaultdict[str, list[Shape]] = defaultdict(list)
    for shape in running(snapshot).values():
        by_type[shape.type].append(shape)
    return {
        f"{AVERAGE}-{kind}": Shape(
            f"{AVERAGE}-{kind}",
            kind,
            median_high(shape.vcpus for shape in by_type[kind]),
            median_high(shape.disks for shape in by_type[kind]),
            median_high(shape.vifs for shape in by_type[kind]),
            uefi=any(shape.uefi for shape in by_type[kind]),
            memory_bytes=median_high(shape.memory_bytes for shape in by_type[kind]),
        )
        for kind in TYPES
        if kind in by_type
    }
