"""Law 2: one failed call costs one probe. Law 3: what is not read is absent, never 0."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from tests.laws.hosts import HOSTS, captured
from tests.laws.still import StillSource
from tests.sources.fakes import Question, TappedSource, failing
from xenwatch.assessment import assess_pass
from xenwatch.limits import LIMITS
from xenwatch.limits.states import LimitState, Severity, assess
from xenwatch.metrics import families
from xenwatch.probes import PROBES
from xenwatch.probes.base import Pass, Probe, run, take
from xenwatch.readings.snapshot import Snapshot, Status
from xenwatch.sources.base import Source, SourceError

NOT_THE_HOST = {
    "xenwatch_probe_success",
    "xenwatch_probe_applicable",
    "xenwatch_probe_starved",
    "xenwatch_limit_threshold_ratio",
}
"""Metrics that are not readings of the host: how probes fared and what is configured."""
ONE_BY_ONE = {"storage_repositories"}
"""Probes whose instances fail one by one: each has a metric that says whether it was read."""
Samples = Mapping[tuple[str, tuple[str, ...]], object]
"""Value, or histogram, by name and label values."""
ALL = 150
"""So many questions of a probe are failed one by one; a small dom0 has fewer of every probe."""


@dataclasses.dataclass(frozen=True, slots=True)
class Host:
    """A host that stands still, as it was when it was captured, and a pass over it.

    By probe, `asked` is what it asks, each question once, and `known` what is read already when its
    turn comes.
    """

    source: Source
    before: Snapshot
    samples: Samples
    asked: Mapping[str, Sequence[Question]]
    known: Mapping[str, Pass]


@pytest.fixture(params=HOSTS, scope="module")
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Host:
    """Each of the captured hosts."""
    directory = tmp_path_factory.mktemp("law") / "capture"
    captured(request.param, directory)
    source = StillSource(directory)
    asked: dict[str, list[Question]] = {probe.name: [] for probe in PROBES}
    known: dict[str, Pass] = {}
    before = take(source, [noted(probe, asked[probe.name], known) for probe in PROBES]).snapshot
    return Host(
        source,
        before,
        samples(before),
        {name: typical(questions) for name, questions in asked.items()},
        known,
    )


def noted(probe: Probe, asked: list[Question], known: dict[str, Pass]) -> Probe:
    """The probe, of which is noted what it asks and what it finds read already."""

    def read(source: Source, context: Snapshot, memory: object) -> tuple[object, Any]:
        known[probe.name] = Pass(context)
        return probe.read(TappedSource(source, asked.append), context, memory)

    return dataclasses.replace(probe, read=read)


def typical(asked: Iterable[Question]) -> list[Question]:
    """Each question once.

    Of those of a large host that differ in numbers alone, such as a process's, it is the first and
    the last.
    """
    each = list(dict.fromkeys(asked))
    if len(each) <= ALL:
        return each
    alike: dict[str, list[Question]] = {}
    for question in each:
        alike.setdefault(re.sub(r"[0-9]+", "N", str(question)), []).append(question)
    return [question for them in alike.values() for question in {them[0]: 0, them[-1]: 0}]


def instead(probe: Probe) -> Iterable[Probe]:
    """All probes, with this one in the place of that of its name."""
    return (probe if probe.name == other.name else other for other in PROBES)


def broken(probe: Probe, question: Question) -> Probe:
    """The probe whose source fails one question."""
    return dataclasses.replace(
        probe, read=lambda source, *known: probe.read(failing(source, question), *known)
    )


def by_instance(snapshot: Snapshot) -> Mapping[tuple[str, str], LimitState]:
    """States of all limits that are known."""
    return {(s.limit.name, s.instance): s for s in assess(snapshot) if s.used is not None}


def assert_no_better(state: LimitState, before: LimitState) -> None:
    """A state that is still known is unchanged; a max may be gone, or a lower one used."""
    assert state.used == before.used
    if state.max is not None:
        assert before.max is not None
        assert state.max.value <= before.max.value


def assert_costs_no_other(before: Snapshot, after: Snapshot, probe: Probe) -> None:
    """All other probes report as before, and no limit looks better."""
    outcome = after.outcomes[probe.name].status
    changed = {
        name
        for name, later in after.outcomes.items()
        if later.status is not before.outcomes[name].status
    }
    assert changed == ({probe.name} if outcome is Status.FAILED else set())
    states, now = by_instance(before), by_instance(after)
    for key, state in now.items():
        assert_no_better(state, states[key])
    mine = {key for key, limit_state in states.items() if limit_state.limit.probe == probe.name}
    may_go = outcome is Status.FAILED or probe.name in ONE_BY_ONE
    assert states.keys() - now.keys() <= (mine if may_go else set())


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_a_failed_call_costs_its_probe_and_no_other(probe: Probe, host: Host) -> None:
    """Whichever call of a probe fails, all others report as before, and no limit looks better.

    Others know of a probe by its value alone: one pass shows what its failure does to them, and
    another is made where it has another value.
    """
    before, source = host.before, host.source
    failed: Question | None = None
    for question in host.asked[probe.name]:
        result = run(broken(probe, question), source, host.known[probe.name])
        status = result.outcome.status
        assert status in (Status.FAILED, before.outcomes[probe.name].status), question
        if status is Status.FAILED:
            failed = question
        elif result.reading != getattr(before, probe.name):
            after = take(source, instead(broken(probe, question))).snapshot
            assert_costs_no_other(before, after, probe)
    if failed is not None:
        assert_costs_no_other(before, take(source, instead(broken(probe, failed))).snapshot, probe)


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_a_probe_without_a_source_is_unknown(probe: Probe, host: Host) -> None:
    """When all its calls fail a probe fails: its limits are unknown and have no samples."""

    def refuse(question: Question) -> None:
        raise SourceError(f"{question}", "made to fail")

    alone = dataclasses.replace(
        probe,
        enabled=True,
        read=lambda source, *known: probe.read(TappedSource(source, refuse), *known),
    )
    snapshot = take(host.source, [alone]).snapshot
    states = assess(snapshot)
    assert snapshot.outcomes[probe.name].status is Status.FAILED
    assert getattr(snapshot, probe.name) is None
    assert [s.limit for s in states] == [limit for limit in LIMITS if limit.probe == probe.name]
    assert {s.severity for s in states} <= {Severity.UNKNOWN}
    now = samples(snapshot)
    assert now["xenwatch_probe_success", (probe.name,)] == 0
    about_limits = {name for limit in LIMITS for name in (limit.used_metric, limit.max_metric)} | {
        "xenwatch_limit_used_ratio",
        "xenwatch_limit_ceiling_info",
    }
    assert not about_limits & {name for name, _ in now}


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_a_failure_only_takes_samples_away(probe: Probe, host: Host) -> None:
    """Of the series about the host none is new, and none has another value, when a probe fails."""

    def fail(*_known: object) -> tuple[object, object]:
        raise SourceError(probe.name, "made to fail")

    failing_probe = dataclasses.replace(probe, enabled=True, read=fail)
    after = samples(take(host.source, instead(failing_probe)).snapshot)
    for key, value in after.items():
        assert key[0] in NOT_THE_HOST or host.samples[key] == value, key


def samples(snapshot: Snapshot) -> Samples:
    """All samples, less facts (`_info`) and the times of this very pass."""
    found: dict[tuple[str, tuple[str, ...]], object] = {}
    for family in families(assess_pass(snapshot)):
        if not family.name.endswith(("_info", "_seconds")):
            for labels, value in (*family.samples, *family.histograms):
                assert (family.name, labels) not in found
                found[family.name, labels] = value
    return found
