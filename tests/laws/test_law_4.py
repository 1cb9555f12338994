"""Law 4: a VM added to the synthetic host moves each limit by the cost the table declares.

The synthetic host starts VMs from their devices and knows no limit; what its dom0 shows before and
after must be what the planner would count. And as many VMs as are planned for can be started.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from math import ceil, floor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xenwatch.limits import LIMITS
from xenwatch.limits.base import Units
from xenwatch.limits.states import assess
from xenwatch.model import bounds, devices
from xenwatch.model.devices import vm
from xenwatch.model.fill import fill
from xenwatch.model.host import Machine
from xenwatch.model.platform import XAPI, Platform
from xenwatch.model.platforms import PLATFORMS
from xenwatch.model.platforms.experiment import EXPERIMENT
from xenwatch.model.source import ModelSource
from xenwatch.planning import instances
from xenwatch.planning.capacity import Plan, fit
from xenwatch.planning.shapes import TYPES, Shape
from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.readings.snapshot import Snapshot
from xenwatch.release.regimes import REGIMES
from xenwatch.release.release import release

MIB = 1 << 20
READS = {"host", "domains", "event_channels", "irqs", "grants", "blktap", "aio", "daemons"} | {
    "ptys",
    "memory",
    "bridges",
    "loops",
    "host_memory",
    "pids",
}
"""The probes behind the limits that VMs take of."""

HOSTS = {name: platform for name, platform in PLATFORMS.items() if platform is not EXPERIMENT}
KINDS = [
    (name, kind)
    for name, platform in HOSTS.items()
    for kind in (("pv", "hvm") if platform.drivers.vif_channels == 1 else TYPES)
]
"""Platforms with the types of domains they can have."""


def shapes(kind: str) -> st.SearchStrategy[Shape]:
    """VMs of a type that fit a guest's own grant table."""
    return st.builds(
        Shape,
        st.just("any"),
        st.just(kind),
        vcpus=st.integers(1, 8),
        disks=st.integers(0, 8),
        vifs=st.integers(0, 3),
        queues=st.integers(0, 3),
        uefi=st.booleans(),
        memory_bytes=st.integers(1, 1 << 12).map(lambda mib: mib * MIB),
    )


def stated(platform: Platform, shape: Shape) -> Shape:
    """The shape with what dom0 needs for such a VM: of its memory and tasks nothing else tells."""
    dom0 = Machine(platform, bounds.Bounds()).dom0
    machine = Machine(platform, bounds.Bounds())
    machine.start(b"vm", started_as(platform, shape))
    kib = machine.dom0.anon_kib + machine.dom0.slab_kib - dom0.anon_kib - dom0.slab_kib
    tasks = machine.dom0.tasks - dom0.tasks
    memory = kib * 1024 if tells_memory(platform) else 0
    return dataclasses.replace(shape, dom0_memory_bytes=memory, tasks=tasks)


def tells_memory(platform: Platform) -> bool:
    """Whether the host tells how much memory it has left; Linux before 3.14 does not."""
    return "MemAvailable" in platform.meminfo


def started_as(platform: Platform, shape: Shape) -> devices.Shape:
    """The planner's shape as the synthetic host starts it."""
    return vm(
        platform,
        shape.type,
        vcpus=shape.vcpus,
        disks=shape.disks,
        vifs=shape.vifs,
        queues=shape.queues,
        uefi=shape.uefi,
        memory_kib=shape.memory_bytes // 1024,
    )


def seen(machine: Machine) -> Snapshot:
    """What the probes of the limits see."""
    probes = [probe for probe in PROBES if probe.name in READS]
    return take(ModelSource(machine), probes, clock=lambda: 0.0).snapshot


def used(snapshot: Snapshot) -> Mapping[tuple[str, str], int]:
    """Used units of every limit, those of guests' own instances left out."""
    return {
        (state.limit.name, state.instance): state.used
        for state in assess(snapshot)
        if state.used is not None
        if state.limit.label != "domid" or state.instance == instances.DOM0
    }


def plan(machine: Machine, shape: Shape) -> Plan:
    """How many VMs of the shape fit, by the table of limits."""
    snapshot = seen(machine)
    return fit(assess(snapshot), snapshot, {shape: 1})


@pytest.mark.parametrize(("name", "kind"), KINDS)
@settings(deadline=None, max_examples=10)
@given(st.data())
def test_a_vm_moves_each_limit_by_its_declared_cost(
    name: str, kind: str, data: st.DataObject
) -> None:
    """Each limit moves by what the plan says one VM takes, on every platform, for every shape."""
    platform = dataclasses.replace(HOSTS[name], netback_queues=data.draw(st.integers(0, 4)))
    assert_declared(platform, data.draw(shapes(kind)))


@pytest.mark.parametrize(("name", "kind"), KINDS)
@pytest.mark.parametrize("uefi", [False, True], ids=["bios", "uefi"])
def test_each_part_of_a_cost_is_declared(name: str, kind: str, uefi: bool) -> None:
    """A VM of several vCPUs, disks, interfaces and queues moves each limit as declared."""
    shape = Shape("any", kind, vcpus=5, disks=3, vifs=2, uefi=uefi, memory_bytes=MIB)

    assert_declared(HOSTS[name], shape)
    assert_declared(HOSTS[name], dataclasses.replace(shape, queues=3))


def assert_declared(platform: Platform, shape: Shape) -> None:
    """A VM takes of each limit what the table of limits says."""
    machine = Machine(platform, bounds.Bounds())
    shape = stated(platform, shape)
    before = used(seen(machine))
    declared: dict[tuple[str, str], Units] = {
        (headroom.limit, headroom.instance): headroom.takes or 0
        for headroom in plan(machine, shape).headrooms
    }

    machine.start(b"vm", started_as(platform, shape))

    after = used(seen(machine))
    for key in before.keys() & after.keys():
        if key[0] in COUNTED:
            slack = ROUNDED if key[0] == "host_memory" and platform.toolstack == XAPI else 0
            assert_moved(key, after[key] - before[key], declared.get(key, 0), slack)


COUNTED = {limit.name for limit in LIMITS if limit.costs}
"""The limits whose costs are declared, so that what has no headroom is declared to take nothing."""


ROUNDED = 2 * MIB
"""xapi rounds its overhead to whole MiB: what is declared has that much more at most."""


def assert_moved(key: tuple[str, str], moved: int, takes: Units, slack: int) -> None:
    """The limit rose by what a VM takes; in whole frames where it takes parts of them."""
    assert floor(takes) - slack <= moved <= ceil(takes), key


def test_every_regime_is_tried() -> None:
    """The platforms are of every regime whose costs are declared."""
    found = {release(seen(Machine(platform))).regime for platform in HOSTS.values()}

    assert found == set(REGIMES)


SCARCE = {
    "/proc/sys/fs/aio-max-nr": st.integers(0, 200000),
    "/proc/sys/kernel/pty/max": st.integers(1, 60),
}
"""Settings that a host may have less of than its platform, so that other limits bind."""


@st.composite
def scarce(draw: st.DrawFn, platform: Platform) -> Platform:
    """The platform with less of what a setting or the start of a daemon decides."""
    less = {path: str(draw(numbers)) for path, numbers in SCARCE.items()}
    nofile = draw(st.integers(60, 400))
    host_kib = platform.memory_kib + draw(st.integers(0, 1 << 26)) * 4
    daemons = tuple(
        dataclasses.replace(daemon, nofile=(nofile, nofile)) for daemon in platform.daemons
    )
    return dataclasses.replace(
        platform,
        settings={**platform.settings, **less},
        daemons=daemons,
        host_kib=host_kib,
    )


@pytest.mark.parametrize(("name", "kind"), KINDS)
@settings(deadline=None, max_examples=10)
@given(st.data())
def test_as_many_as_planned_start_and_no_more(name: str, kind: str, data: st.DataObject) -> None:
    """On a random host as many VMs of a random shape start as planned, and one more does not.

    Nothing is without end but the memory of a dom0 that does not tell what it has left; the plan
    names what it does not count. dom0's own grant frames are read whole: of its last frame the
    plan knows nothing, and what fits there may come on top; so may what xapi does not round up.
    """
    platform, shape = data.draw(scarce(HOSTS[name])), data.draw(shapes(kind))
    shape = stated(platform, shape)
    has = bounds.platform_bounds(platform)
    if not tells_memory(platform):
        has = bounds.without(has, "memory")
    machine = Machine(platform, has)
    for other in data.draw(st.lists(shapes(kind), max_size=3)):
        fill(machine, started_as(platform, other), 1)
    found = plan(machine, shape)
    assert found.batches is not None
    dom0 = {"dom0_memory": shape.dom0_memory_bytes, "tasks": shape.tasks}
    assert set(found.uncounted) == {name for name, takes in dom0.items() if not takes}

    filled = fill(machine, started_as(platform, shape), found.batches + 1)

    assert filled.vms >= found.batches
    rounded = {"grant_frames", "host_memory" if platform.toolstack == XAPI else ""}
    if found.binding is None or found.binding.limit not in rounded:
        assert filled.vms == found.batches
