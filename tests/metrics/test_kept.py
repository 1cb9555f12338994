"""Families that are kept from pass to pass: what is kept is what would be made anew."""

from __future__ import annotations

import dataclasses
import functools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import full_snapshot
from xenwatch.assessment import assess_pass
from xenwatch.metrics import METRICS, by_name, families
from xenwatch.metrics.base import Readings
from xenwatch.model.presets import PRESETS
from xenwatch.model.source import ModelSource
from xenwatch.passes.publisher import restrict
from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.readings.noted import NotedSnapshot
from xenwatch.readings.snapshot import Outcome, Snapshot, Status

FIELDS = sorted({field.name for field in dataclasses.fields(Snapshot)} - {"time", "outcomes"})


@functools.cache
def hosts() -> tuple[Snapshot, ...]:
    """Hosts of several platforms, and one with every reading there is."""
    taken = (
        take(ModelSource(PRESETS[name]()), PROBES, lambda: 1e9).snapshot
        for name in ("xcp-ng-8.3", "debian-12")
    )
    return (full_snapshot(), *taken)


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(range(3)),
    st.sampled_from(range(3)),
    st.sets(st.sampled_from(FIELDS)),
    st.data(),
)
def test_what_is_kept_is_what_would_be_made(
    first: int, second: int, changed: set[str], data: st.DataObject
) -> None:
    """Whichever readings change, the families after others are those of a daemon just started."""
    before, other = hosts()[first], hosts()[second]
    after = dataclasses.replace(before, **{name: getattr(other, name) for name in changed})
    earlier = by_name(assess_pass(before))
    for name in data.draw(st.sets(st.sampled_from(sorted(earlier)))):
        assert earlier[name].name == name
    assessment = assess_pass(after)
    found = by_name(assessment, before=earlier)

    assert [family for family in found.values() if family.samples or family.histograms] == families(
        assessment
    )


def test_a_snapshot_that_notes_is_not_copied() -> None:
    """It has no fields of its own: the copy would be empty."""
    with pytest.raises(TypeError, match="copy the snapshot it notes"):
        NotedSnapshot.of(full_snapshot(), set()).copy({"time": 1.0})


def test_families_of_readings_that_are_the_same_are_the_same() -> None:
    """A new time and new outcomes change nothing of what was read of the host."""
    snapshot = full_snapshot()
    earlier = by_name(assess_pass(snapshot))
    made = dict(earlier)
    outcomes = {name: Outcome(Status.OK, "", 5.0) for name in snapshot.outcomes}
    later = by_name(
        assess_pass(dataclasses.replace(snapshot, time=5.0, outcomes=outcomes)), before=earlier
    )
    kept = {name for name, family in made.items() if later[name] is family}

    assert {"xenwatch_domain_info", "xenwatch_vif_queues", "xenwatch_disk_info"} <= kept
    assert "xenwatch_snapshot_timestamp_seconds" not in kept
    assert "xenwatch_probe_success" not in kept
    assert len(kept) > len(METRICS) / 3


def test_a_family_is_made_when_it_is_asked_for() -> None:
    """Alerts look up some families, and the others are not made for them."""
    assessment = assess_pass(full_snapshot())
    found = by_name(assessment)
    assert found["xenwatch_domain_state"].samples
    assert [*found.still(Readings.from_assessment(assessment))] == ["xenwatch_domain_state"]
    assert len(found) == len(METRICS)
    assert found.get("xenwatch_of_another_release") is None


def test_a_part_has_nothing_of_what_was_made_of_the_whole() -> None:
    """Families of a part are made without the readings that are not in it."""
    assessment = assess_pass(hosts()[1])
    whole = by_name(assessment)
    assert whole["xenwatch_vif_queues"].samples
    part = restrict(assessment, ["datapath"])
    found = by_name(part, before=whole)

    assert found["xenwatch_vif_dropped_packets_total"].samples
    assert not found["xenwatch_vif_queues"].samples
    assert [family for family in found.values() if family.samples or family.histograms] == families(
        part
    )
