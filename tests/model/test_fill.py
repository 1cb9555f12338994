"""Filling hosts: the published figures, the host's own words, and what is planned."""

from __future__ import annotations

import pytest

from xenwatch.generate import density
from xenwatch.generate.density import MOST, PUBLISHED, filled, filled_whole, planned
from xenwatch.model.bounds import Bounds
from xenwatch.model.devices import Shape, vm
from xenwatch.model.fill import fill
from xenwatch.model.host import Machine
from xenwatch.model.platforms import PLATFORMS

ROUNDED = {
    ("windows", "xenserver-6.1", "event_channels"): range(150, 155),
    ("windows", "xenserver-6.2", "event_channels"): range(570, 572),
    ("linux", "xenserver-6.1", "event_channels"): range(225, 232),
    ("linux", "xenserver-6.2", "event_channels"): range(997, 1001),
    # Here the published figures contradict their own formula of 402 requests a disk.
    ("linux", "xenserver-6.1", "aio_requests"): range(1105, 1106),
    ("linux", "xenserver-6.2", "aio_requests"): range(2608, 2609),
}
"""Cells whose published figure is rounded, or wrong, and what is right for them."""

CELLS = [(*key, limit) for key in density.CELLS for limit in PUBLISHED]


def vms(shape: str, platform: str, limit: str) -> int | None:
    """VMs that start until the limit alone stops the next; `None` is never."""
    found = filled(platform, shape, limit)
    return None if found is None or found.vms == MOST else found.vms


@pytest.mark.parametrize(("shape", "platform", "limit"), CELLS)
def test_filling_gives_the_published_figures(shape: str, platform: str, limit: str) -> None:
    """A host on which one limit ends takes as many VMs as was published, within its rounding."""
    cell = PUBLISHED[limit].published.get((shape, platform))
    published = None if cell is None else cell.vms
    expected = ROUNDED.get((shape, platform, limit))

    found = vms(shape, platform, limit)

    assert found == published if expected is None else found in expected


@pytest.mark.parametrize(("shape", "platform", "limit"), CELLS)
def test_the_plan_of_the_empty_host_is_what_fills_it(shape: str, platform: str, limit: str) -> None:
    """The planner, from the table of limits, gives the number the synthetic host was filled to."""
    headrooms = planned(platform, shape, as_published=True).headrooms
    headroom = next((headroom.batches for headroom in headrooms if headroom.limit == limit), None)

    found = filled(platform, shape, limit)

    if found is not None and found.vms == MOST:  # where the filling ended, not the host
        assert headroom is not None
        assert headroom > MOST
    else:
        assert headroom == (None if found is None else found.vms)


@pytest.mark.parametrize("platform", [name for name in PLATFORMS if name != "xen-4.3-3-level"])
def test_every_platform_fills_as_planned(platform: str) -> None:
    """With all limits at work the scarcest one stops the host where the plan says."""
    assert filled_whole(platform, "windows").vms == planned(platform, "windows").batches


SAID = {
    "channels": ("xenserver-6.2", "pv", "error 28 mapping ring-refs and evtchn"),
    "irqs": ("xcp-ng-8.2", "hvm", "error 12 mapping ring-refs and evtchn"),
    "minors": ("xenserver-6.1", "hvm", "BLKTAP_IOCTL_ALLOC_TAP: Cannot allocate memory"),
    "aio": ("xcp-ng-8.3", "pv", "Couldn't setup AIO context"),
    "xenstored": (
        "xenserver-6.2",
        "hvm",
        'xenopsd internal error: Device.Ioemu_failed("qemu-dm exited unexpectedly")',
    ),
    "xenconsoled": ("xenserver-6.1", "pv", "Failed to create tty for domain-2"),
    "ptys": ("debian-12", "pv", "domain 2 console tty: timed out"),
    "memory": ("xcp-ng-8.3", "pv", "Cannot allocate memory"),
    "low_memory": ("xenserver-6.1", "pv", "Cannot allocate memory"),
    "tasks": ("xenserver-7.0", "pv", "fork: Resource temporarily unavailable"),
    "bridge_ports": ("debian-12", "pv", "can't add vif2.0 to its bridge: Exchange full"),
    "host_memory": ("debian-12", "pv", "can't allocate low memory for domain: Out of memory"),
    "loops": ("debian-12", "pv", "losetup: cannot find an unused loop device"),
}
"""By bound: a platform, the type of a VM, and what is said when there is enough for one VM."""


@pytest.mark.parametrize("name", SAID)
def test_a_host_says_what_it_has_no_more_of(name: str) -> None:
    """The VM one too many is refused in the platform's own words."""
    platform, kind, said = SAID[name]
    shape = vm(PLATFORMS[platform], kind)
    machine = Machine(PLATFORMS[platform], bounded(name, platform, shape))

    found = fill(machine, shape, 2)

    assert found.vms == 1
    assert said in found.refusal


def bounded(name: str, platform: str, shape: Shape) -> Bounds:
    """Of one thing as much as one VM takes, and half of what the next needs."""
    machine = Machine(PLATFORMS[platform], Bounds())
    before = held(machine, name)
    machine.start(b"one", shape)
    after = held(machine, name)
    return Bounds(**{name: after + (after - before) // 2})


def held(machine: Machine, name: str) -> int:
    """How much of a thing is taken."""
    dom0 = machine.dom0
    counts = {
        "channels": len(dom0.domain.channels.channels),
        "irqs": len(dom0.irqs),
        "minors": len(dom0.minors),
        "aio": dom0.aio,
        "xenstored": len(dom0.xenstored.fds),
        "xenconsoled": len(dom0.by_comm["xenconsoled"].fds),
        "ptys": dom0.ptys,
        "memory": dom0.anon_kib + dom0.slab_kib,
        "low_memory": dom0.low_kib,
        "tasks": dom0.tasks,
        "bridge_ports": max(dom0.bridge_ports.values()),
        "loops": len(dom0.loops),
        "host_memory": dom0.guests_kib,
    }
    return counts[name]
