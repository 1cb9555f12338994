"""Law 11: a moment of the record is the host as it was read then."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.laws.hosts import HOSTS
from tests.record.disk import without_a_disk
from xenwatch import metrics
from xenwatch.alerts.states import Alerts, State
from xenwatch.assessment import Assessment, Rules, assess_pass, with_alerts
from xenwatch.cli.passes import Replayed
from xenwatch.config.settings import Settings
from xenwatch.model.scenario_source import ScenarioSource, load
from xenwatch.probes import PROBES
from xenwatch.probes.base import Pass, take
from xenwatch.readings.snapshot import Snapshot
from xenwatch.record.past import Encoder, header
from xenwatch.record.record import Record
from xenwatch.record.segments import Segment
from xenwatch.record.store import Store, files
from xenwatch.sources.base import Source

__all__ = ["without_a_disk"]

BEGAN: Final = 1.7e9
EVERY: Final = tuple(dataclasses.replace(probe, enabled=True) for probe in PROBES)
SCENARIOS: Final = ("boot-storm", "crash-loop", "leak-event-channels")
RULES: Final = Rules(policy=Settings({}).alerts())


def lived(source: Source, step: Callable[[int], float], passes: int) -> Iterator[Assessment]:
    """The assessments of so many passes, as the daemon makes them."""
    return assessed(snapshots(source, step, passes))


def snapshots(source: Source, step: Callable[[int], float], passes: int) -> Iterator[Snapshot]:
    """What so many passes read; `step` gives the time of each."""
    found: Pass | None = None
    for number in range(passes):
        time = step(number)
        found = take(source, EVERY, lambda: time, found)  # noqa: B023
        yield found.snapshot


def assessed(snapshots: Iterable[Snapshot]) -> Iterator[Assessment]:
    """The assessments of these passes in their order."""
    before: Assessment | None = None
    alerts = Alerts()
    for snapshot in snapshots:
        assessment = assess_pass(snapshot, RULES, before)
        before = with_alerts(assessment, metrics.by_name(assessment), alerts)
        alerts = before.alerts or alerts
        yield before


def recorded(path: Path, assessments: Iterable[Assessment]) -> Store:
    """A record of them."""
    store, encoder = Store(path, 1 << 30, 1e6), Encoder()
    for assessment in assessments:
        changes = assessment.alerts.changes if assessment.alerts else ()
        marked = any(State.FIRING in (change.was, change.now) for change in changes)
        store.append(encoder.moment(assessment, marked=marked), header(assessment.snapshot.origin))
    return store


def holds(path: Path, lived: list[Assessment]) -> int:
    """Assert the law of every moment there is; returns how many these are."""
    record = Record(str(path))
    by_time = {assessment.snapshot.time: assessment for assessment in lived}
    every = [place.head for file in files(path) for place in Segment(file.path).places]
    for head in every:
        live, moment = by_time[head.time], Replayed(record, record.at(head.time))
        snapshot = moment.take(EVERY).snapshot
        assert snapshot == live.snapshot
        assert snapshot.outcomes == live.snapshot.outcomes
        assessed = moment.judged(assess_pass(snapshot, RULES, learning=live.learning))
        alerts, then = assessed.alerts or Alerts(), live.alerts or Alerts()
        assert (alerts.active, alerts.states) == (then.active, then.states)
        assert assessed.states == live.states
        assert assessed.seconds_to_full == live.seconds_to_full
        assert assessed.full_between == live.full_between
        assert assessed.plans == live.plans
    return len(every)


@pytest.mark.parametrize("host", HOSTS)
def test_every_moment_is_as_it_was_read(host: str, tmp_path: Path) -> None:
    """Readings, outcomes, limits, plans, alerts and forecast of each pass on every host."""
    passes = list(lived(HOSTS[host](), lambda number: BEGAN + 10 * number, 3))
    recorded(tmp_path / "record", passes).close()
    assert holds(tmp_path / "record", passes) == 3


@pytest.mark.parametrize("name", SCENARIOS)
def test_it_is_after_thinning_too(name: str, tmp_path: Path) -> None:
    """What is left of hours in which VMs start, stop and leak is as it was."""
    now = [BEGAN]
    source = ScenarioSource(load(name), 0.0, lambda: now[0], lambda: now[0])

    def step(number: int) -> float:
        now[0] = BEGAN + 30 * number
        return now[0]

    passes = list(lived(source, step, 60))
    store = recorded(tmp_path / "record", passes)
    store.tidy(BEGAN + 90_000)
    store.close()
    assert 3 <= holds(tmp_path / "record", passes) < 60
