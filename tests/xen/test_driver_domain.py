"""A PV guest as the network backend of another, by the nodes libxl writes for `backend=` in vif.

The guest runs no netback: what dom0 sees of a driver domain are these nodes, and the event channels
that Xen counts for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.xen import guests
from tests.xen.daemon import PROGRAM, Daemon, Page
from tests.xen.guests import Shape
from tests.xen.report import Report
from tests.xen.vm import Vm

DOM0_ARGS = ""

SERVER, SERVED = "sys-net", "work"
SHAPES = {SERVER: Shape(vifs=0), SERVED: Shape(vifs=0)}
LSEVTCHN = "lsevtchn"
ERRORS = "xenwatch_domain_backend_errors"
BACKENDS = "xenwatch_domain_backends"
CHANNELS = "xenwatch_driver_domain_event_channels"


@dataclass(frozen=True, slots=True)
class Pair:
    """The domids of the driver domain and of the guest it serves."""

    server: int
    guest: int

    @property
    def backend(self) -> str:
        """The backend's node."""
        return f"/local/domain/{self.server}/backend/vif/{self.guest}/0"

    @property
    def frontend(self) -> str:
        """The frontend's node."""
        return f"/local/domain/{self.guest}/device/vif/0"

    def of(self, page: Page, metric: str) -> dict[str, float]:
        """The guest's series about interfaces that the driver domain serves, by state or errno."""
        labels = {"domid": str(self.guest), "backend_domid": str(self.server), "class": "vif"}
        found = {}
        for its, value in page.of(metric).items():
            rest = dict(its)
            if all(rest.pop(name, None) == wanted for name, wanted in labels.items()):
                found["".join(rest.values())] = value
        return found


@pytest.fixture
def pair(vm: Vm) -> Iterator[Pair]:
    """Two guests, one of which serves the network interface of the other."""
    guests.start(vm, SERVER, SERVED, shapes=SHAPES)
    its = Pair(guests.domid(vm, SERVER), guests.domid(vm, SERVED))
    nodes = {
        f"{its.backend}/frontend": its.frontend,
        f"{its.backend}/frontend-id": str(its.guest),
        f"{its.backend}/online": "1",
        f"{its.backend}/state": "2",
        f"{its.frontend}/backend": its.backend,
        f"{its.frontend}/backend-id": str(its.server),
        f"{its.frontend}/handle": "0",
        f"{its.frontend}/mac": "00:16:3e:01:02:03",
        f"{its.frontend}/state": "1",
    }
    vm.run("xenstore-write " + " ".join(f"{path} {value}" for path, value in nodes.items()))
    yield its
    vm.attempt(f"xenstore-rm {its.backend}; xenstore-rm {its.frontend}")
    vm.attempt(f"xenstore-rm /local/domain/{its.server}/error")
    guests.destroy(vm, *guests.running(vm) & {SERVER, SERVED})


def test_a_device_of_a_driver_domain_is_seen(
    vm: Vm, daemon: Daemon, report: Report, pair: Pair
) -> None:
    """The interface is counted and has the state of its backend; dom0 serves none of the guest."""
    page = daemon.fresh()

    report.note(
        "CPU time of the probe of devices, with a driver domain",
        page.get("xenwatch_probe_cpu_seconds", probe="xenstore_devices") or 0,
    )
    labels = {"domid": str(pair.guest)}
    assert page.get("xenwatch_domain_network_interfaces", **labels) == 1
    assert page.get("xenwatch_domain_disks", **labels) == 1
    assert pair.of(page, BACKENDS) == {"InitWait": 1}
    assert not vm.run(f"ls /sys/bus/xen-backend/devices | grep vif-{pair.guest}- || true")
    assert page.failed() == set()


def test_its_errors_are_those_of_a_broken_guest(vm: Vm, daemon: Daemon, pair: Pair) -> None:
    """Errors of both sides are told by errno with the domain that serves the device."""
    back = f"/local/domain/{pair.server}/error/backend/vif/{pair.guest}/0/error"
    front = f"/local/domain/{pair.guest}/error/device/vif/0/error"
    vm.run(f"xenstore-write {pair.backend}/state 6")
    vm.run(f"xenstore-write {back} '28 mapping shared-frames 522/523 port tx 9 rx 10'")
    vm.run(f"xenstore-write {front} '1 allocating event channel'")

    page = daemon.fresh()
    doctor = vm.run(f"{PROGRAM} doctor", deadline=120)

    assert pair.of(page, BACKENDS) == {"Closed": 1}
    assert pair.of(page, ERRORS) == {"ENOSPC": 1, "EPERM": 1}
    assert f"served by domain {pair.server} ({SERVER}), not by dom0" in doctor


def test_the_channels_of_the_driver_domain_are_those_of_lsevtchn(
    vm: Vm, daemon: Daemon, pair: Pair
) -> None:
    """As many are used as the tool lists; the max is xl's default, which the guest has."""
    listed = int(vm.run(f"{LSEVTCHN} {pair.server} | wc -l"))
    labels = {"backend_domid": str(pair.server)}
    # A run of the probe after the one that has found what the domain serves.
    vm.wait(lambda: bool(daemon.fresh().get(f"{CHANNELS}_used", **labels)), CHANNELS, 90)
    page = daemon.fresh()

    assert page.get(f"{CHANNELS}_used", **labels) == listed
    assert page.get(f"{CHANNELS}_max", **labels) == 1023
    frames = page.get("xenwatch_grant_frames_used", domid=str(pair.server))
    by_hand = vm.run(f"xen-diag gnttab_query_size {pair.server}")
    assert f"nr_frames={frames:.0f}," in by_hand


def test_a_driver_domain_that_ended_leaves_devices_unknown(
    vm: Vm, daemon: Daemon, pair: Pair
) -> None:
    """The guest runs on with a frontend whose backend is gone."""
    guests.destroy(vm, SERVER)  # xl removes all that is below the domain

    page = daemon.fresh()

    assert pair.of(page, BACKENDS) == {"Unknown": 1}
    assert not page.of(f"{CHANNELS}_used")
    assert page.failed() == set()
