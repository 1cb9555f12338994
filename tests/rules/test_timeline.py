"""Daemon and Prometheus over the same hours: `for` and `keep_firing_for` minute by minute."""

from __future__ import annotations

import dataclasses
import json
import random
from pathlib import Path
from typing import Final

import pytest

from tests.alerts.support import family
from tests.rules.cases import Case, Series, labelled
from tests.rules.test_rules import POLICY as DEFAULT
from tests.rules.test_rules import expected, promtool
from xenwatch.alerts.conditions import Page
from xenwatch.alerts.states import Alerts, step
from xenwatch.alerts.table import ALERTS
from xenwatch.generate.rules import rules
from xenwatch.readings.snapshot import Outcome, Snapshot, Status

AIO: Final = next(alert for alert in ALERTS if alert.name == "aio_requests_near_limit")
POLICY: Final = dataclasses.replace(
    DEFAULT, seconds={alert.name: 180 for alert in ALERTS}, keep=240
)
MINUTES: Final = 180
THRESHOLDS: Final = {"warning": 0.8, "critical": 0.9}
Timeline = list[int | None]
"""Requests used of 100 each minute, `None` where that could not be read."""


def waverings(seed: int) -> Timeline:
    """Hours of a limit that wavers about its thresholds, for longer and for shorter."""
    chance = random.Random(seed)
    found: Timeline = []
    while len(found) < MINUTES:
        found += [chance.choice([10, 79, 80, 89, 90, 99, None])] * chance.randint(1, 6)
    return found[:MINUTES]


def page(used: int | None) -> Page:
    """The page of a minute."""
    families = (
        family("xenwatch_aio_requests_used", {} if used is None else {(): used}),
        family("xenwatch_aio_requests_max", {(): 100}),
        family(
            "xenwatch_limit_threshold_ratio",
            {("aio_requests", severity): at for severity, at in THRESHOLDS.items()},
            "limit",
            "severity",
        ),
    )
    return {it.name: it for it in families}


def fires(timeline: Timeline) -> list[Case]:
    """What the daemon says of each minute, as a case for promtool."""
    alerts, found = Alerts(), []
    for minute, used in enumerate(timeline):
        status = Status.FAILED if used is None else Status.OK
        snapshot = Snapshot(60.0 * minute, {"aio": Outcome(status)})
        alerts = step(alerts, page(used), snapshot, POLICY, [AIO])
        firing = tuple((it.severity, dict(it.labels), it.value) for it in alerts.firing)
        found.append(Case(AIO.title, "", minute, (), firing))
    return found


def series(timeline: Timeline) -> list[Series]:
    """The same hours as Prometheus scrapes them."""
    values = " ".join("stale" if used is None else str(used) for used in timeline)
    return [
        labelled("xenwatch_aio_requests_used", values),
        labelled("xenwatch_aio_requests_max", f"100+0x{MINUTES}"),
        *(
            labelled(
                "xenwatch_limit_threshold_ratio",
                f"{at}+0x{MINUTES}",
                limit="aio_requests",
                severity=severity,
            )
            for severity, at in THRESHOLDS.items()
        ),
    ]


@pytest.mark.timeout(240)
def test_daemon_and_prometheus_agree_every_minute(tmp_path: Path) -> None:
    """Whatever a limit does, both begin to fire, go on and end in the same minute."""
    timelines = [waverings(seed) for seed in range(4)]
    cases = [fires(timeline) for timeline in timelines]
    (tmp_path / "rules.yml").write_text(rules(POLICY))
    document = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {"series": it.name(), "values": it.values} for it in series(timeline)
                ],
                "alert_rule_test": [
                    {
                        "eval_time": f"{case.minute}m",
                        "alertname": case.alert,
                        "exp_alerts": expected(case),
                    }
                    for case in found
                ],
            }
            for timeline, found in zip(timelines, cases, strict=True)
        ],
    }
    (tmp_path / "cases.json").write_text(json.dumps(document))

    tested = promtool("test", "rules", str(tmp_path / "cases.json"))

    assert {len(case.fires) for found in cases for case in found} == {0, 1, 2}
    assert tested.returncode == 0, tested.stdout + tested.stderr
