"""What wakes a QEMU: counts of the kernel by thread become counters of domains."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.probes.support import FakeHost, after, dom0, failure_of, outcome_of
from xenwatch.model.render.hist import render_hists
from xenwatch.parse.hist import Hist, HistRow
from xenwatch.probes.base import Pass
from xenwatch.probes.qemu_causes import QEMU_WAKEUPS_BY_CAUSE
from xenwatch.readings.qemus import Causes, Qemu, Qemus
from xenwatch.readings.snapshot import Snapshot, Status
from xenwatch.sources.histograms import DIRECTORIES, INSTANCE, POLL, SLEEP, TRIGGERS

Hits = Mapping[int, int]


def host(
    timer: Hits,
    io: Hits | None = None,
    directory: str = DIRECTORIES[0],
    dropped: Mapping[str, int] | None = None,
) -> FakeHost:
    """A dom0 with its histograms: polls that were slept in by thread, and what was dropped."""
    dropped = dropped or {}

    def hist(trigger: str, event: str, hits: Hits) -> Hist:
        found = tuple(HistRow((("common_pid", tid),), count) for tid, count in hits.items())
        return Hist(trigger, found, sum(hits.values()), dropped.get(event, 0))

    polls = [
        hist(text, POLL, hits)
        for (_, text), hits in zip(TRIGGERS[1:], (timer, io or {}), strict=True)
    ]
    return dom0(
        {
            f"{directory}/{INSTANCE}/{SLEEP}/hist": render_hists([hist(TRIGGERS[0][1], SLEEP, {})]),
            f"{directory}/{INSTANCE}/{POLL}/hist": render_hists(polls),
        }
    )


def qemu(uuid: str, *tids: int) -> Qemu:
    """A QEMU with these threads."""
    return Qemu(uuid, tids[0], 1, (), 0.0, 0, None, tids)


def knowing(*qemus: tuple[int, Qemu], before: Pass | None = None) -> Pass:
    """What was known before, and these QEMUs."""
    return Pass(Snapshot(qemus=Qemus(dict(qemus))), before.memories if before else {})


def causes(source: FakeHost, before: Pass) -> tuple[Mapping[int, Causes], Pass]:
    """What one run reads, and what is known after it."""
    known = after(QEMU_WAKEUPS_BY_CAUSE, source, before)
    assert known.snapshot.qemu_wakeups_by_cause is not None
    return known.snapshot.qemu_wakeups_by_cause.by_domid, known


@pytest.mark.parametrize("directory", DIRECTORIES)
def test_returns_of_poll_are_causes(directory: str) -> None:
    """Each histogram counts for its cause; threads are summed, those of no QEMU left out."""
    timer, io = {900: 30, 901: 5, 77: 1000}, {900: 6, 77: 1}
    known = knowing((5, qemu("a", 900, 901)), (6, qemu("b", 950)))

    value, _ = causes(host(timer, io, directory), known)

    assert value == {5: Causes(35, 6), 6: Causes(0, 0)}


def test_counters_rise_by_what_is_new() -> None:
    """A later reading adds the difference, and a thread that has ended takes nothing away."""
    _, known = causes(host({900: 30}, {901: 4}), knowing((5, qemu("a", 900, 901))))

    value, _ = causes(host({900: 31}, {901: 4}), knowing((5, qemu("a", 900)), before=known))

    assert value == {5: Causes(31, 4)}


def test_a_thread_number_of_another_domain_is_not_counted_twice() -> None:
    """A thread id that was another QEMU's brings only what was counted since."""
    _, known = causes(host({900: 30}), knowing((5, qemu("a", 900))))

    value, _ = causes(host({900: 37}), knowing((6, qemu("b", 900)), before=known))

    assert value == {6: Causes(7, 0)}


def test_a_histogram_set_up_anew_begins_at_zero() -> None:
    """Counts below those of last time are all new."""
    _, known = causes(host({900: 30}), knowing((5, qemu("a", 900))))

    value, _ = causes(host({900: 3}), known)

    assert value == {5: Causes(33, 0)}


def test_qemus_that_cannot_be_read_are_those_last_known() -> None:
    """While the probe of the QEMUs fails, their wakeups are still counted by cause."""
    _, known = causes(host({900: 30}), knowing((5, qemu("a", 900))))

    value, _ = causes(host({900: 31}), Pass(memories=known.memories))

    assert value == {5: Causes(31, 0)}


@pytest.mark.parametrize("event", [POLL, SLEEP])
def test_a_full_histogram_is_no_reading(event: str) -> None:
    """Where the kernel has dropped polls, or sleeps by which it knows them, nothing is shown."""
    source = host({900: 30}, dropped={event: 2})

    assert "full" in failure_of(QEMU_WAKEUPS_BY_CAUSE, source, knowing((5, qemu("a", 900))))


def test_without_histogram_or_qemus_the_probe_fails() -> None:
    """What was not set up, or cannot be told apart by domain, is said and is not 0."""
    assert "not set up" in failure_of(QEMU_WAKEUPS_BY_CAUSE, dom0(), knowing())
    assert "not read yet" in failure_of(QEMU_WAKEUPS_BY_CAUSE, host({}), Snapshot())


def test_elsewhere_the_probe_does_not_apply() -> None:
    """On a machine without Xen nothing is looked for."""
    outcome = outcome_of(QEMU_WAKEUPS_BY_CAUSE, FakeHost())

    assert outcome.status is Status.NOT_APPLICABLE
