"""QEMU in the synthetic host: the published figures of idle desktops come back out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import pytest

from tests.support import labelled
from xenwatch.exposition import render
from xenwatch.metrics import families
from xenwatch.model.presets import PRESETS
from xenwatch.model.source import ModelSource
from xenwatch.probes import PROBES
from xenwatch.probes.base import merge, run
from xenwatch.snapshot import Snapshot

CPUS = 4
"""vCPUs of the published dom0."""


def passed(source: ModelSource, previous: Snapshot) -> tuple[Snapshot, bytes]:
    """A pass of all probes that know the one before, and its page."""
    snapshot = previous
    for probe in PROBES:
        enabled = dataclasses.replace(probe, enabled=True)
        value, outcome = run(enabled, source, snapshot, clock=lambda: 0.0)
        snapshot = merge(snapshot, probe.name, value, outcome, 0.0)
    return snapshot, render(families(snapshot, ()))


def in_30_seconds(name: str) -> Mapping[str, Mapping[tuple[str, ...], float]]:
    """By metric and labels, what a preset's counters rise by in 30 s of its own time."""
    machine = PRESETS[name]()
    source = ModelSource(machine)
    snapshot, before = passed(source, Snapshot())
    machine.dom0.seconds += 30
    _, after = passed(source, snapshot)
    rises = {}
    for metric in ("wakeups_total", "wakeups_by_cause_total", "cpu_seconds_total"):
        old = labelled(f"xenwatch_qemu_{metric}", before)
        new = labelled(f"xenwatch_qemu_{metric}", after)
        rises[metric] = {labels: value - old[labels] for labels, value in new.items()}
    return rises


@pytest.mark.parametrize(
    ("name", "timer", "io"),
    [("pulsar-before", 3457, 2964 + 1587), ("pulsar-after", 0, 0)],
)
def test_the_published_events_come_out_of_the_metrics(name: str, timer: int, io: int) -> None:
    """An idle desktop shows the published events of 30 s, in all and by cause."""
    rises = in_30_seconds(name)

    assert set(rises["wakeups_total"].values()) == {timer + io}
    assert len(rises["wakeups_total"]) == 4
    by_cause = rises["wakeups_by_cause_total"]
    assert {value for (cause, _), value in by_cause.items() if cause == "timer"} == {timer}
    assert {value for (cause, _), value in by_cause.items() if cause == "io"} == {io}


def test_some_130_idle_desktops_fill_dom0() -> None:
    """The CPU time of one such QEMU is what lets just over 130 of them fill four vCPUs."""
    seconds = in_30_seconds("pulsar-before")["cpu_seconds_total"]

    assert {130 < CPUS * 30 / value < 140 for value in seconds.values()} == {True}


def test_a_machine_that_stands_still_wakes_nothing() -> None:
    """Without time going by no counter rises."""
    source = ModelSource(PRESETS["pulsar-before"]())
    snapshot, _ = passed(source, Snapshot())

    assert passed(source, snapshot)[0].qemus == snapshot.qemus
