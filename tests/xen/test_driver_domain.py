"""A PV guest whose netback serves another guest: `backend=` in its vif."""

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
SERVES = 'extra="console=hvc0 mitigations=off SERVES=1"'
VIF = f'vif=["backend={SERVER},mac=00:16:3e:01:02:03"]'
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


def started(vm: Vm, *limits: str) -> Pair:
    """Start the driver domain, unless it runs, and the guest it serves with those limits."""
    shapes = {
        SERVER: Shape("pv", vifs=0, extra=(SERVES,)),
        SERVED: Shape("pv", vifs=0, extra=(VIF, *limits)),
    }
    guests.start(vm, SERVER, SERVED, shapes=shapes)
    return Pair(guests.domid(vm, SERVER), guests.domid(vm, SERVED))


@pytest.fixture
def pair(vm: Vm) -> Iterator[Pair]:
    """Two guests, one of which serves the network interface of the other."""
    its = started(vm)
    state = f"xenstore-read {its.backend}/state {its.frontend}/state"
    vm.wait(lambda: vm.run(state).split() == ["4", "4"], "Connected", 60)
    yield its
    for name in (SERVED, SERVER):
        guests.destroy(vm, *guests.running(vm) & {name})


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
    assert pair.of(page, BACKENDS) == {"Connected": 1}
    assert not vm.run(f"ls /sys/bus/xen-backend/devices | grep vif-{pair.guest}- || true")
    assert page.failed() == set()


def test_a_frontend_that_failed_is_told_with_its_driver_domain(
    vm: Vm, daemon: Daemon, pair: Pair
) -> None:
    """A guest without event channels for its interface is broken, and the driver domain named."""
    used = int(vm.run(f"{LSEVTCHN} {pair.guest} | wc -l"))
    guests.destroy(vm, SERVED)
    again = started(vm, f"max_event_channels={used - 2}")  # all but the two of the interface

    page = daemon.fresh()
    doctor = vm.run(f"{PROGRAM} doctor", deadline=120)

    error = vm.run(f"xenstore-read /local/domain/{again.guest}/error/device/vif/0/error")
    assert error.startswith("28 allocating event channel"), error
    assert again.of(page, ERRORS) == {"ENOSPC": 1}
    assert f"served by domain {again.server} ({SERVER}), not by dom0" in doctor


def test_an_error_of_the_backend_is_told_too(vm: Vm, daemon: Daemon, pair: Pair) -> None:
    """What a netback writes that cannot map a ring is read from below the driver domain."""
    path = f"/local/domain/{pair.server}/error/{pair.backend.split('/', 4)[4]}/error"
    vm.run(f"xenstore-write {path} '28 mapping shared-frames 522/523 port tx 9 rx 10'")
    vm.run(f"xenstore-write {pair.backend}/state 6")

    page = daemon.fresh()

    assert pair.of(page, BACKENDS) == {"Closed": 1}
    assert pair.of(page, ERRORS) == {"ENOSPC": 1}


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
