"""Devices that a domain other than dom0 serves: two captures, and a driver domain from inside."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.probes.support import GUEST, FakeHost, channels
from tests.support import labelled
from xenwatch import metrics
from xenwatch.alerts.names import WARNING
from xenwatch.alerts.states import Alerts
from xenwatch.assessment import Rules, assess_pass, with_alerts
from xenwatch.cli.doctor import report
from xenwatch.config.settings import Settings
from xenwatch.explain.search import matches
from xenwatch.exposition.text_format import render
from xenwatch.page import domains as domains_page
from xenwatch.parse.evtchn import CLOSED, EVENT_CHANNEL_OP, INTERDOMAIN, Channel
from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.probes.devices import DIRECTORY
from xenwatch.readings.devices import DeviceKey
from xenwatch.readings.snapshot import Snapshot, Status
from xenwatch.sources.base import NotCaptured, XenstoreReply
from xenwatch.sources.tree import TreeSource
from xenwatch.status.check import Question, judge
from xenwatch.status.host_status import AlertRow, HostStatus, host_status

HOSTS = Path(__file__).parent / "hosts"
QUBES = HOSTS / "qubes-driver-domain"
SILO = HOSTS / "xsm-silo-eperm"
LATER = 300.0
"""Seconds after which every alert about devices fires, and none is critical yet."""


def read(host: Path) -> Snapshot:
    """What is read in a capture."""
    source = TreeSource(host)
    return take(source, PROBES, clock=lambda: source.time).snapshot


def status_of(snapshot: Snapshot) -> HostStatus:
    """The status once what is wrong has lasted."""
    rules, alerts = Rules(policy=Settings().alerts()), Alerts()
    for time in (snapshot.time, snapshot.time + LATER):
        assessment = assess_pass(dataclasses.replace(snapshot, time=time, instant=time), rules)
        assessment = with_alerts(assessment, metrics.by_name(assessment), alerts)
        assert assessment.alerts is not None
        alerts = assessment.alerts
    return host_status(assessment, PROBES)


def told(rows: Sequence[AlertRow], title: str) -> list[AlertRow]:
    """The warnings of an alert."""
    return [row for row in rows if (row.alert, row.severity) == (title, WARNING)]


def values(name: str, snapshot: Snapshot) -> dict[tuple[str, ...], float]:
    """The series of a metric, by the values of its labels in their alphabetical order."""
    return dict(labelled(name, render(metrics.families(assess_pass(snapshot)))))


def test_every_interface_is_counted_whoever_serves_it() -> None:
    """Each guest but the driver domain itself has one network interface, and dom0 has none."""
    snapshot = read(QUBES)

    assert snapshot.outcomes["xenstore_devices"].status is Status.OK
    assert values("xenwatch_domain_network_interfaces", snapshot) == {
        (str(domid),): float(domid not in (0, 3)) for domid in range(11)
    }
    assert values("xenwatch_domain_disks", snapshot)["5",] == 3


def test_the_broken_guest_is_told_with_its_driver_domain() -> None:
    """Domain 5 has no network: class, error and serving domain are labels of the error."""
    snapshot = read(QUBES)

    assert values("xenwatch_domain_backend_errors", snapshot) == {("3", "vif", "5", "ENOSPC"): 2}
    states = values("xenwatch_domain_backends", snapshot)
    assert states["3", "vif", "5", "Closed"] == 1
    assert sum(states[key] for key in states if key[:2] == ("3", "vif")) == 9


def test_its_alert_names_the_driver_domain() -> None:
    """The alert about the error fires, and the summary says which domain serves the device."""
    found = status_of(read(QUBES)).alerts
    assert found is not None

    [error] = told(found, "XenwatchBackendErrors")
    assert error.state == "firing"
    assert error.summary == (
        f"VM 'pv5' ({error.labels['uuid']}) is running with a failed vif device (ENOSPC), "
        "served by driver domain 3 (pv3)"
    )
    assert error.labels["backend_domid"] == "3"
    assert [row.labels["name"] for row in found if row.alert == "XenwatchBackendsClosed"] == ["pv5"]


def test_the_page_and_the_check_name_it_too() -> None:
    """The domain is broken on the page with its error, and the check is a warning about it."""
    status = status_of(read(QUBES))
    [broken] = [row for row in status.domains or () if row.broken]

    assert (broken.domid, broken.vifs, broken.served_by) == (5, 1, (3,))
    assert broken.broken == ("vif 0: 28 allocating event channel, served by domain 3 (pv3)",)
    page = domains_page.section(status, domains_page.ALL)
    assert domains_page.DRIVER_DOMAINS in page
    assert ">pv3<" in page
    found = judge(status, Question((), {}, {}), 0)
    line = found.line()
    assert found.status == 1
    assert "WARNING - CAPTURE of " in line
    assert "VM 'pv5' (" in line
    assert ") is running with a failed vif device (ENOSPC), served by driver domain 3" in line


def test_doctor_says_who_serves_devices() -> None:
    """Its summary names the driver domain with the devices it serves."""
    found = report(read(QUBES), PROBES)

    assert found.endswith("9 devices of VMs served by domain 3 (pv3), not by dom0\n")


def test_the_channels_of_the_driver_domain() -> None:
    """They are read with dom0's privileges; the max is that of xl, and said to be its default."""
    snapshot = read(QUBES)
    states = {state.limit.name: state for state in assess_pass(snapshot).states}
    limit = states["driver_domain_event_channels"]

    assert snapshot.driver_domains is not None
    assert (limit.instance, limit.used) == ("3", 12)


def test_a_refused_event_channel_is_no_limit() -> None:
    """EPERM of the frontend is told as such, and its message leads to XSM and not to a limit."""
    snapshot = read(SILO)

    assert values("xenwatch_domain_backend_errors", snapshot) == {("0", "vif", "5", "EPERM"): 1}
    found = status_of(snapshot).alerts
    assert found is not None
    [error] = told(found, "XenwatchBackendErrors")
    assert "EPERM" in error.summary
    [entry] = matches("1 allocating event channel")
    assert entry.limit == ""
    assert entry.runbook == "XenwatchBackendErrors.md"
    assert "XSM" in entry.meaning


@pytest.mark.parametrize("host", [QUBES, SILO], ids=lambda host: host.name)
def test_nothing_else_is_broken(host: Path) -> None:
    """No other domain of the captures has a device that is out of service or an error."""
    assert [row.domid for row in status_of(read(host)).domains or () if row.broken] == [5]


class Older(TreeSource):
    """A capture by an xenwatch that did not ask for frontends."""

    def xenstore(self, op: int, payload: bytes) -> XenstoreReply:
        """A reply that was recorded, but to a request about a frontend."""
        if b"/device" in payload:
            raise NotCaptured("xenstore", "not captured")
        return super().xenstore(op, payload)


def test_a_capture_without_frontends_counts_what_dom0_serves() -> None:
    """A capture by an xenwatch that did not ask for frontends has the counts it always had."""
    source = Older(HOSTS / "debian-12-xen-4.17/10-guests/capture")
    snapshot = take(source, PROBES, clock=lambda: source.time).snapshot

    found = values("xenwatch_domain_network_interfaces", snapshot)

    assert snapshot.outcomes["xenstore_devices"].status is Status.OK
    assert found["10",] == 0
    assert found["11",] == 2


def inside() -> FakeHost:
    """A driver domain, as xenwatch in it sees it: two interfaces, of which one failed."""
    states = {"vif-5-0": b"Closed\n", "vif-6-0": b"Connected\n"}
    files = {f"{DIRECTORY}/{name}/state": state for name, state in states.items()}
    files |= {f"/sys/hypervisor/version/{part}": b"4\n" for part in ("major", "minor", "extra")}
    slots = [Channel(port, 0, INTERDOMAIN if port else CLOSED, 5, port) for port in range(64)]
    return FakeHost(
        files={**GUEST, **files},
        directories={DIRECTORY: tuple(states)},
        store={
            "domid": b"3",
            "/local/domain/3/error/backend/vif/5/0/error": b"28 mapping shared-frames 8/521",
        },
        calls={EVENT_CHANNEL_OP: channels(slots)},
    )


def test_a_driver_domain_reads_its_own_backends() -> None:
    """Run in it, xenwatch has its devices, their errors and its event channels as its own."""
    snapshot = take(inside(), PROBES).snapshot

    assert snapshot.device_states() == {
        DeviceKey("vif", 5, 0, 3): "Closed",
        DeviceKey("vif", 6, 0, 3): "Connected",
    }
    assert snapshot.xenstore_devices is not None
    [error] = snapshot.xenstore_devices.errors
    assert (error.device, error.errno) == (DeviceKey("vif", 5, 0, 3), 28)
    assert snapshot.driver_domains is not None
    assert {domid: its.used for domid, its in snapshot.driver_domains.channels.items()} == {3: 63}
    assert values("xenwatch_domain_backend_errors", snapshot) == {("3", "vif", "5", "ENOSPC"): 1}


def test_doctor_says_what_a_driver_domain_cannot_read() -> None:
    """What needs the privileges of dom0 does not apply there, and the summary says why."""
    snapshot = take(inside(), PROBES).snapshot
    outcomes = snapshot.outcomes

    assert {outcomes[name].status for name in ("domains", "grants", "event_channels")} == {
        Status.NOT_APPLICABLE
    }
    assert report(snapshot, PROBES).endswith(
        "This is a driver domain (domain 3): its backends and event channels are read. "
        "Readings that need the privileges of dom0 are not available.\n"
    )
