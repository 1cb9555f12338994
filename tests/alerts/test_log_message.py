"""The alerts on messages of the logs and on crash loops, from the synthetic host to the message."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import pytest

from tests.alerts.support import POLICY
from xenwatch.alerts.messages import Sender, of_active
from xenwatch.alerts.states import Alerts, State
from xenwatch.assessment import Assessment, Rules, assess_pass, with_alerts
from xenwatch.config.settings import Settings
from xenwatch.metrics import by_name
from xenwatch.model.player import Player
from xenwatch.model.presets import PRESETS
from xenwatch.model.scenario_source import load
from xenwatch.model.source import ModelSource
from xenwatch.probes import PROBES
from xenwatch.probes.base import Pass, take

RULES = Rules(policy=Settings().alerts())
TIME = 1_800_000_000.0
NAMES = ("host", "domains", "xenstore", "kernel_log", "xen_console")
READ = [probe for probe in PROBES if probe.name in NAMES]


def judged(known: Pass, before: Assessment | None) -> Assessment:
    """The assessment of a pass with its alerts, after the one before."""
    found = assess_pass(known.snapshot, RULES, before)
    alerts = before.alerts if before else None
    return with_alerts(found, by_name(found), alerts or Alerts())


def course(name: str, seconds: float, step: float = 30.0) -> Assessment:
    """What the daemon says of a scenario at a time, after it has watched from the start."""
    player = Player(load(name))
    source = ModelSource(player.machine)
    known: Pass | None = None
    found: Assessment | None = None
    moment = 0.0
    while moment <= seconds:
        player.advance(moment)
        known = take(source, READ, partial(float, TIME + moment), known)
        found = judged(known, found)
        moment += step
    assert found is not None
    return found


def firing(found: Assessment, name: str) -> dict[str, Mapping[str, str]]:
    """The labels of the alert's series that fire, by summary."""
    assert found.alerts is not None
    messages = (of_active(one, Sender("", "/runbooks/")) for one in found.alerts.firing)
    return {
        message.annotations["summary"]: message.labels
        for message in messages
        if message.labels["alertname"] == name
    }


def test_each_kind_fires_with_its_runbook() -> None:
    """Log, kind and runbook are labels, the number of messages is in the summary."""
    found = firing(course("log-messages", 900), "XenwatchLogMessage")

    assert {(its["log"], its["kind"], its["runbook"]) for its in found.values()} == {
        ("kernel", "conntrack_full", "XenwatchConntrackNearLimit"),
        ("kernel", "machine_check", "XenwatchLogMessage"),
        ("xen", "pod_memory_exhausted", "XenwatchHostMemoryNearLimit"),
    }
    assert "kernel log reports conntrack_full (20 in the last 15 minutes)" in found


def test_it_is_over_15_minutes_after_the_last_message() -> None:
    """Then nothing fires any more, and the state is ok."""
    found = course("log-messages", 2400)

    assert firing(found, "XenwatchLogMessage") == {}
    assert found.alerts is not None
    assert found.alerts.states["log_message", "warning"] is State.OK


def test_a_crash_loop_names_its_vm() -> None:
    """A VM that has been restarted often enough fires, by name and UUID."""
    calm, looping = course("crash-loop", 780), course("crash-loop", 1200)

    assert firing(calm, "XenwatchCrashLoop") == {}
    [(summary, labels)] = firing(looping, "XenwatchCrashLoop").items()
    assert labels["name"] == "linux-0001"
    assert summary == (
        f"VM 'linux-0001' ({labels['uuid']}) was restarted 8 times in the last half hour"
    )


@pytest.mark.parametrize("preset", PRESETS)
def test_a_healthy_host_is_silent(preset: str) -> None:
    """No preset raises any of them, nor has a log that cannot be read."""
    source = ModelSource(PRESETS[preset]())
    known: Pass | None = None
    found: Assessment | None = None
    for moment in (0.0, 10.0):
        known = take(source, READ, partial(float, TIME + moment), known)
        found = judged(known, found)

    assert found is not None
    assert found.alerts is not None
    new = {"log_message", "crash_loop", "probe_failing"}
    assert not {key for key in found.alerts.active if key[0] in new}
    assert set(POLICY.seconds) > new
