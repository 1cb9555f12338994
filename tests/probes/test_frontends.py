"""Devices that other domains serve, as their frontends tell of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.probes.support import Before, FakeHost, after, dom0, failed, handle, info, value_of, xen
from xenwatch.probes.base import Pass, take
from xenwatch.probes.devices import DIRECTORY
from xenwatch.probes.domains import DOMAINS
from xenwatch.probes.frontends import AGAIN
from xenwatch.probes.xenstore_devices import XENSTORE_DEVICES
from xenwatch.readings.devices import DeviceError, DeviceKey, XenstoreDevices
from xenwatch.readings.domains import Domain, Domains
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import NotCaptured, SourceError

VIF = DeviceKey("vif", 5, 0, 3)
MANY = 4 * AGAIN


def frontend(domid: int, cls: str, devid: int, backend: str, state: str = "4") -> dict[str, bytes]:
    """The nodes of a device by the path of its backend, as a toolstack writes them."""
    home = f"/local/domain/{domid}/device/{cls}/{devid}"
    return {
        f"{home}/backend": backend.encode(),
        f"{home}/backend-id": backend.split("/")[3].encode(),
        f"{home}/state": state.encode(),
        f"{backend}/state": state.encode(),
    }


def vif(domid: int, server: int = 3, state: str = "4") -> dict[str, bytes]:
    """The nodes of the first interface of a domain, served by another."""
    return frontend(domid, "vif", 0, f"/local/domain/{server}/backend/vif/{domid}/0", state)


def host(
    domids: Iterable[int], store: Mapping[str, bytes], bus: Iterable[str] = (), **parts: object
) -> FakeHost:
    """A dom0 with these guests and nodes, and with devices of its own that are connected."""
    names = tuple(bus)
    files = {f"{DIRECTORY}/{name}/state": b"Connected\n" for name in names}
    calls = xen(info(domid) for domid in (0, *domids))
    return dom0(files, directories={DIRECTORY: names}, store=store, calls=calls, **parts)


def read(source: FakeHost, before: Before = None) -> XenstoreDevices:
    """What the probe reads."""
    found: XenstoreDevices = value_of(XENSTORE_DEVICES, source, before)
    return found


def seen(source: FakeHost, before: Before = None) -> Pass:
    """What is known after a run of the probe."""
    return after(XENSTORE_DEVICES, source, before)


def asked(source: FakeHost) -> list[str]:
    """The paths of xenstore that were asked for."""
    return [path for path in map(str, source.asked) if path.startswith("/local/")]


def listed(source: FakeHost) -> set[int]:
    """The domains whose frontends were listed."""
    return {int(path.split("/")[3]) for path in asked(source) if path.endswith("/device/vif")}


def test_a_device_served_elsewhere_has_its_backends_state() -> None:
    """The state is the backend's, from the domain that serves it."""
    found = read(host([3, 5], vif(5, state="6")))

    assert found.elsewhere == {VIF}
    assert found.states == {VIF: "Closed"}


def test_both_sides_of_an_error_are_read_where_they_are() -> None:
    """The backend's node is below the driver domain, the frontend's below the guest."""
    store = {
        **vif(5, state="6"),
        "/local/domain/3/error/backend/vif/5/0/error": b"28 mapping shared-frames 522/523",
        "/local/domain/5/error/device/vif/0/error": b"1 allocating event channel",
        "/local/domain/0/error/backend/vif/5/0/error": b"12 of an earlier device",
    }

    assert read(host([3, 5], store)).errors == (
        DeviceError(VIF, "backend", 28, "28 mapping shared-frames 522/523"),
        DeviceError(VIF, "frontend", 1, "1 allocating event channel"),
    )


def test_a_driver_domain_that_is_gone_leaves_its_devices_unknown() -> None:
    """The frontend still names a domain that has ended: the device is counted, and has no state."""
    store = {path: value for path, value in vif(5).items() if "/domain/5/" in path}

    found = read(host([5], store))

    assert found.elsewhere == {VIF}
    assert found.states == {VIF: "Unknown"}


@pytest.mark.parametrize("cls", ["vbd", "qdisk", "tap"])
def test_a_disk_has_the_class_of_its_backend(cls: str) -> None:
    """xl serves disks by several backends, which the path of the backend tells."""
    store = frontend(5, "vbd", 51712, f"/local/domain/3/backend/{cls}/5/51712")

    assert read(host([3, 5], store)).states == {DeviceKey(cls, 5, 51712, 3): "Connected"}


def test_a_device_of_dom0_is_listed_and_not_read() -> None:
    """What sysfs has is dom0's: of it no key is asked for, only the two lists of the domain."""
    store = {
        **frontend(5, "vif", 0, "/local/domain/0/backend/vif/5/0"),
        **frontend(5, "vbd", 51712, "/local/domain/0/backend/vbd3/5/51712"),
    }
    source = host([5], store, ["vif-5-0", "vbd3-5-51712"])

    assert read(source) == XenstoreDevices({}, ())
    assert asked(source) == [
        f"/local/domain/{domid}/device/{cls}" for domid in (0, 5) for cls in ("vif", "vbd")
    ]


def test_dom0_may_be_served_too() -> None:
    """dom0's own network can be in a driver domain."""
    assert read(host([3], vif(0))).elsewhere == {DeviceKey("vif", 0, 0, 3)}


@pytest.mark.parametrize("value", [b"", b"0", b"-3", b"three", b"123456", b"3\n", b"\xff"])
def test_what_no_toolstack_writes_is_no_backend(value: bytes) -> None:
    """A guest may write anything into its own nodes."""
    store = {**vif(5), "/local/domain/5/device/vif/0/backend-id": value}

    assert read(host([3, 5], store)).elsewhere == frozenset()


@pytest.mark.parametrize("name", ["suspend", "-1", "", "1" * 11, "0x0"])
def test_what_is_no_device_id_is_passed_over(name: str) -> None:
    """Other names below the class cost nothing."""
    store = {**vif(5), f"/local/domain/5/device/vif/{name}/backend-id": b"3"}

    assert read(host([3, 5], store)).elsewhere == {VIF}


def test_a_domain_that_dies_is_not_listed() -> None:
    """Of a dying domain no device is expected to work."""
    domains = (
        Domain(0, str(handle(0)), None, "pv", "running", 1, 1, 0, 0.0),
        Domain(5, str(handle(5)), None, "pv", "dying", 1, 1, 0, 0.0),
    )
    source = host([5], vif(5))

    assert read(source, Snapshot(domains=Domains(domains, "hypercall"))).elsewhere == frozenset()
    assert listed(source) == {0}


def test_new_domains_are_listed_at_once_and_once_more() -> None:
    """A toolstack may still plug in devices when a domain is first seen."""
    domids = range(1, MANY)
    first = seen(host(domids, {}))
    second_source, third_source = host(domids, vif(5)), host(domids, vif(5))
    second = seen(second_source, first)
    seen(third_source, second)

    assert listed(second_source) == {0, *domids}
    assert second.snapshot.xenstore_devices is not None
    assert second.snapshot.xenstore_devices.elsewhere == {VIF}
    assert len(listed(third_source)) == AGAIN


def test_known_domains_are_listed_a_slice_a_pass() -> None:
    """Each domain has its turn, and a pass asks about few."""
    domids = range(1, MANY)
    known = seen(host(domids, {}), seen(host(domids, {})))
    turns: set[int] = set()
    for _ in range(MANY // AGAIN):
        source = host(domids, {})
        known = seen(source, known)
        assert len(listed(source)) == AGAIN
        turns |= listed(source)

    assert turns == {0, *domids}


def test_another_domain_under_the_same_domid_is_listed_at_once() -> None:
    """Nothing of a domain that ended is told of the next one with its domid."""
    domids = range(1, MANY)
    known = seen(host(domids, vif(5)))
    known = seen(host(domids, vif(5)), known)
    infos = [info(domid) for domid in (0, *domids) if domid != 5] + [info(5, generation=9999)]
    source = host(domids, {})
    source.calls = xen(infos)

    assert read(source, known).elsewhere == frozenset()
    assert 5 in listed(source)


def test_after_a_failure_all_are_listed() -> None:
    """Devices of before an outage of xenstored are not taken for those of after it."""
    domids = range(1, MANY)
    known = seen(host(domids, vif(5)), seen(host(domids, vif(5))))
    source = host(domids, vif(5, state="6"))

    assert read(source, failed(XENSTORE_DEVICES, known)).states == {VIF: "Closed"}
    assert listed(source) == {0, *domids}


def test_requests_of_a_pass() -> None:
    """What a pass asks of xenstored: nothing but dom0's lists without guests, then by slices."""
    counts = []
    for guests in (0, 10, 1000):
        domids = range(1, guests + 1)
        bus = [f"vif-{domid}-0" for domid in domids]
        known = seen(host(domids, {}, bus), seen(host(domids, {}, bus)))
        source = host(domids, {}, bus)
        seen(source, known)
        counts.append(len(asked(source)))

    assert counts == [2, 22, 2 * AGAIN]


class Captured(FakeHost):
    """A capture that lacks what was not asked for."""

    def xenstore(self, op: int, payload: bytes):  # type: ignore[no-untyped-def]
        """The answer, where there is one."""
        path = payload.rstrip(b"\0").decode()
        if op != 2 or path not in (self.store or {}):
            raise NotCaptured(path, "not in this capture")
        return super().xenstore(op, payload)


def captured(store: Mapping[str, bytes], bus: Iterable[str] = ()) -> Captured:
    """A capture of three guests with these keys and no list."""
    plain = host([3, 5, 6], store, bus)
    return Captured(
        files=plain.files, directories=plain.directories, store=store, calls=plain.calls
    )


def test_a_capture_without_frontends_has_none() -> None:
    """Where nothing of frontends was captured, what dom0 serves is all that is known."""
    assert read(captured({}, ["vif-5-0"])) == XenstoreDevices({}, ())


def test_in_a_capture_without_lists_the_first_interface_is_asked_for() -> None:
    """Keys that somebody recorded by hand are found, and the other domains are unknown."""
    store = {**vif(5), "/local/domain/6/device/vif/0/backend-id": b"0"}

    found = read(captured(store))

    assert found.elsewhere == {VIF}
    assert found.unlisted == {0, 3}


@given(
    st.dictionaries(
        st.sampled_from(
            [f"/local/domain/5/device/{name}" for name in ("vif/0/backend-id", "vbd/1/backend-id")]
            + ["/local/domain/5/device/vbd/1/backend", "/local/domain/7/backend/vif/5/0/state"]
        ),
        st.binary(max_size=40),
    )
)
def test_any_bytes_of_a_guest_are_a_reading(nodes: dict[str, bytes]) -> None:
    """Whatever a guest writes, the probe succeeds, and domids are numbers of Xen."""
    found = read(host([5, 7], nodes))

    assert {key.domid for key in found.elsewhere} <= {5}
    assert all(0 < key.backend_domid < 100_000 for key in found.elsewhere)


def test_a_list_that_fails_fails_the_probe() -> None:
    """A refusal of xenstored is no word that a domain has no devices."""
    path = "/local/domain/5/device/vif"
    source = host([5], {}, errors={path: SourceError(path, "EIO")})

    found = take(source, [DOMAINS, XENSTORE_DEVICES]).snapshot

    assert found.xenstore_devices is None
    assert found.outcomes["xenstore_devices"].detail == f"{path}: EIO"
