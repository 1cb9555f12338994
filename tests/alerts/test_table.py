"""The table of alerts as a whole."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support import full_snapshot
from xenwatch.alerts.base import Alert, Watch
from xenwatch.alerts.by_vm import ByVm
from xenwatch.alerts.names import INFO, SEVERITIES, WARNING
from xenwatch.alerts.states import Alerts, State, step
from xenwatch.alerts.table import ALERTS, WATCHES
from xenwatch.assessment import Rules, assess_pass
from xenwatch.config.settings import Settings
from xenwatch.exposition.text_format import Family
from xenwatch.metrics import families
from xenwatch.passes.publisher import assess
from xenwatch.readings.snapshot import Outcome, Status

POLICY = Settings().alerts()
EVERY: tuple[Alert | Watch, ...] = (*ALERTS, *WATCHES)
NAMES = [alert.name for alert in EVERY]


def states_of(failed: str) -> Mapping[tuple[str, str], State]:
    """The states with the full snapshot, one of whose probes has failed, if any is named."""
    snapshot = full_snapshot()
    if failed:
        outcomes = {**snapshot.outcomes, failed: Outcome(Status.FAILED, "no answer")}
        nothing: dict[str, Any] = {failed: None}
        snapshot = dataclasses.replace(snapshot, outcomes=outcomes, **nothing)
    alerts = assess(snapshot, Rules(policy=POLICY)).assessment.alerts
    assert alerts is not None
    return alerts.states


def test_names_are_unique_and_make_good_names() -> None:
    """No two alerts have the same name, and each becomes a name in CamelCase."""
    titles = [alert.title for alert in EVERY]

    assert len(set(NAMES)) == len(NAMES)
    assert all(re.fullmatch(r"Xenwatch([A-Z][a-z0-9]+)+", title) for title in titles)


def test_causes_and_severities_are_known() -> None:
    """Every cause and every symptom is an alert, and every condition has one of the severities."""
    causes = {cause for alert in EVERY for cause in alert.causes}
    causes |= {symptom for alert in ALERTS for symptom in alert.explains}

    assert causes <= set(NAMES)
    assert all(set(alert.conditions) <= set(SEVERITIES) for alert in ALERTS)
    assert all(watch.severity in (*SEVERITIES, INFO) for watch in WATCHES)


def test_texts_name_labels_there_are() -> None:
    """Every place in a summary or description is the value or a label of the alert's series."""
    for alert in EVERY:
        places = set(re.findall(r"\{(\w+)\}", alert.summary + alert.description))
        places |= {"name", "uuid"} if "vm" in places else set()
        places |= {"backend_domid"} if "backend" in places else set()
        places |= {"limit"} if "title" in places else set()
        assert places <= {"value", "vm", "backend", "title", *alert.labels}, alert.name


@pytest.mark.parametrize("probe", sorted({alert.probe for alert in ALERTS if alert.probe}))
def test_what_a_probe_cannot_read_is_unknown(probe: str) -> None:
    """With a probe failed all its alerts are unknown and the others are as they were."""
    states, before = states_of(probe), states_of("")
    own = {
        (alert.name, severity)
        for alert in ALERTS
        if probe in (alert.probe, *alert.probes.values())
        for severity in alert.conditions
    }
    if probe == "domains":  # of which VMs there is something to tell
        active = (State.PENDING, State.FIRING)
        own |= {
            (alert.name, severity)
            for alert in ALERTS
            for severity, condition in alert.conditions.items()
            if isinstance(condition, ByVm) and before.get((alert.name, severity)) in active
        }

    if probe == "daemons":  # which toolstack starts guests, and how many channels it lets them have
        limit = "driver_domain_event_channels_near_limit"
        own |= {(limit, severity) for severity in SEVERITIES}

    assert {key: states[key] for key in own} == dict.fromkeys(own, State.UNKNOWN)
    others = before.keys() - own - {("probe_failing", WARNING)}
    if probe == "control_path":  # no waiting was measured that these could explain
        others -= {("control_path_starved", WARNING), ("misplaced_processes", WARNING)}
    assert {key: states.get(key) for key in others} == {key: before[key] for key in others}
    assert states["probe_failing", WARNING] is State.PENDING


def test_a_forecast_without_readings_is_not_well() -> None:
    """A limit that is full soon, and then cannot be read, is unknown; one of the others is over."""
    policy = dataclasses.replace(POLICY, keep=0, seconds={alert.name: 0 for alert in ALERTS})
    full, failed = full_snapshot(), Outcome(Status.FAILED, "no answer")

    def soon(**seconds: float) -> dict[str, Family]:
        found = assess_pass(full, Rules(policy=policy))
        found = dataclasses.replace(found, seconds_to_full=seconds)
        return {family.name: family for family in families(found)}

    fires = step(Alerts(), soon(aio_requests=60, ptys=60), full, policy, limits=())
    unread = dataclasses.replace(full, outcomes={**full.outcomes, "aio": failed})
    over = step(fires, soon(), unread, policy, limits=())

    assert {active.labels for active in fires.firing if active.alert.name == "limit_full_soon"} == {
        (("limit", "aio_requests"),), (("limit", "ptys"),)
    }  # fmt: skip
    assert {
        (change.active.labels[0][1], change.now)
        for change in over.changes
        if change.active.alert.name == "limit_full_soon"
    } == {("aio_requests", State.UNKNOWN), ("ptys", State.OK)}
    assert over.states["limit_full_soon", WARNING] is State.UNKNOWN


def test_nothing_is_known_before_the_first_reading() -> None:
    """Without outcomes only alerts that need no probe have a state, and none fires."""
    unread = dataclasses.replace(full_snapshot(), outcomes={})
    alerts = step(Alerts(), {}, unread, POLICY, limits=())

    by_name = {alert.name: alert for alert in ALERTS}
    assert all(not by_name[name].probe for name, _ in alerts.states)
    assert set(alerts.states.values()) == {State.OK}
