"""Synthetic hosts, played for an hour in seconds, as Prometheus would have scraped them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from xenwatch.alerts.states import Alerts
from xenwatch.assessment import Assessment, Rules
from xenwatch.config.settings import Settings
from xenwatch.model.scenario import parse
from xenwatch.model.scenario_source import ScenarioSource
from xenwatch.passes.publisher import AssessedPass, assess
from xenwatch.probes import PROBES
from xenwatch.probes.base import Pass, take

STEP: Final = 60
"""Seconds from one scrape to the next."""
JOB: Final = "xenwatch"
SCENARIOS: Final[Mapping[str, str]] = {
    "healthy": """
title = "A host on which all is well"
platform = "xcp-ng-8.3"
[host]
host_memory_gib = 512
[shapes.web]
type = "hvm"
[shapes.db]
type = "hvm"
disks = 3
[[steps]]
do = "start"
shape = "web"
count = 8
[[steps]]
do = "start"
shape = "db"
count = 2
[[steps]]
do = "load"
datapath = 0.02
control = 0.02
[[steps]]
do = "requests"
at = 60
hungry = 2
each = 400
others = 20
wait_ms = 3
""",
    "full": """
title = "A host whose aio requests are used up while its storage fills and a VM leaks grants"
platform = "xcp-ng-8.3"
[host]
host_memory_gib = 512
[host.settings]
"/proc/sys/fs/aio-max-nr" = "49152"
[shapes.windows]
type = "hvm"
[[steps]]
do = "start"
shape = "windows"
every = 60
[[steps]]
do = "write"
storage = "repository"
gib = 16
every = 30
[[steps]]
do = "leak"
what = "grant_frames"
amount = 100
every = 10
count = 305
[[steps]]
do = "load"
datapath = 0.03
control = 0.02
""",
    "dead": """
title = "xapi and xenstored answer nobody"
platform = "xcp-ng-8.3"
[host]
host_memory_gib = 512
[shapes.web]
type = "hvm"
[[steps]]
do = "start"
shape = "web"
count = 10
[[steps]]
do = "hang"
target = "xapi"
at = 1500
seconds = 60
[[steps]]
do = "hang"
target = "xenstored"
at = 2100
seconds = 60
""",
}


@dataclass(frozen=True, slots=True)
class Scrape:
    """One page of metrics, when it was read, and what the alerts are then."""

    time: float
    page: str
    assessment: Assessment


class _Clock:
    """The time of a host that is played."""

    def __init__(self, begin: float) -> None:
        self._begin = begin
        self.now = begin

    def time(self) -> float:
        return self.now

    def elapsed(self) -> float:
        return self.now - self._begin


def play(scenario: str, end: float, minutes: int) -> Iterator[Scrape]:
    """The scrapes of a host, a scenario as TOML, in so many minutes before `end`."""
    clock = _Clock(end - minutes * 60)
    source = ScenarioSource(parse("played", scenario), 0.0, clock.elapsed)
    rules = Rules(policy=Settings().alerts())
    known, alerts = Pass(), Alerts()
    made: AssessedPass | None = None
    while clock.now < end:
        clock.now += STEP
        known = take(source, PROBES, clock.time, known)
        made = assess(known.snapshot, rules, before=made, alerts=alerts)
        assert made.assessment.alerts is not None
        alerts = made.assessment.alerts
        yield Scrape(clock.now, made.metrics[False, False].decode(), made.assessment)


def samples(scrape: Scrape, instance: str) -> Iterator[str]:
    """The scrape as lines of OpenMetrics, with what Prometheus adds: target, `up`, alerts."""
    target = f'job="{JOB}",instance="{instance}"'
    at = f"{scrape.time:.3f}"
    for line in scrape.page.splitlines():
        if not line.startswith("#"):
            series, _, value = line.rpartition(" ")
            yield f"{labelled(series, target)} {value} {at}"
    yield f"up{{{target}}} 1 {at}"
    yield from _alerts(scrape, target, at)


def labelled(series: str, labels: str) -> str:
    """A series with more labels."""
    name, _, rest = series.partition("{")
    return f"{name}{{{labels},{rest}" if rest else f"{name}{{{labels}}}"


def _alerts(scrape: Scrape, target: str, at: str) -> Iterator[str]:
    """The series that Prometheus keeps of its alerts, which are those of the daemon."""
    assert scrape.assessment.alerts is not None
    for each in scrape.assessment.alerts.active.values():
        quoted = "".join(f",{name}={_quoted(value)}" for name, value in each.labels)
        labels = f'{target},alertname="{each.alert.title}",severity="{each.severity}"{quoted}'
        yield f'ALERTS{{{labels},alertstate="{each.state.value}"}} 1 {at}'
        yield f"ALERTS_FOR_STATE{{{labels}}} {each.since:.3f} {at}"


def _quoted(value: str) -> str:
    escaped = re.sub(r'(["\\])', r"\\\1", value).replace("\n", r"\n")
    return f'"{escaped}"'
