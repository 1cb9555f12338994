"""Daemon and Prometheus over the same hours: `for` and `keep_firing_for` minute by minute."""

from __future__ import annotations

import dataclasses
import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Final

import pytest

from tests.rules.cases import Case, Series
from tests.rules.test_rules import POLICY as DEFAULT
from tests.rules.test_rules import expected, promtool
from xenwatch.alerts.states import Alerts, step
from xenwatch.alerts.table import ALERTS
from xenwatch.assessment import assess_pass
from xenwatch.generate.rules import rules
from xenwatch.limits import LIMITS
from xenwatch.limits.base import Max, Thresholds
from xenwatch.limits.states import LimitState
from xenwatch.metrics import families
from xenwatch.readings.snapshot import Outcome, Snapshot, Status

AIO: Final = next(alert for alert in ALERTS if alert.name == "aio_requests_near_limit")
POLICY: Final = dataclasses.replace(
    DEFAULT, seconds=dict.fromkeys(DEFAULT.seconds, 180.0), keep=240
)
LIMIT: Final = next(limit for limit in LIMITS if limit.name == "aio_requests")
MINUTES: Final = 180
METRICS: Final = (LIMIT.used_metric, LIMIT.max_metric, "xenwatch_limit_threshold_ratio")
EMPTY: Final = assess_pass(Snapshot())
Timeline = list[tuple[int, int | None] | None]
"""Requests used of max each minute, `None` where that is unknown or could not be read at all."""
READ: Final[Timeline] = [
    *((used, 100) for used in (10, 79, 80, 89, 90, 99, 101)),
    *((0, 0), (5, 0), (90, None), None),
]


def flapping(seed: int) -> Timeline:
    """Hours of a limit that flaps around its thresholds, for longer and for shorter."""
    chance = random.Random(seed)
    found: Timeline = []
    while len(found) < MINUTES:
        found += [chance.choice(READ)] * chance.randint(1, 6)
    return found[:MINUTES]


def states(minute: tuple[int, int | None] | None) -> tuple[LimitState, ...]:
    """The limit in a minute; where its probe failed, as an unknown state."""
    used, most = (None, None) if minute is None else minute
    maximum = None if most is None else Max(most, "")
    return (LimitState(LIMIT, "", used, maximum, Thresholds(0.8, 0.9)),)


def fires(timeline: Timeline) -> list[Case]:
    """What the daemon says of each minute, as a case for promtool."""
    alerts, found = Alerts(), []
    for number, minute in enumerate(timeline):
        status = Status.FAILED if minute is None else Status.OK
        snapshot = Snapshot(60.0 * number, outcomes={"aio": Outcome(status)}, instant=60.0 * number)
        alerts = step(alerts, {}, snapshot, POLICY, limits=states(minute), table=[AIO])
        firing = tuple(
            (active.severity, dict(active.labels), active.value) for active in alerts.firing
        )
        found.append(Case(AIO.title, "", number, (), firing))
    return found


def series(timeline: Timeline) -> list[Series]:
    """The same hours as Prometheus scrapes them from the daemon."""
    values: defaultdict[tuple[str, tuple[tuple[str, str], ...]], list[str]]
    values = defaultdict(lambda: ["stale"] * MINUTES)
    for number, minute in enumerate(timeline):
        for family in families(dataclasses.replace(EMPTY, states=states(minute))):
            if family.name in METRICS:
                for labels, value in family.samples:
                    pairs = tuple(zip(family.labels, labels, strict=True))
                    values[family.name, pairs][number] = f"{value:g}"
    return [Series(name, " ".join(each), labels) for (name, labels), each in values.items()]


@pytest.mark.timeout(240)
def test_daemon_and_prometheus_agree_every_minute(tmp_path: Path) -> None:
    """Whatever a limit does, both begin to fire, go on and end in the same minute."""
    timelines = [flapping(seed) for seed in range(4)]
    cases = [fires(timeline) for timeline in timelines]
    (tmp_path / "rules.yml").write_text(rules(POLICY))
    document = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {"series": row.name(), "values": row.values} for row in series(timeline)
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
