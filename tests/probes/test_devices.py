"""Backend devices of sysfs."""

from __future__ import annotations

import pytest

from tests.captures import LAB, listed
from tests.probes.support import (
    GUEST,
    FakeHost,
    denied,
    dom0,
    failure_of,
    missing,
    outcome_of,
    value_of,
)
from xenwatch.probes.devices import BACKENDS, DIRECTORY
from xenwatch.readings.devices import Backends, DeviceKey
from xenwatch.readings.snapshot import Status


def bus(states: dict[str, str], **parts: object) -> FakeHost:
    """A dom0 with these devices on its bus."""
    files = {f"{DIRECTORY}/{name}/state": f"{state}\n".encode() for name, state in states.items()}
    return dom0(files, directories={DIRECTORY: tuple(states)}, **parts)


def read(source: FakeHost) -> Backends:
    """What the probe reads."""
    found: Backends = value_of(BACKENDS, source)
    return found


def test_a_device_has_class_domid_and_number() -> None:
    """A device's name on the bus is taken apart, and its state comes as sysfs has it."""
    found = read(bus({"vbd-3-51712": "Connected", "vif-12-0": "InitWait"}))

    assert found.states == {
        DeviceKey("vbd", 3, 51712): "Connected",
        DeviceKey("vif", 12, 0): "InitWait",
    }


@pytest.mark.parametrize("cls", ["vbd3", "qdisk", "9pfs", "vscsi", "pvusb", "two-words", "a_b"])
def test_every_class_is_seen(cls: str) -> None:
    """A class may have digits, also first, and hyphens."""
    assert read(bus({f"{cls}-3-0": "Connected"})).states == {DeviceKey(cls, 3, 0): "Connected"}


@pytest.mark.parametrize("name", ["uevent", "vbd", "vbd-3", "vbd-x-0", "-3-0", "vbd-3-0-"])
def test_what_is_no_device_is_passed_over(name: str) -> None:
    """An entry that is not named as a device costs nothing."""
    assert read(bus({name: "Connected"})).states == {}


def test_a_dom0_without_devices() -> None:
    """Without guests the bus is there and empty: there are no devices."""
    assert read(dom0(directories={DIRECTORY: ()})).states == {}


def test_a_dom0_without_the_bus_is_a_failure() -> None:
    """Where sysfs is not mounted nothing is known of devices, which is not that there are none."""
    assert failure_of(BACKENDS, dom0()) == f"{DIRECTORY}: No such file or directory"


def test_a_device_that_goes_away_is_passed_over() -> None:
    """A device that is gone when its state is read is not there, and the others are."""
    gone = f"{DIRECTORY}/vif-3-0/state"
    source = bus({"vbd-3-0": "Closed", "vif-3-0": "Closed"}, errors={gone: missing(gone)})

    assert read(source).states == {DeviceKey("vbd", 3, 0): "Closed"}


def test_a_state_that_cannot_be_read_is_a_failure() -> None:
    """A device whose state may not be read is not left out as if it were not there."""
    path = f"{DIRECTORY}/vif-3-0/state"
    source = bus({"vif-3-0": "Closed"}, errors={path: denied(path)})

    assert failure_of(BACKENDS, source) == f"{path}: Permission denied"


def in_a_guest(names: tuple[str, ...], domid: bytes | None = b"3") -> FakeHost:
    """A guest with devices on its bus."""
    files = {f"{DIRECTORY}/{name}/state": b"Connected\n" for name in names}
    store = {} if domid is None else {"domid": domid}
    return FakeHost(files={**GUEST, **files}, directories={DIRECTORY: names}, store=store)


def test_a_driver_domain_reads_its_own_backends() -> None:
    """In a guest with backends they are those of its own domid, as xenstore tells it."""
    assert read(in_a_guest(("vif-5-0",))).states == {DeviceKey("vif", 5, 0, 3): "Connected"}


def test_a_guest_without_backends_is_no_driver_domain() -> None:
    """The bus is there in every guest: an empty one is nothing to read."""
    outcome = outcome_of(BACKENDS, in_a_guest(()))

    assert outcome.status is Status.NOT_APPLICABLE


@pytest.mark.parametrize("domid", [None, b"", b"three"])
def test_a_driver_domain_without_its_domid_fails(domid: bytes | None) -> None:
    """Backends of nobody are not told."""
    assert "domid" in failure_of(BACKENDS, in_a_guest(("vif-5-0",), domid))


def test_a_real_hosts_devices() -> None:
    """On a real host with five guests every disk and interface is connected."""
    prefix = "FILE /sys/devices/"
    states = {
        path.removeprefix(prefix).removesuffix("/state"): content.decode().strip()
        for path, content in listed(LAB / "5-guests", "xen-backend-devices").items()
        if path.startswith(prefix) and path.count("/") == 4 and path.endswith("/state")
    }
    found = read(bus(states)).states

    assert [key.domid for key in found if key.cls == "vbd"] == [1, 2, 3, 4, 5]
    assert {state for key, state in found.items() if key.cls in ("vbd", "vif")} == {"Connected"}
    assert {state for key, state in found.items() if key.cls in ("console", "vkbd")} == {
        "Initialising"
    }
