"""The page of VM density: published, filled and planned figures.

The three are independent: the first come from a talk, the second from the devices of a synthetic
host, the third from the table of limits.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from typing import Final

from xenwatch.generate.markdown import code, page, table
from xenwatch.limits import LIMITS
from xenwatch.limits.base import Cell, Density
from xenwatch.limits.states import assess
from xenwatch.model import bounds, devices
from xenwatch.model.devices import vm
from xenwatch.model.fill import Filled, fill
from xenwatch.model.host import Machine
from xenwatch.model.platform import Daemon, Platform
from xenwatch.model.platforms import PLATFORMS
from xenwatch.model.platforms.experiment import EXPERIMENT
from xenwatch.model.source import ModelSource
from xenwatch.planning.capacity import Plan
from xenwatch.planning.capacity import fit as plan
from xenwatch.planning.shapes import BUILT_IN
from xenwatch.probes import PROBES
from xenwatch.probes.base import take

MOST: Final = 3000
"""Max number of VMs to try: more than any published figure, fewer than xenconsoled with poll."""

PUBLISHED: Final[Mapping[str, Density]] = {
    limit.name: limit.density for limit in LIMITS if limit.density is not None
}
"""The limits with published density figures, by name."""
CELLS: Final = tuple(
    dict.fromkeys(key for density in PUBLISHED.values() for key in density.published)
)
"""Shape and platform of each published figure."""


def publication(platform: Platform) -> Platform:
    """The platform as the publication counts: dom0's own xenconsoled and grants cost nothing."""
    return dataclasses.replace(platform, daemons=tuple(map(_bare, platform.daemons)), own_frames=0)


def _bare(daemon: Daemon) -> Daemon:
    if daemon.comm != "xenconsoled":
        return daemon
    return dataclasses.replace(daemon, fds=(), sockets=0)


def shape_of(platform: Platform, name: str) -> devices.Shape:
    """A built-in shape as the synthetic host starts it."""
    built_in = BUILT_IN[name]
    return vm(
        platform,
        built_in.type,
        vcpus=built_in.vcpus,
        disks=built_in.disks,
        vifs=built_in.vifs,
        queues=built_in.queues,
        uefi=built_in.uefi,
    )


@functools.cache
def filled(platform_name: str, shape_name: str, limit: str) -> Filled | None:
    """VMs that start if only this limit is finite; `None` if a VM takes nothing of it."""
    platform, bound = publication(PLATFORMS[platform_name]), PUBLISHED[limit].bound
    shape = shape_of(platform, shape_name)
    if fill(Machine(platform, bounds.exhausted(bound)), shape, 1).vms:
        return None
    machine = Machine(platform, bounds.only(bound, bounds.platform_bounds(platform)))
    return fill(machine, shape, MOST)


@functools.cache
def filled_whole(platform_name: str, shape_name: str) -> Filled:
    """VMs that start with all limits that can be planned: all but dom0's memory and tasks."""
    platform = PLATFORMS[platform_name]
    machine = Machine(platform, bounds.without(bounds.platform_bounds(platform), "memory", "tasks"))
    return fill(machine, shape_of(platform, shape_name), MOST)


@functools.cache
def planned(platform_name: str, shape_name: str, *, as_published: bool = False) -> Plan:
    """The plan for a synthetic host without VMs."""
    platform = PLATFORMS[platform_name]
    machine = Machine(publication(platform) if as_published else platform)
    snapshot = take(ModelSource(machine), PROBES, clock=lambda: 0.0).snapshot
    return plan(assess(snapshot), snapshot, {BUILT_IN[shape_name]: 1})


def _count(vms: int | None, most: int = MOST) -> str:
    if vms is None:
        return "none"
    return f"over {most}" if vms >= most else str(vms)


def _published_table(shape: str) -> str:
    platforms = [platform for name, platform in CELLS if name == shape]
    header = ["Limit"]
    for name in platforms:
        header += [f"{name}: published", "filled", "planned"]
    return table(header, (_row(shape, limit, platforms) for limit in PUBLISHED))


def _row(shape: str, limit: str, platforms: Iterable[str]) -> list[str]:
    title = next(each.title for each in LIMITS if each.name == limit)
    cells = [f"[{title}](limits.md#{limit})"]
    for name in platforms:
        cell = PUBLISHED[limit].published.get((shape, name), Cell(None))
        found = filled(name, shape, limit)
        headrooms = planned(name, shape, as_published=True).headrooms
        headroom = next(
            (headroom.batches for headroom in headrooms if headroom.limit == limit), None
        )
        sic = f" ({cell.note})" if cell.note else ""
        cells += [
            _count(cell.vms) + sic,
            _count(None if found is None else found.vms),
            _count(headroom),
        ]
    return cells


def _platform_table(shape: str) -> str:
    rows = []
    for name, platform in PLATFORMS.items():
        if platform is EXPERIMENT:
            continue
        found, answer = filled_whole(name, shape), planned(name, shape)
        binding = answer.binding.limit if answer.binding is not None else ""
        rows.append((name, found.vms, answer.batches, code(binding), found.refusal))
    header = ("Platform", "Filled", "Planned", "Binding limit", "Error of the next VM")
    return table(header, rows)


def density_page() -> str:
    """`docs/density.md`."""
    return page(
        "VM density",
        "How many VMs fit on a host before a limit stops the next one.\n"
        "*Published* figures were measured and published by others, *filled* is the number of VMs "
        "that start on the [synthetic host](synthetic.md) until one fails, *planned* is the answer "
        "of [`xenwatch plan`](planning.md) for the empty host.\n"
        "The synthetic host starts VMs device by device and does not use the table of limits; the "
        "planner uses nothing else.",
        '## Windows\n\nPublished in "How did we increase VM density in XenServer 6.2?" '
        "(xenserver.org, parts 1 and 2; Xen developer summit, October 2013): PV drivers, 1 vCPU, "
        "3 disks, 1 network interface.\n"
        "Each row tests one limit: all others are unlimited, and dom0's own grants and "
        "xenconsoled's own file descriptors are not counted, as in the publication.\n\n"
        + _published_table("windows"),
        "## Linux\n\nFrom the same publication: paravirtualised, 1 vCPU, 1 disk, "
        "1 network interface.\n\n" + _published_table("linux"),
        "## Differences\n\n"
        "- The published figures for event channels and xenstored's file descriptors are rounded: "
        "they assume 900 and 4,000 channels and 1,000 file descriptors free for VMs. "
        "A dom0 has slightly more or fewer channels free, depending on the interrupts of its "
        "hardware.\n"
        "- Figures marked *sic* contradict the publication's own formula of 402 requests per disk: "
        "they are those of Windows, with three disks. With one disk the figures are three times as "
        "high.\n"
        "- XenServer 6.2's xenconsoled uses poll, so its max is its `Max open files`, which "
        "is what the planner uses.",
        "## Every platform\n\nThe limit that stops the next `windows` VM, with all limits of the "
        "platform in effect except dom0's memory and tasks, which are counted only for a shape "
        "that states how much of them it uses.\n\n" + _platform_table("windows"),
        "## Max values\n\nThe max of each limit on each platform, from the sources named above "
        'and, for the event-channel ABIs, "Improving Scalability of Xen: the 3,000 domains '
        'experiment" (Xen developer summit, 2013).\n\n' + _max_table(),
    )


def _max_table() -> str:
    names = list(bounds.NAMES)
    rows = []
    for name, platform in PLATFORMS.items():
        found = bounds.platform_bounds(platform)
        values = (getattr(found, bound) for bound in names)
        rows.append((name, *("" if value is None else f"{value:,}" for value in values)))
    return table(("Platform", *(name.replace("_", " ") for name in names)), rows)
