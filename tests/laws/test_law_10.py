"""Law 10: whatever one answer says, every output is made, and only what the answer feeds changes.

`LAW_10_EXAMPLES=20000` tries more answers than the tests do.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.captures import RECORDED
from tests.laws.hosts import HOSTS
from tests.laws.mutation import MutatedSource, kind
from tests.laws.outputs import made
from tests.sources.fakes import Question, TappedSource
from xenwatch.assessment import Assessment, Rules
from xenwatch.cli.daemon_client import at_once
from xenwatch.cli.faults import Faults
from xenwatch.config.settings import Settings
from xenwatch.limits import LIMITS
from xenwatch.metrics import METRICS
from xenwatch.metrics.alerts import ALERT_METRICS
from xenwatch.metrics.base import Metric, Readings
from xenwatch.metrics.maintenance import MAINTENANCE_METRICS
from xenwatch.metrics.outlook import OUTLOOK_METRICS
from xenwatch.metrics.own import OWN_METRICS
from xenwatch.passes.publisher import AssessedPass, assess
from xenwatch.probes import PROBES
from xenwatch.probes.base import Pass, Probe, take
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source
from xenwatch.sources.recording import RecordingSource
from xenwatch.sources.tree import TreeSource

EXAMPLES: Final = int(os.environ.get("LAW_10_EXAMPLES", "120"))
FIELDS: Final = frozenset(field.name for field in dataclasses.fields(Snapshot)) - {"time", "origin"}
OF_ALL: Final = {m.name for m in (*OUTLOOK_METRICS, *ALERT_METRICS, *MAINTENANCE_METRICS)}
"""Metrics that are made of all limits, and so of nearly every probe."""
SOURCES: Final = ("small dom0", "debian-12", "xenserver-6.2", "xcp-ng-8.3", "10-guests")
RULES: Final = Rules(policy=at_once(Settings().alerts()))


class Noted(Snapshot):
    """A snapshot that notes which of its fields are read."""

    __slots__ = ("_read",)

    @classmethod
    def of(cls, snapshot: Snapshot, read: set[str]) -> Noted:
        """The same snapshot, which adds to `read`."""
        values = {each.name: getattr(snapshot, each.name) for each in dataclasses.fields(Snapshot)}
        found = cls(**values)
        object.__setattr__(found, "_read", read)
        return found

    def __getattribute__(self, name: str) -> Any:
        if name in FIELDS:
            object.__getattribute__(self, "_read").add(name)
        return object.__getattribute__(self, name)


@dataclass
class Feeds:
    """By probe: what it asked the source, and what other probes have read that it used."""

    asked: dict[str, set[Question]] = field(default_factory=dict)
    used: dict[str, set[str]] = field(default_factory=dict)

    def noting(self, probe: Probe) -> Probe:
        """The probe, enabled, with what it asks and uses noted."""
        asked = self.asked.setdefault(probe.name, set())
        used = self.used.setdefault(probe.name, set())

        def read(source: Source, context: Snapshot, memory: object) -> tuple[object, Any]:
            return probe.read(TappedSource(source, asked.add), Noted.of(context, used), memory)

        return dataclasses.replace(probe, enabled=True, read=read)

    def fed_by(self, chosen: set[str]) -> set[str]:
        """The probes that asked a question of these kinds, or used the reading of one that did."""
        fed = {name for name, asked in self.asked.items() if chosen & {kind(q) for q in asked}}
        for probe in PROBES:  # in their order: each uses those before it
            if self.used[probe.name] & fed:
                fed.add(probe.name)
        return fed


@dataclass(frozen=True)
class Host:
    """A host that stands still: two passes over it, and what the second one asked, by probe."""

    source: Source
    first: Pass
    earlier: AssessedPass
    second: AssessedPass
    questions: Mapping[str, tuple[str, ...]]
    feeds: Feeds


def assessed(snapshot: Snapshot, before: AssessedPass | None = None) -> AssessedPass:
    """A pass assessed with alerts; nothing of it raises."""
    faults = Faults()
    alerts = before.assessment.alerts if before is not None else None
    found = assess(snapshot, RULES, before=before, alerts=alerts, fence=faults.fence)
    made(found, snapshot if before is None else before.assessment.snapshot)
    assert {subject: repr(fault.error) for subject, fault in faults.found.items()} == {}
    return found


def passed(source: Source, before: Pass, feeds: Feeds, at: float) -> Pass:
    """A pass of every probe."""
    return take(source, [feeds.noting(probe) for probe in PROBES], lambda: at, before)


@functools.cache
def host(name: str) -> Host:
    """The host of this name, recorded over two passes, so that all it is asked then is known."""
    if name in HOSTS:
        directory = Path(tempfile.mkdtemp()) / "capture"
        recorder = RecordingSource(HOSTS[name](), directory)
        once = passed(recorder, Pass(), Feeds(), 1000.0)
        passed(recorder, once, Feeds(), 1060.0)
        recorder.close()
        source = TreeSource(directory)
    else:
        source = TreeSource(next(path for path in RECORDED if path.parent.name == name))
    first, feeds = passed(source, Pass(), Feeds(), 1000.0), Feeds()
    second = passed(source, first, feeds, 1060.0)
    earlier = assessed(first.snapshot)
    questions = {n: tuple(sorted({kind(q) for q in asked})) for n, asked in feeds.asked.items()}
    questions = {n: asked for n, asked in questions.items() if asked}
    return Host(source, first, earlier, assessed(second.snapshot, earlier), questions, feeds)


def inputs(assessment: Assessment) -> Mapping[str, set[str]]:
    """By metric: which readings it is made of; without those that are made of all limits."""
    found: dict[str, set[str]] = {}
    for limit in LIMITS:
        used: set[str] = set()
        noted = Noted.of(assessment.snapshot, used)
        limit.used(noted), limit.max(noted)
        found |= {limit.used_metric: {*used, limit.probe}, limit.max_metric: {*used, limit.probe}}
    others: Iterable[Metric] = (m for m in METRICS if m.name not in OF_ALL | found.keys())
    for metric in others:
        if metric not in OWN_METRICS:
            used = found[metric.name] = set()
            noted = Noted.of(assessment.snapshot, used)
            metric.family(Readings.from_assessment(dataclasses.replace(assessment, snapshot=noted)))
    return found


def assert_only_fed_changes(host: Host, after: AssessedPass, fed: set[str]) -> None:
    """Probes, limits and metrics that are not fed by the mutated answer are as before."""
    was, now = host.second.assessment.snapshot, after.assessment.snapshot
    for probe in PROBES:
        if probe.name not in fed:
            outcomes = was.outcomes[probe.name], now.outcomes[probe.name]
            assert getattr(now, probe.name) == getattr(was, probe.name), probe.name
            assert outcomes[0].status is outcomes[1].status, probe.name
    before, later = inputs(host.second.assessment), inputs(after.assessment)
    for name, used in before.items():
        if not (used | later[name]) & fed:
            assert after.families[name] == host.second.families[name], name


@pytest.mark.timeout(15 * EXAMPLES)  # a minute of CPU time, on whatever machine
@settings(
    deadline=None,
    max_examples=EXAMPLES,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # the seed says it all
)
@given(st.data(), st.sampled_from(SOURCES), st.integers(0, (1 << 32) - 1), st.integers(0, 9))
def test_any_answer_changes_only_what_it_feeds(
    data: st.DataObject, name: str, seed: int, fails: int
) -> None:
    """A pass in which answers are mutated, and the one after it, have every output."""
    questions = host(name).questions
    asks = data.draw(st.sampled_from(sorted(questions)))
    assert_holds(name, data.draw(st.sampled_from(questions[asks])), seed, fails=fails == 9)


def assert_holds(name: str, question: str, seed: int, *, fails: bool = False) -> None:
    """The law holds for a host when questions of this kind get mutated answers."""
    its, chosen = host(name), {question}
    source = MutatedSource(its.source, lambda q: kind(q) in chosen, seed, fails=fails)
    feeds = Feeds()
    mutated = passed(source, its.first, feeds, 1060.0)
    details = {n: o.detail for n, o in mutated.snapshot.outcomes.items() if "bug in" in o.detail}
    assert details == {}
    after = assessed(mutated.snapshot, its.earlier)
    assert_only_fed_changes(its, after, feeds.fed_by(chosen) | its.feeds.fed_by(chosen))

    if not seed % 4:
        assessed(passed(its.source, mutated, Feeds(), 1120.0).snapshot, after)
