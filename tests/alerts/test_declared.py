"""An alert is one file: everything else about it follows from its module."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.alerts.support import family, snapshot
from xenwatch.alerts import declared
from xenwatch.alerts.base import Alert, Watch
from xenwatch.alerts.messages import Sender, of_active
from xenwatch.alerts.states import Alerts, State, step
from xenwatch.alerts.table import ALERTS, WATCHES, alerts_of
from xenwatch.config import alert_keys
from xenwatch.config.file import parse
from xenwatch.config.settings import Settings
from xenwatch.generate.alerts import alerts_page
from xenwatch.generate.configuration import configuration_page, example_file
from xenwatch.generate.errors import errors_page
from xenwatch.generate.rules import inhibitions, rules

SLOW_DISK = '''
"""A disk that is slow."""

from xenwatch.alerts.base import Alert
from xenwatch.alerts.conditions import OwnThreshold, Selector, SeriesCondition
from xenwatch.limits.base import Thresholds

ALERT = Alert(
    name="slow_disk",
    summary="Disk {disk} is slow: {value}",
    description="Disk {disk} reads at {value} MB/s.",
    first="iostat",
    conditions={
        severity: SeriesCondition(
            Selector("disk_speed"), "<", OwnThreshold("slow_disk", severity)
        )
        for severity in ("warning", "critical")
    },
    seconds=30,
    labels=("disk",),
    probe="aio",
    causes=("aio_requests_near_limit",),
    thresholds=Thresholds(50.0, 10.0),
    errors={"`task blocked for more than 120 seconds`": "disks"},
)
'''
NO_DISK = '''
"""A pool without disks."""

from xenwatch.alerts.base import NUMBER, Watch
from xenwatch.alerts.bounds import Bound

ALERT = Watch(
    name="no_disk",
    summary="No disk",
    description="No disk.",
    first="lsblk",
    expression="count(disk) < $disks",
    seconds=60,
    critical_seconds=300,
    bounds=(Bound("disks", 2.0, "fewer disks than this", NUMBER),),
)
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A package of two modules: `slow_disk`, which the daemon evaluates, and `no_disk`."""
    directory = tmp_path / "throwaway"
    directory.mkdir()
    for name, text in (("__init__", ""), ("slow_disk", SLOW_DISK), ("no_disk", NO_DISK)):
        (directory / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("throwaway")
    for name in [name for name in sys.modules if name.partition(".")[0] == "throwaway"]:
        del sys.modules[name]


@pytest.fixture
def alert(package: ModuleType) -> Alert:
    """The alert of the package that the daemon evaluates."""
    [found] = [each for each in alerts_of(package) if isinstance(each, Alert)]
    return found


def test_alerts_are_found_in_the_order_of_their_modules(package: ModuleType) -> None:
    """Every module of the package is an alert, sorted by name, and nothing else is listed."""
    assert [each.name for each in alerts_of(package)] == ["no_disk", "slow_disk"]


def test_a_module_has_the_name_of_its_alert() -> None:
    """Who looks for an alert finds its file by its name."""
    modules = {path.stem for path in Path(declared.__file__).parent.glob("*.py")} - {"__init__"}

    alerts = {alert.name for alert in ALERTS if not alert.section}
    assert alerts | {watch.name for watch in WATCHES} == modules


@pytest.mark.parametrize(("speed", "state"), [(60, "ok"), (20, "warning"), (5, "critical")])
def test_it_has_states_and_texts(alert: Alert, speed: float, state: str) -> None:
    """The daemon evaluates it with its thresholds, fires after its time, and words it."""
    policy = Settings().alerts([alert], [])
    page = {"disk_speed": family("disk_speed", {("sda",): speed}, "disk")}
    found = Alerts()
    for time in (0, 30):
        found = step(found, page, snapshot(time), policy, limits=(), table=[alert])

    expected = {"ok": [], "warning": ["warning"], "critical": ["critical", "warning"]}[state]
    assert [active.severity for active in found.firing] == expected
    assert (found.states["slow_disk", "critical"] is State.OK) is (state != "critical")
    for active in found.firing:
        message = of_active(active, Sender("host1", "https://wiki.example/"))
        assert message.labels["alertname"] == "XenwatchSlowDisk"
        assert message.annotations == {
            "summary": f"host1: Disk sda is slow: {speed}",
            "description": f"Disk sda reads at {speed} MB/s. First: `iostat`",
            "runbook_url": "https://wiki.example/XenwatchSlowDisk.md",
        }


def test_it_has_rules_and_inhibitions(package: ModuleType, alert: Alert) -> None:
    """Prometheus gets a rule for each severity, a watch its rule, Alertmanager what explains it."""
    watches = [each for each in alerts_of(package) if isinstance(each, Watch)]
    text = rules(Settings().alerts([alert], watches), [alert], watches)
    alerts = [alert, *(each for each in ALERTS if each.name in alert.causes)]

    assert re.findall('alert: "?([A-Za-z]+)', text) == [
        "XenwatchSlowDisk", "XenwatchSlowDisk", "XenwatchNoDisk", "XenwatchNoDisk"
    ]  # fmt: skip
    assert 'xenwatch_alert_threshold{alert="XenwatchSlowDisk",severity="critical"}' in text
    assert inhibitions(alerts, watches)[1:] == [
        {
            "source_matchers": ['alertname="XenwatchAioRequestsNearLimit"', 'severity="critical"'],
            "target_matchers": ['alertname="XenwatchSlowDisk"'],
            "equal": ["job", "instance"],
        }
    ]


def test_it_has_a_row_in_the_documents(package: ModuleType, alert: Alert) -> None:
    """The page of the alerts links both runbooks, that of errors leads to one by its error."""
    watches = [each for each in alerts_of(package) if isinstance(each, Watch)]
    page = alerts_page([alert], watches)

    assert "[XenwatchSlowDisk](../contrib/runbooks/XenwatchSlowDisk.md)" in page
    assert "`disk_speed` < the alert's threshold" in page
    assert "[XenwatchNoDisk](../contrib/runbooks/XenwatchNoDisk.md)" in page
    row = "| `task blocked for more than 120 seconds` | disks "
    assert f"{row}| [XenwatchSlowDisk](XenwatchSlowDisk.md) |\n" in errors_page([alert], watches)


def test_it_has_configuration_keys(alert: Alert) -> None:
    """Its duration and thresholds are keys with their defaults, documented and in the example."""
    keys = tuple(alert_keys.keys_of([alert]))
    text = (
        b"[alerts.slow_disk]\nfor = 5\nwarning = 40\n",
        b"[alerts.slow_disk]\nwarning = 5\n",
    )
    problems: list[str] = []
    values = parse(text[0], "a.toml", keys, problems)

    assert problems == []
    policy = Settings(values).alerts([alert], [])
    assert policy.seconds == {"slow_disk": 5}
    assert (policy.thresholds["slow_disk"].warning, policy.thresholds["slow_disk"].critical) == (
        40, 10,
    )  # fmt: skip
    assert "Threshold of XenwatchSlowDisk: critical below this value." in configuration_page(keys)
    assert "[alerts.slow_disk]\n" in example_file(keys)
    parse(text[1], "a.toml", keys, problems)
    [problem] = problems
    assert problem == (
        "a.toml:2: alerts.slow_disk.warning: warning 5 is below critical 10 (critical is the "
        "default); set warning at or above critical: lower is worse"
    )


def test_what_prometheus_alone_evaluates_has_keys_too(package: ModuleType) -> None:
    """Durations and bounds of a watch are keys, and what is set is in the rules made with it."""
    watches = [each for each in alerts_of(package) if isinstance(each, Watch)]
    keys = tuple(alert_keys.keys_of([], watches))
    problems: list[str] = []
    text = b"[alerts.no_disk]\nfor = 90\ncritical_for = 600\ndisks = 3\n"
    values = parse(text, "a.toml", keys, problems)

    assert problems == []
    made = rules(Settings(values).alerts([], watches), [], watches)
    assert re.findall('(?:expr|for|severity): "?([^"\n]+)', made.partition("NoDisk")[2]) == [
        "count(disk) < 3", "10m", "critical", "count(disk) < 3", "90s", "warning",
    ]  # fmt: skip
    assert "regenerate its rules" in configuration_page(keys)
    assert "count(disk) < 2" in rules(Settings().alerts([], watches), [], watches)
    parse(b'[alerts.no_disk]\ndisks = "never"\n', "a.toml", keys, problems)
    assert problems == ["a.toml:2: alerts.no_disk.disks: 'never' must be a number greater than 0"]
