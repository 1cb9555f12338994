"""QEMU in the synthetic host: the published figures of desktops come back out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import pytest

from tests.support import labelled
from xenwatch.assessment import assess_pass
from xenwatch.exposition.text_format import render
from xenwatch.metrics import families
from xenwatch.model.player import Player
from xenwatch.model.presets import PRESETS
from xenwatch.model.scenario_source import load
from xenwatch.model.source import ModelSource
from xenwatch.probes import PROBES
from xenwatch.probes.base import Pass, take

CPUS = 4
"""vCPUs of the published dom0."""


def passed(source: ModelSource, before: Pass | None = None) -> tuple[Pass, bytes]:
    """A pass of all probes that goes on from the one before, and its page."""
    probes = [dataclasses.replace(probe, enabled=True) for probe in PROBES]
    known = take(source, probes, lambda: 0.0, before)
    return known, render(families(assess_pass(known.snapshot)))


def rises(name: str, begin: float) -> Mapping[str, Mapping[tuple[str, ...], float]]:
    """By metric and labels, what counters rise by in 30 s of a scenario from `begin` on."""
    player = Player(load(name))
    source = ModelSource(player.machine)
    player.advance(begin)
    known, before = passed(source)
    player.advance(begin + 30)
    _, after = passed(source, known)
    found = {}
    for metric in ("wakeups_total", "wakeups_by_cause_total", "cpu_seconds_total"):
        old = labelled(f"xenwatch_qemu_{metric}", before)
        new = labelled(f"xenwatch_qemu_{metric}", after)
        found[metric] = {labels: value - old[labels] for labels, value in new.items()}
    return found


VMS = [str(domid) for domid in range(1, 21)]
FIRST, OTHERS, AGAIN = VMS[:1], VMS[1:], ["21"]
BOOT, IDLE, SHUTDOWN, BOOT_AGAIN = 0, 60, 300, 360
"""Seconds from which the scenarios have each for 30 s."""
PUBLISHED = [
    ("before", BOOT, VMS, (2130, 160191 + 59769)),
    ("before", IDLE, VMS, (3457, 2964 + 1587)),
    ("before", SHUTDOWN, FIRST, (594, 347 + 280)),
    ("before", SHUTDOWN, OTHERS, (3457, 2964 + 1587)),
    ("before", BOOT_AGAIN, AGAIN, (2130, 160191 + 59769)),
    ("after", BOOT, VMS, (3, 146114 + 57254)),
    ("after", IDLE, VMS, (0, 0)),
    ("after", SHUTDOWN, FIRST, (0, 58 + 108)),
    ("after", SHUTDOWN, OTHERS, (0, 0)),
    ("after", BOOT_AGAIN, AGAIN, (3, 146114 + 57254)),
]
"""Published of Project Pulsar: events of a QEMU in 30 s by timer, and by read and write."""


@pytest.mark.parametrize(("name", "begin", "domids", "events"), PUBLISHED)
def test_the_published_events_come_out_of_the_metrics(
    name: str, begin: float, domids: list[str], events: tuple[int, int]
) -> None:
    """Each VM shows the published events of its boot, of idling and of its shutdown, by cause."""
    found = rises(f"idle-windows-{name}-pulsar", begin)

    wakeups, by_cause = found["wakeups_total"], found["wakeups_by_cause_total"]
    assert {
        (by_cause["timer", domid], by_cause["io", domid], wakeups[(domid,)]) for domid in domids
    } == {(*events, sum(events))}


def test_some_130_idle_desktops_fill_dom0() -> None:
    """The CPU time of one such QEMU is what lets just over 130 of them fill four vCPUs."""
    seconds = rises("idle-windows-before-pulsar", IDLE)["cpu_seconds_total"]

    assert {130 < CPUS * 30 / value < 140 for value in seconds.values()} == {True}


def test_a_machine_that_stands_still_wakes_nothing() -> None:
    """Without time going by no counter rises."""
    source = ModelSource(PRESETS["pulsar-before"]())
    known, _ = passed(source)

    assert passed(source, known)[0].snapshot.qemus == known.snapshot.qemus
