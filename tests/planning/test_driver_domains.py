"""Plans on a host whose network interfaces another domain than dom0 serves."""

from __future__ import annotations

import dataclasses

import pytest

from tests.planning.support import LINUX, full_xl, with_host
from xenwatch.limits.states import assess
from xenwatch.planning.capacity import LimitHeadroom, fit
from xenwatch.planning.shapes import Shape
from xenwatch.readings.devices import DeviceKey
from xenwatch.readings.domains import Domain
from xenwatch.readings.event_channels import DriverDomains, EventChannels
from xenwatch.readings.snapshot import Snapshot

LIMIT = "driver_domain_event_channels"


def served(count: int, snapshot: Snapshot | None = None) -> Snapshot:
    """A host on which domain 3 serves so many interfaces, and dom0 two."""
    snapshot = snapshot or full_xl()
    assert snapshot.xenstore_devices is not None
    assert snapshot.domains is not None
    keys = frozenset(DeviceKey("vif", 10 + number, 0, 3) for number in range(count))
    devices = dataclasses.replace(snapshot.xenstore_devices, elsewhere=keys)
    sys_net = Domain(3, "", b"sys-net", "pv", "blocked", 2, 2, 0, 0.0)
    domains = dataclasses.replace(snapshot.domains, domains=(*snapshot.domains.domains, sys_net))
    channels = EventChannels({"interdomain": 1000}, {}, 1024, 1010, "hypercall")
    return dataclasses.replace(
        snapshot,
        xenstore_devices=devices,
        domains=domains,
        driver_domains=DriverDomains({3: channels}),
    )


def of_driver_domain(snapshot: Snapshot, shape: Shape = LINUX) -> list[LimitHeadroom]:
    """What the plan says of the driver domain."""
    found = fit(assess(snapshot), snapshot, {shape: 1})
    return [headroom for headroom in found.headrooms if headroom.limit == LIMIT]


def test_the_domain_that_serves_most_interfaces_stops_the_next_vm() -> None:
    """Of its 1,023 channels 23 are left, of which a VM takes two for its one queue."""
    [found] = of_driver_domain(served(3))

    assert (found.instance, found.takes, found.left, found.batches) == ("3", 2, 23, 11)
    assert "max_event_channels=" in found.remedies[0]


def test_queues_are_those_of_the_driver_domain() -> None:
    """netback there has as many as the driver domain has vCPUs, or the guest's fewer."""
    shape = dataclasses.replace(LINUX, vcpus=8)

    assert of_driver_domain(served(3), shape)[0].takes == 4


@pytest.mark.parametrize("count", [0, 1, 2])
def test_where_dom0_serves_most_interfaces_no_driver_domain_counts(count: int) -> None:
    """Nobody says where a new VM is served: where most are."""
    assert of_driver_domain(served(count)) == []


def test_a_vm_without_interfaces_takes_nothing_of_it() -> None:
    """Its disks are not counted."""
    assert of_driver_domain(served(3), dataclasses.replace(LINUX, vifs=0)) == []


def test_what_xenstore_does_not_tell_is_unknown() -> None:
    """While it is unknown which domain serves interfaces, no VM is promised."""
    [found] = of_driver_domain(dataclasses.replace(served(3), xenstore_devices=None))

    assert found.batches is None
    assert "unknown" in found.reason


def test_the_cost_is_unknown_where_nobody_measured_it() -> None:
    """On hosts of xapi the plan says so."""
    host = with_host(platform="xcp-ng", platform_version="8.3", kernel=(4, 19))
    [found] = of_driver_domain(served(3, host))

    assert found.batches is None
