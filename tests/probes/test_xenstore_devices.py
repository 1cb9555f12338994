"""What only xenstored knows of devices: states of backends that are processes, error nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.probes.support import (
    Before,
    FakeHost,
    Handler,
    after,
    dom0,
    failed,
    failure_of,
    handle,
    info,
    value_of,
    xen,
)
from xenwatch.probes.base import Pass
from xenwatch.probes.devices import DIRECTORY
from xenwatch.probes.xenstore import SLICE
from xenwatch.probes.xenstore_devices import XENSTORE_DEVICES
from xenwatch.readings.devices import DeviceError, DeviceKey, XenstoreDevices
from xenwatch.readings.domains import Domain, Domains
from xenwatch.readings.snapshot import Snapshot

MANY = 3 * SLICE
"""Devices that take several passes to be asked for again."""
VBD, VIF = DeviceKey("vbd", 7, 51712), DeviceKey("vif", 7, 0)
QDISK = DeviceKey("qdisk", 7, 832)
BACK = "/local/domain/0/error/backend/{}/7/{}/error"
FRONT = "/local/domain/7/error/device/{}/{}/error"


def devices(
    states: Mapping[DeviceKey, str],
    store: Mapping[str, bytes] | None = None,
    calls: Mapping[int, Handler] | None = None,
) -> FakeHost:
    """A dom0 with these devices in sysfs, and one guest."""
    names = {f"{key.cls}-{key.domid}-{key.devid}": state for key, state in states.items()}
    files = {f"{DIRECTORY}/{name}/state": f"{state}\n".encode() for name, state in names.items()}
    directories = {DIRECTORY: tuple(names)}
    calls = calls or xen([info(0), info(7)])
    return dom0(files, directories=directories, store=store or {}, calls=calls)


def seen(source: FakeHost, before: Before = None) -> Pass:
    """What is known after a run of the probe of devices."""
    return after(XENSTORE_DEVICES, source, before)


def read_devices(source: FakeHost, before: Before = None) -> XenstoreDevices:
    """What the probe of devices reads."""
    found: XenstoreDevices = value_of(XENSTORE_DEVICES, source, before)
    return found


def keys(source: FakeHost) -> list[str]:
    """The keys of xenstore that were asked for, without lists of frontends."""
    paths = [path for path in map(str, source.asked) if path.startswith("/local")]
    return [path for path in paths if not path.endswith(("/device/vif", "/device/vbd"))]


def state_path(key: DeviceKey) -> str:
    """Where xenstore has a device's state."""
    return f"/local/domain/0/backend/{key.cls}/{key.domid}/{key.devid}/state"


def lives(domid: int, state: str) -> Snapshot:
    """A last snapshot with one guest."""
    domain = Domain(domid, str(handle(domid)), None, "pv", state, 1, 1, 0, 0.0)
    return Snapshot(domains=Domains((domain,), "hypercall"))


@pytest.mark.parametrize("cls", ["vkbd", "vbd3", "qdisk", "9pfs"])
def test_the_state_of_a_process_backend_is_xenstores(cls: str) -> None:
    """A device without driver in the kernel has the state its process wrote."""
    key = DeviceKey(cls, 7, 0)
    found = read_devices(devices({key: "Initialising"}, {state_path(key): b"4"}))

    assert found.states == {key: "Connected"}


@pytest.mark.parametrize(
    ("value", "state"),
    [(b"2", "InitWait"), (b"6", "Closed"), (b"8", "Reconfigured"), (b"0", "Unknown")],
)
def test_states_have_the_names_of_sysfs(value: bytes, state: str) -> None:
    """Numbers of xenbus come under the names sysfs gives them."""
    found = read_devices(devices({QDISK: "Initialising"}, {state_path(QDISK): value}))

    assert found.states == {QDISK: state}


@pytest.mark.parametrize("value", [b"", b"9", b"four", b"-1", b"99999999999"])
def test_a_state_that_is_none_is_unknown(value: bytes) -> None:
    """What is not a state of xenbus is unknown, as Linux takes it, and no failure."""
    found = read_devices(devices({QDISK: "Initialising"}, {state_path(QDISK): value}))

    assert found.states == {QDISK: "Unknown"}


def test_a_device_with_a_driver_is_not_asked_for() -> None:
    """Where the kernel knows the state, and it is well, xenstore is not asked at all."""
    source = devices({VBD: "Connected", VIF: "Connected"})

    assert read_devices(source) == XenstoreDevices({}, ())
    assert not keys(source)


def test_consoles_are_not_asked_for() -> None:
    """A console's backend never moves its state, so nothing is read or said of it."""
    source = devices({DeviceKey("console", 7, 0): "Initialising"})

    assert read_devices(source) == XenstoreDevices({}, ())
    assert not keys(source)


@pytest.mark.parametrize("state", [b"4", b"2"], ids=["connected", "waiting"])
def test_known_devices_are_asked_for_a_slice_a_pass(state: bytes) -> None:
    """However many devices only xenstore knows, each has its turn and a pass asks for few."""
    keys = [DeviceKey("qdisk", domid, 0) for domid in range(1, MANY + 1)]
    sysfs = dict.fromkeys(keys, "Initialising")
    store = {state_path(key): state for key in keys}
    known = seen(devices(sysfs, store))
    asked: set[str] = set()
    for _ in range(3):
        source = devices(sysfs, store)
        known = seen(source, known)
        new = {str(path) for path in source.asked if str(path).endswith("/0/state")}
        assert len(new & set(store)) <= SLICE
        asked |= new

    assert {state_path(key) for key in keys} <= asked
    assert known.snapshot.xenstore_devices is not None
    assert len(known.snapshot.xenstore_devices.states) == MANY


def test_after_a_failure_all_devices_are_asked_for() -> None:
    """States of before an outage of xenstored are not taken for those of after it."""
    keys = [DeviceKey("qdisk", domid, 0) for domid in range(1, MANY + 1)]
    sysfs = dict.fromkeys(keys, "Initialising")
    first = seen(devices(sysfs, {state_path(key): b"4" for key in keys}))
    later = devices(sysfs, {state_path(key): b"6" for key in keys})
    found = read_devices(later, failed(XENSTORE_DEVICES, first))

    assert set(found.states.values()) == {"Closed"}


def test_a_new_device_is_asked_for_at_once() -> None:
    """A device that was not there before does not wait for its turn."""
    keys = [DeviceKey("qdisk", domid, 0) for domid in range(1, MANY + 1)]
    store = {state_path(key): b"4" for key in (*keys, QDISK)}
    first = seen(devices(dict.fromkeys(keys, "Initialising"), store))
    source = devices(dict.fromkeys([*keys, QDISK], "Initialising"), store)

    assert first.snapshot.xenstore_devices is not None
    assert QDISK not in first.snapshot.xenstore_devices.states
    assert QDISK in read_devices(source, first).states


def test_a_device_made_anew_is_asked_for_at_once() -> None:
    """Of a device under an old name nothing is kept of the old one, however many there are."""
    states = {DeviceKey("vbd3", 7, number): "Initialising" for number in range(MANY)}
    connected = {state_path(key): b"4" for key in states}
    first = devices(states, connected)
    last = max(states)
    place = f"{DIRECTORY}/vbd3-7-{last.devid}"
    first.stats = {place: b"71 1000\n"}
    known = seen(first)
    again = devices(states, {**connected, state_path(last): b"6"})

    again.stats = {place: b"71 2000\n"}
    found = read_devices(again, known)

    assert found.states[last] == "Closed"


def test_an_error_is_kept_until_its_device_has_its_turn() -> None:
    """An error of a device that is not asked about in this pass is still said."""
    keys = [DeviceKey("vif", domid, 0) for domid in range(1, MANY + 1)]
    sysfs = dict.fromkeys(keys, "InitWait")
    store = {f"/local/domain/0/error/backend/vif/{key.domid}/0/error": b"28 no" for key in keys}
    first = seen(devices(sysfs, store))

    assert len(read_devices(devices(sysfs, store), first).errors) == MANY


def test_a_device_that_breaks_is_seen_within_a_turn() -> None:
    """A device that was connected and is no more loses that state."""
    first = seen(devices({QDISK: "Initialising"}, {state_path(QDISK): b"4"}))
    source = devices({QDISK: "Initialising"}, {state_path(QDISK): b"6"})

    assert read_devices(source, first).states == {QDISK: "Closed"}


def test_a_state_that_was_removed_is_not_kept() -> None:
    """A device whose key is gone from xenstore is in an unknown state."""
    first = seen(devices({QDISK: "Initialising"}, {state_path(QDISK): b"4"}))
    source = devices({QDISK: "Initialising"})

    assert read_devices(source, first).states == {QDISK: "Unknown"}


@pytest.mark.parametrize("now", [{}, {QDISK: "Connected"}], ids=["gone", "has a driver"])
def test_what_is_no_longer_xenstores_is_forgotten(now: dict[DeviceKey, str]) -> None:
    """A device that is gone, or that the kernel knows now, keeps no state of xenstore's."""
    first = seen(devices({QDISK: "Initialising"}, {state_path(QDISK): b"4"}))

    assert read_devices(devices(now), first).states == {}


def test_errors_of_both_sides_are_read() -> None:
    """A device that is not connected has the error its backend or its frontend wrote."""
    store = {
        BACK.format("vif", 0): b"28 mapping shared-frames 521/522 port tx 9 rx 10",
        FRONT.format("vif", 0): b"28 allocating event channel",
    }
    found = read_devices(devices({VIF: "Closed"}, store), lives(7, "blocked"))

    assert found.errors == (
        DeviceError(VIF, "backend", 28, "28 mapping shared-frames 521/522 port tx 9 rx 10"),
        DeviceError(VIF, "frontend", 28, "28 allocating event channel"),
    )


def test_errors_come_in_a_fixed_order() -> None:
    """The same errors are the same value, however the bus lists its devices."""
    store = {BACK.format(key.cls, key.devid): b"28 no" for key in (VBD, VIF, QDISK)}
    for keys in ([VIF, VBD, QDISK], [QDISK, VBD, VIF]):
        found = read_devices(devices(dict.fromkeys(keys, "InitWait"), store), lives(7, "running"))

        assert [error.device for error in found.errors] == [QDISK, VBD, VIF]


def test_an_error_without_number_is_kept() -> None:
    """An error node with other text counts as one without errno."""
    store = {BACK.format("vbd", 51712): b"no number \xff"}
    found = read_devices(devices({VBD: "Closed"}, store), lives(7, "running"))

    assert found.errors == (DeviceError(VBD, "backend", 0, "no number \\xff"),)


def test_a_connected_device_has_no_error() -> None:
    """An error node of an earlier try is not reported of a device that works."""
    store = {BACK.format("vif", 0): b"28 long ago", BACK.format("qdisk", 832): b"28 long ago"}
    store[state_path(QDISK)] = b"4"
    source = devices({VIF: "Connected", QDISK: "Initialising"}, store)

    assert read_devices(source, lives(7, "running")).errors == ()


@pytest.mark.parametrize(
    ("before", "errors"),
    [
        (lives(7, "blocked"), 1),
        (lives(7, "paused"), 1),
        (lives(7, "dying"), 0),
        (lives(8, "blocked"), 0),
        (Snapshot(), 1),
    ],
    ids=["lives", "paused", "dying", "gone", "unknown"],
)
def test_errors_are_of_living_domains(before: Snapshot, errors: int) -> None:
    """Error nodes outlive their guests: only those of domains that live are told."""
    store = {BACK.format("vif", 0): b"28 mapping shared-frames"}
    source = devices({VIF: "Closed"}, store)

    assert len(read_devices(source, before).errors) == errors


def test_a_silent_xenstored_fails_the_devices_too() -> None:
    """A xenstored that does not answer is no word that all devices are well."""
    source: Any = devices({QDISK: "Initialising"})
    source.store = None

    assert failure_of(XENSTORE_DEVICES, source) == "xenstored: timed out after 2 s"
