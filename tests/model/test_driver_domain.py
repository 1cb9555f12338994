"""The synthetic driver domain: what VMs take of it, and what is left when it ends."""

from __future__ import annotations

import pytest

from xenwatch.limits.states import Severity, assess
from xenwatch.model.devices import Nic, Shape
from xenwatch.model.host import Machine
from xenwatch.model.platforms.debian import DEBIAN_12
from xenwatch.model.player import Player
from xenwatch.model.scenario_source import load
from xenwatch.model.source import ModelSource
from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.readings.devices import NETWORK_CLASSES, DeviceKey
from xenwatch.readings.snapshot import Snapshot

VIF = DeviceKey("vif", 2, 0, 1)


def host(queues: int = 1) -> Machine:
    """A driver domain, and a VM whose one network interface it serves."""
    machine = Machine(DEBIAN_12)
    machine.start(b"sys-net", Shape(nics=()))
    machine.start(b"work", Shape(nics=(Nic(queues=queues, backend=1),)))
    return machine


def read(machine: Machine) -> Snapshot:
    """What the probes read of it."""
    return take(ModelSource(machine), PROBES).snapshot


@pytest.mark.parametrize("queues", [1, 3])
def test_an_interface_takes_channels_of_its_driver_domain(queues: int) -> None:
    """Two for each queue; dom0 has no channel, port, thread or backend for it."""
    machine, without = host(queues), Machine(DEBIAN_12)
    for name in (b"sys-net", b"work"):
        without.start(name, Shape(nics=()))

    taken = len(machine.dom0.domains[1].channels.channels)
    assert taken == len(without.dom0.domains[1].channels.channels) + 2 * queues
    assert machine.dom0.backends == without.dom0.backends
    for field in ("event_channels", "irqs", "bridges", "pids"):
        assert getattr(read(machine), field) == getattr(read(without), field)


def test_probes_find_the_interface() -> None:
    """It is served by the driver domain, and connected."""
    snapshot = read(host())

    assert snapshot.device_states()[VIF] == "Connected"
    assert snapshot.served_devices(NETWORK_CLASSES) == {1: 1}


def test_an_interface_that_fails_has_its_error_in_the_driver_domain() -> None:
    """xenbus writes the error of a backend below the domain that has it."""
    machine = host()
    machine.fail(2, "vif", 0, "28 mapping shared-frames 8/521 port tx 9 rx 10")
    snapshot = read(machine)

    assert snapshot.device_states()[VIF] == "Closed"
    assert snapshot.xenstore_devices is not None
    assert [error.device for error in snapshot.xenstore_devices.errors] == [VIF]
    assert "/local/domain/1/error/backend/vif/2/0/error" in machine.dom0.store.values


def test_a_driver_domain_that_ends_leaves_its_devices_unknown() -> None:
    """The VM keeps a frontend whose backend is gone."""
    machine = host()
    machine.destroy(1)

    assert read(machine).device_states()[VIF] == "Unknown"


def test_a_vm_that_ends_gives_its_channels_back() -> None:
    """As many are used as before it started."""
    machine = host()
    machine.destroy(2)
    alone = Machine(DEBIAN_12)
    alone.start(b"sys-net", Shape(nics=()))

    left = machine.dom0.domains[1].channels.channels
    assert len(left) == len(alone.dom0.domains[1].channels.channels)
    assert read(machine).served_devices(NETWORK_CLASSES) == {}


def test_a_driver_domain_runs_out_of_channels() -> None:
    """In the scenario the last VM has no network: of its two queues only one found channels."""
    player = Player(load("driver-domain"))
    player.advance(4000)
    snapshot = read(player.machine)

    states = {state.limit.name: state for state in assess(snapshot)}
    limit = states["driver_domain_event_channels"]
    assert (limit.instance, limit.used, limit.severity) == ("3", 1022, Severity.CRITICAL)
    assert states["event_channels"].severity is Severity.OK
    assert snapshot.xenstore_devices is not None
    [error] = snapshot.xenstore_devices.errors
    assert (error.device, error.side, error.errno) == (DeviceKey("vif", 256, 0, 3), "backend", 28)
    assert set(snapshot.device_counts(NETWORK_CLASSES).values()) == {0, 1}
