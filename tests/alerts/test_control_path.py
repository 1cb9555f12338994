"""A control path that does not answer, or slowly: when its alerts fire, and when not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import pytest

from xenwatch import metrics
from xenwatch.alerts.states import Alerts, State, step
from xenwatch.alerts.table import ALERTS
from xenwatch.assessment import assess_pass
from xenwatch.config.settings import Settings
from xenwatch.exposition.text_format import Family
from xenwatch.generate.rules import inhibitions
from xenwatch.model.player import Player
from xenwatch.model.presets import PRESETS
from xenwatch.model.scenario import Scenario
from xenwatch.model.scenario_source import load
from xenwatch.model.source import ModelSource
from xenwatch.model.steps import Hang, Step
from xenwatch.probes.base import Pass, take
from xenwatch.probes.control_path import CONTROL_PATH
from xenwatch.probes.host import HOST
from xenwatch.readings.snapshot import Snapshot

NAMES: Final = ("xenstored_unresponsive", "xapi_unresponsive", "control_path_slow")
TABLE: Final = [alert for alert in ALERTS if alert.name in NAMES]
POLICY: Final = Settings().alerts()
INTERVAL: Final = CONTROL_PATH.interval


def page_of(snapshot: Snapshot) -> Mapping[str, Family]:
    """The families of the page by name."""
    return {family.name: family for family in metrics.families(assess_pass(snapshot))}


def played(scenario: Scenario, seconds: float) -> list[tuple[float, str, str, str]]:
    """The alerts that began to fire: when, which, how severe, and of which daemon."""
    player = Player(scenario)
    source = ModelSource(player.machine)
    known, alerts, found = Pass(), Alerts(), []
    for number in range(int(seconds / INTERVAL)):
        now = number * INTERVAL
        player.advance(now)
        known = take(source, [HOST, CONTROL_PATH], lambda now=now: now, known)  # type: ignore[misc]
        page = page_of(known.snapshot)
        alerts = step(alerts, page, known.snapshot, POLICY, limits=(), table=TABLE)
        found += [
            (
                now,
                change.active.alert.name,
                change.active.severity,
                dict(change.active.labels)["target"],
            )
            for change in alerts.changes
            if change.now is State.FIRING
        ]
    return found


def hanging(*steps: Step, platform: str = "xcp-ng-8.3") -> Scenario:
    """A host without VMs on which daemons hang."""
    return Scenario("hanging", "", platform, steps)


def test_a_dead_control_path_is_critical_after_two_minutes() -> None:
    """xapi that hangs is told within three minutes, then xenstored, and none of them as slow."""
    found = played(load("control-path-dead"), 1300)

    assert [(name, severity, target) for _, name, severity, target in found] == [
        ("xapi_unresponsive", "critical", "xapi"),
        ("xenstored_unresponsive", "critical", "xenstored"),
    ]
    assert 60 + 120 <= found[0][0] <= 60 + 180
    assert 600 + 120 <= found[1][0] <= 600 + 180


def test_a_slow_xapi_is_a_warning_and_then_critical() -> None:
    """Answers after 0.9 s are a warning, after 1.7 s critical, and never failures."""
    found = played(load("control-path-slow"), 900)

    assert [(name, severity, target) for _, name, severity, target in found] == [
        ("control_path_slow", "warning", "xapi"),
        ("control_path_slow", "critical", "xapi"),
    ]


@pytest.mark.parametrize("seconds", [30, 60, 90])
def test_a_restart_of_the_toolstack_is_silent(seconds: float) -> None:
    """A xapi that is away for tens of seconds raises nothing, neither then nor afterwards."""
    assert played(hanging(Hang("xapi", 60, 60), Hang("xapi", 0, 60 + seconds)), 600) == []


@pytest.mark.parametrize("together", [1, 2])
def test_answers_in_between_do_not_hide_failures(together: int) -> None:
    """A xapi of whose requests half or more fail is told, though some are answered."""
    steps = [
        Hang("xapi", 0 if number % (together + 1) == 0 else 60, 60 + number * INTERVAL)
        for number in range(60)
    ]

    [(_, name, severity, target)] = played(hanging(*steps), 600)

    assert (name, severity, target) == ("xapi_unresponsive", "critical", "xapi")


def test_without_xapi_nothing_is_said_of_it() -> None:
    """On a distribution there is no xapi to be missed, but there is a xenstored."""
    steps: Sequence[Step] = (Hang("xapi", 60), Hang("xenstored", 60))

    found = played(hanging(*steps, platform="debian-12"), 600)

    assert [(name, target) for _, name, _, target in found] == [
        ("xenstored_unresponsive", "xenstored")
    ]


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_answers(name: str) -> None:
    """No preset has a daemon that does not answer, or slowly, even where one pass is judged."""
    known = take(ModelSource(PRESETS[name]()), [HOST, CONTROL_PATH])
    page = page_of(known.snapshot)

    found = step(Alerts(), page, known.snapshot, POLICY, limits=(), table=TABLE)

    assert found.active == {}
    assert known.snapshot.control_path is not None
    assert "xenstored" in known.snapshot.control_path.round_trips


def test_what_is_not_answered_inhibits_what_is_slow() -> None:
    """A slow xapi is inhibited by a xapi that does not answer, not by xenstored."""
    [rule] = [
        rule
        for rule in inhibitions()
        if rule["source_matchers"][0] == 'alertname="XenwatchXapiUnresponsive"'
    ]

    assert rule["target_matchers"] == ['alertname="XenwatchControlPathSlow"']
    assert rule["equal"] == ["job", "instance", "target"]
