"""The status of a host: what is in it, and the way to JSON and back."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.planning.support import xenserver
from tests.support import full_snapshot
from xenwatch import metrics
from xenwatch.alerts.conditions import Evidence
from xenwatch.alerts.states import Active, Alerts, State
from xenwatch.alerts.table import ALERTS
from xenwatch.assessment import Rules, assess_pass
from xenwatch.config.settings import Settings
from xenwatch.exposition import text_format
from xenwatch.probes import PROBES
from xenwatch.probes.control_path import NO_ROUND_TRIPS
from xenwatch.readings.control_path import ControlPath
from xenwatch.readings.devices import Backends, DeviceKey, XenstoreDevices
from xenwatch.readings.domains import Domains
from xenwatch.readings.snapshot import Outcome, Snapshot, Status
from xenwatch.status import host_status
from xenwatch.status.domain_row import DomainRow
from xenwatch.status.host_status import AlertRow, HostStatus, StatusError
from xenwatch.status.log_row import LogRow

ALERT = dataclasses.asdict(AlertRow("XenwatchX", {}, "warning", "firing", "x", 1.0, "", 2.0))
LOG = dataclasses.asdict(LogRow("kernel", "oom", 1, 1, 0, -60.0, "x", "X", ""))


def of(snapshot: Snapshot, **parts: Any) -> HostStatus:
    """The status of a snapshot by default rules, parts of its assessment replaced."""
    assessment = dataclasses.replace(assess_pass(snapshot), **parts)
    return host_status.host_status(assessment, PROBES, "dom0-1")


def domain(snapshot: Snapshot, domid: int) -> DomainRow:
    """A domain of the status."""
    return next(row for row in of(snapshot).domains or () if row.domid == domid)


def test_json_comes_back_as_it_was() -> None:
    """Everything in a status survives JSON."""
    alert = next(declared for declared in ALERTS if declared.name == "probe_failing")
    active = Active(alert, "warning", (("probe", "aio"),), 900.0, 0.0, fired=950.0)
    alerts = Alerts({("probe_failing", "warning", active.labels): active})
    policy = dataclasses.replace(Settings().alerts(), runbooks="https://a/")
    found = of(
        full_snapshot(),
        alerts=alerts,
        seconds_to_full={"aio_requests": 60.0},
        rules=Rules(policy=policy),
    )

    assert found.alerts is not None
    assert found.alerts[0].summary == "Probe aio is failing"
    assert found.alerts[0].runbook_url == "https://a/XenwatchProbeFailing.md"
    assert host_status.loads(host_status.dumps(found)) == found


def test_a_newer_daemon_is_understood() -> None:
    """Fields that are not known here are passed over, in every kind of row."""
    document = json.loads(host_status.dumps(of(full_snapshot())))
    document["new"] = document["limits"][0]["new"] = 1

    assert host_status.loads(json.dumps(document)) == of(full_snapshot())


def changed(document: dict[str, Any], path: list[Any], value: object) -> str:
    """The document with another value at a path."""
    place: Any = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return json.dumps(document)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["time"], "now"),
        (["time"], True),
        (["limits"], {}),
        (["limits", 0], None),
        (["limits", 0, "used"], 1.5),
        (["limits", 0, "title"], None),
        (["domains", 0, "broken"], "vif"),
        (["probes"], []),
        (["probes", "aio", "seconds"], None),
        (["seconds_to_full"], {"aio_requests": "soon"}),
        (["time"], 10**400),
        (["time"], float("nan")),
        (["limits", 0, "used"], 10**400),
        (["limits", 0, "ratio"], 1e308),
        (["limits", 0, "ratio"], float("inf")),
        (["time"], 2**99),
        (["time"], -(2**60)),
        (["source", "captured"], 2**99),
        (["maintenance"], {"until": 2**99}),
        (["alerts"], [{**ALERT, "since": 2**99}]),
        (["alerts"], [{**ALERT, "fired": 2**99}]),
        (["logs"], [{**LOG, "time": 2**99}]),
        (["probes", "aio", "time"], 2**99),
    ],
)
def test_what_is_no_status_is_refused(path: list[Any], value: object) -> None:
    """A value of a wrong type, a number of no host or a time that is no date is an error."""
    document = json.loads(host_status.dumps(of(full_snapshot())))
    with pytest.raises(StatusError, match="not a status document of xenwatch"):
        host_status.loads(changed(document, path, value))


def test_what_began_before_1970_is_understood() -> None:
    """A clock that is set back to 1970 makes the times of what has lasted for a while negative."""
    document = json.loads(host_status.dumps(of(full_snapshot())))
    alert = {**ALERT, "since": -7200.0, "fired": -3600.0}
    found = host_status.loads(changed({**document, "logs": [LOG]}, ["alerts"], [alert]))

    assert [row.entered for row in found.alerts or ()] == [-3600.0]
    assert [row.time for row in found.logs] == [-60.0]


@settings(deadline=None)
@given(st.one_of(st.binary(), st.text(), st.just(b"[" * 100000)))
def test_anything_else_is_refused(document: bytes | str) -> None:
    """Bytes that are no JSON, or JSON of something else, raise nothing but the one error."""
    with pytest.raises(StatusError):
        host_status.loads(document)


def test_what_was_not_read_is_null() -> None:
    """Without readings nothing is empty that should be unknown."""
    outcomes = {"aio": Outcome(Status.FAILED, "no access"), "maptrack": Outcome(Status.DISABLED)}
    found = of(Snapshot(outcomes=outcomes))

    assert found.domains is None
    assert found.alerts is None
    assert [(limit.limit, limit.used, limit.state) for limit in found.limits] == [
        ("aio_requests", None, "unknown")
    ]
    assert (found.headroom, found.host) == ((), "")
    assert "could not be read" in (found.obstacle or "")
    assert found.probes["aio"].advice
    assert "[probes.maptrack]" in found.probes["maptrack"].advice


def test_a_dead_control_path_has_no_headroom() -> None:
    """While xapi does not answer the status has no number of VMs, and says why."""
    dead = ControlPath({"xapi": dataclasses.replace(NO_ROUND_TRIPS, recent=(None,))}, {})
    found = of(dataclasses.replace(xenserver("6.2.0"), control_path=dead))

    assert found.headroom == ()
    assert (found.obstacle or "").startswith("xapi does not answer")


def test_a_domain_shows_what_it_holds() -> None:
    """Devices are counted from backends, event channels from dom0's, errors from xenstore."""
    guest = domain(full_snapshot(), 5)

    assert (guest.disks, guest.vifs, guest.event_channels) == (1, 2, 5)
    assert guest.broken == (
        "vbd 51712: no number",
        "vif 0: 28 allocating event channel",
        "vif 1: 1 allocating event channel, served by domain 3, which does not exist",
    )
    assert guest.served_by == (3,)
    assert domain(full_snapshot(), 0).broken == ()


def test_devices_nobody_could_read_are_not_zero() -> None:
    """Without backends, xenstore or event channels the columns are unknown."""
    blind = dataclasses.replace(
        full_snapshot(), backends=None, event_channels=None, xenstore_devices=None, datapath=None
    )
    guest = domain(blind, 5)

    assert (guest.disks, guest.vifs, guest.event_channels, guest.broken) == (None,) * 4


def test_a_closed_device_is_broken_only_while_its_domain_lives() -> None:
    """A closed backend of a domain that runs is a trouble, of one that dies it is not."""
    states = {DeviceKey("vif", 5, 0): "Closed", DeviceKey("vif", 6, 0): "Closed"}
    snapshot = dataclasses.replace(
        full_snapshot(), backends=Backends(states), xenstore_devices=None
    )

    assert domain(snapshot, 5).broken == ("vif 0: Closed",)
    assert domain(snapshot, 6).broken is None


@pytest.mark.parametrize("state", ["running", "paused", "shutdown", "crashed", "dying", None])
def test_page_and_alert_agree_on_closed_devices(state: str | None) -> None:
    """A domain is shown as broken, not so, or not known, just where its alert says so."""
    full = full_snapshot()
    assert full.domains is not None
    guests = tuple(dataclasses.replace(vm, state=state) for vm in full.domains.domains)
    gone, guest = DeviceKey("vif", 99, 0), DeviceKey("vif", 5, 0)
    snapshot = dataclasses.replace(
        full,
        domains=Domains(guests, "hypercall"),
        backends=Backends({guest: "Closed", gone: "Closed"}),
        xenstore_devices=XenstoreDevices({}, ()),
        datapath=None,
    )
    alert = next(declared for declared in ALERTS if declared.name == "backends_closed")
    families = {family.name: family for family in metrics.families(assess_pass(snapshot))}
    found = alert.conditions["warning"].evaluate(Evidence(families))

    if state is None:
        assert domain(snapshot, 5).broken is None
        assert (found.active, len(found.unknown)) == ({}, 1)
    else:
        broken = [row for row in of(snapshot).domains or () if row.broken]
        assert {row.uuid for row in broken} == {dict(labels)["uuid"] for labels in found.active}
        assert not found.unknown


def test_an_interface_without_a_network_is_broken() -> None:
    """A domain is shown with the fault of its interface, unless the device has an error."""
    snapshot = dataclasses.replace(full_snapshot(), xenstore_devices=XenstoreDevices({}, ()))

    assert domain(snapshot, 5).broken == ("vif 0: in no bridge",)


def test_alerts_nobody_can_judge_are_named() -> None:
    """The alerts whose state is unknown are named, each once."""
    states = {("a", "warning"): State.UNKNOWN, ("a", "critical"): State.UNKNOWN}
    found = of(full_snapshot(), alerts=Alerts(states={**states, ("b", "warning"): State.OK}))

    assert found.alerts_unknown == ("a",)


@settings(deadline=None)
@given(st.binary())
def test_names_are_those_of_the_labels(name: bytes) -> None:
    """A domain is called in the status what it is called in the metrics."""
    full = full_snapshot()
    assert full.domains is not None
    named = dataclasses.replace(full.domains.domains[0], name=name)
    found = of(Snapshot(domains=Domains((named,), "hypercall")))

    assert found.domains is not None
    assert host_status.loads(host_status.dumps(found)).domains == found.domains
    assert found.domains[0].name == text_format.text(name)
