"""Starting, stopping and failing VMs: what each device takes, by numbers counted by hand."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from xenwatch.limits.states import Severity, assess
from xenwatch.model.devices import XVDA, Disk, Nic, Shape
from xenwatch.model.host import Machine
from xenwatch.model.platform import Platform
from xenwatch.model.platforms.debian import DEBIAN_12
from xenwatch.model.platforms.xapi import XCP_NG_8_2, XCP_NG_8_3
from xenwatch.model.source import ModelSource, preset
from xenwatch.model.state import Dom0
from xenwatch.probes import PROBES
from xenwatch.probes.base import take


@dataclass(frozen=True)
class Counts:
    """What a VM takes of dom0."""

    channels: int
    xenstored: int
    xenconsoled: int
    ptys: int
    ports: int
    loops: int = 0
    minors: int = 0
    aio: int = 0


def count(dom0: Dom0) -> Counts:
    """What is taken of dom0 now."""
    bridge = dom0.bridge()
    return Counts(
        len(dom0.domain.channels.channels),
        len(dom0.xenstored.fds),
        len(dom0.by_comm["xenconsoled"].fds),
        dom0.ptys,
        sum(link.master == bridge for link in dom0.links.values()),
        len(dom0.loops),
        len(dom0.minors),
        dom0.aio,
    )


def taken(platform: Platform, shape: Shape) -> Counts:
    """What the third VM of a shape takes."""
    machine = Machine(platform)
    for name in (b"one", b"two"):
        machine.start(name, shape)
    before = count(machine.dom0)
    machine.start(b"three", shape)
    after = count(machine.dom0)
    return Counts(
        *(getattr(after, field) - getattr(before, field) for field in Counts.__annotations__)
    )


LARGE = Shape("hvm", 4, disks=(Disk(rings=2), Disk()), nics=(Nic(queues=2), Nic(emulated=False)))

COSTS = {
    "xl pv": (DEBIAN_12, Shape("pv"), Counts(5, 2, 4, 1, 1, loops=1)),
    "xl pvh": (DEBIAN_12, Shape("pvh"), Counts(5, 2, 4, 1, 1, loops=1)),
    "xl hvm": (DEBIAN_12, Shape("hvm"), Counts(8, 5, 4, 2, 2, loops=1)),
    "xl pv without devices": (DEBIAN_12, Shape("pv", disks=(), nics=()), Counts(2, 2, 4, 1, 0)),
    # xenstored, xenconsoled, 4 vCPUs and 1 buffered, vkbd, 3 rings, 3 queues of 2
    "xl hvm large": (DEBIAN_12, LARGE, Counts(17, 5, 4, 2, 3, loops=2)),
    "xapi pv": (XCP_NG_8_3, Shape("pv"), Counts(5, 0, 3, 1, 1, minors=1, aio=804)),
    # xenstored, 1 vCPU and 1 buffered, 1 ring, 1 queue of 2
    "xapi hvm": (XCP_NG_8_3, Shape("hvm"), Counts(6, 3, 0, 1, 2, minors=1, aio=804)),
    "xapi hvm large": (XCP_NG_8_3, LARGE, Counts(15, 3, 0, 1, 3, minors=2, aio=1608)),
}


@pytest.mark.parametrize(("platform", "shape", "counts"), COSTS.values(), ids=list(COSTS))
def test_a_vm_takes_what_its_devices_take(platform: Platform, shape: Shape, counts: Counts) -> None:
    """One more VM moves every count by what its devices were seen or read to take."""
    assert taken(platform, shape) == counts


@pytest.mark.parametrize(
    ("platform", "maximum", "severity"),
    [(XCP_NG_8_3, 4096, Severity.OK), (XCP_NG_8_2, 1024, Severity.CRITICAL)],
)
def test_a_xapi_with_950_descriptors(platform: Platform, maximum: int, severity: Severity) -> None:
    """The same 950 descriptors are few for a xapi that waits with epoll, and many for select."""
    machine = Machine(platform)
    xapi = machine.dom0.by_comm["xapi"]
    while len(xapi.fds) < 950:
        xapi.open(machine.dom0.socket())

    states = assess(take(ModelSource(machine), PROBES).snapshot)

    [state] = [state for state in states if state.limit.name == "xapi_fds"]
    assert state.max is not None
    assert (state.used, state.max.value, state.severity) == (950, maximum, severity)


@pytest.mark.parametrize(
    ("shape", "frames"),
    [
        (Shape(), 2),  # 8 reserved, 1 ring, 514 of a queue: 523 of 512 a frame
        (Shape(nics=()), 1),
        (Shape(nics=(Nic(),) * 4), 5),
        (Shape(nics=(Nic(queues=2),)), 3),
    ],
)
def test_frames_of_a_guests_grant_table(shape: Shape, frames: int) -> None:
    """A guest's grant table has as many frames as its disks and queues fill entries of."""
    machine = Machine(DEBIAN_12)

    assert machine.dom0.domains[machine.start(b"vm", shape)].frames == frames


@pytest.mark.parametrize("platform", [DEBIAN_12, XCP_NG_8_3], ids=lambda platform: platform.name)
def test_what_is_stopped_gives_all_back(platform: Platform) -> None:
    """After VMs of every type are destroyed all counts are those of the empty host again."""
    machine = Machine(platform)
    empty, nodes = count(machine.dom0), set(machine.dom0.store.values)
    processes = set(machine.dom0.processes)
    started = [machine.start(b"vm", Shape(kind)) for kind in ("pv", "pvh", "hvm")]
    slots = machine.dom0.domain.channels.slots

    for domid in started:
        machine.destroy(domid)

    dom0 = machine.dom0
    assert count(dom0) == empty
    assert (dom0.backends, dom0.anon_kib, dom0.slab_kib) == ({}, 0, 0)
    assert set(dom0.processes) == processes
    assert dom0.tasks == platform.tasks
    assert dom0.domain.channels.slots == slots
    left = {path.rpartition("/")[2] for path in set(dom0.store.values) - nodes}
    assert left <= {"vm", "libxl", "backend", "console", "vbd", "vbd3", "vif", "vkbd"}


def test_ports_are_used_again_and_domids_are_not() -> None:
    """A new VM takes the lowest free ports, and an id no VM had before."""
    machine = Machine(DEBIAN_12)
    first = machine.start(b"first", Shape())
    ports = set(machine.dom0.domain.channels.channels)
    machine.destroy(first)

    second = machine.start(b"second", Shape())

    assert set(machine.dom0.domain.channels.channels) == ports
    assert second == first + 1


def test_a_failed_device_leaves_its_error() -> None:
    """A device that fails gives back its channels, shows Closed and leaves an error node."""
    machine = Machine(DEBIAN_12)
    domid = machine.start(b"vm", Shape())
    before = count(machine.dom0)

    machine.fail(domid, "vbd", XVDA, "28 mapping ring-ref port 8")

    dom0 = machine.dom0
    assert count(dom0).channels == before.channels - 1
    assert dom0.backends[f"vbd-{domid}-{XVDA}"] == "Closed"
    error = f"/local/domain/0/error/backend/vbd/{domid}/{XVDA}/error"
    machine.destroy(domid)
    assert dom0.store.values[error] == b"28 mapping ring-ref port 8"


def test_a_zombie_keeps_its_id_alone() -> None:
    """A VM that does not die is still a domain, has no name, and holds nothing of dom0."""
    machine = Machine(XCP_NG_8_3)
    empty = count(machine.dom0)
    domid = machine.start(b"vm", Shape("hvm"))

    machine.leave_zombie(domid)

    assert domid in machine.dom0.domains
    assert f"/local/domain/{domid}/name" not in machine.dom0.store.values
    assert count(machine.dom0) == empty


def test_the_source_follows_the_machine() -> None:
    """Files asked for after a VM was started and stopped are those of the host as it is then."""
    machine = Machine(DEBIAN_12)
    source = ModelSource(machine)
    bus = "/sys/bus/xen-backend/devices"
    assert source.listdir(bus) == ()

    domid = machine.start(b"vm", Shape())

    assert source.listdir(bus) == ("console-1-0", "vbd-1-51712", "vif-1-0")
    assert source.read(f"{bus}/vif-1-0/state") == b"Connected\n"
    machine.destroy(domid)
    assert source.listdir(bus) == ()


def test_an_unknown_preset_names_the_known_ones() -> None:
    """The name of a preset that does not exist is answered with those that do."""
    with pytest.raises(KeyError, match=r"xcp-ng-8\.3, debian-12"):
        preset("xcp-ng-9")
