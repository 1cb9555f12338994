"""What wakes a QEMU: counts of the kernel by thread become counters of domains."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.probes.support import FakeHost, dom0, failure_of, outcome_of, value_of
from xenwatch.model.render.hist import render_hist
from xenwatch.parse.hist import DIRECTORIES, EVENT, INSTANCE, Hist, HistRow
from xenwatch.probes.base import merge
from xenwatch.probes.qemu_causes import QEMU_WAKEUPS_BY_CAUSE
from xenwatch.readings_qemu import Causes, Qemu, Qemus, Task, WakeupsByCause
from xenwatch.snapshot import Outcome, Snapshot, Status
from xenwatch.sources.base import Source

Rows = Mapping[tuple[int, int], int]


def host(rows: Rows, directory: str = DIRECTORIES[0], dropped: int = 0) -> FakeHost:
    """A dom0 with a histogram: hits by thread and return value."""
    found = tuple(
        HistRow((("common_pid", tid), ("ret", ret)), hits) for (tid, ret), hits in rows.items()
    )
    text = render_hist(Hist("hist:keys=common_pid,ret", found, sum(rows.values()), dropped))
    return dom0({f"{directory}/{INSTANCE}/{EVENT}/hist": text})


def qemu(uuid: str, *tids: int) -> Qemu:
    """A QEMU with these threads."""
    tasks = tuple(Task(tid, b"", 0) for tid in tids)
    return Qemu(uuid, tids[0], 1, (), 0.0, 0, None, tasks)


def knowing(*qemus: tuple[int, Qemu]) -> Snapshot:
    """A snapshot that knows these QEMUs."""
    return Snapshot(qemus=Qemus(dict(qemus), {}))


def causes(source: Source, previous: Snapshot) -> tuple[WakeupsByCause, Snapshot]:
    """One run, and the snapshot after it."""
    assert isinstance(source, FakeHost)
    value: WakeupsByCause = value_of(QEMU_WAKEUPS_BY_CAUSE, source, previous)
    done = Outcome(Status.OK)
    return value, merge(previous, QEMU_WAKEUPS_BY_CAUSE.name, value, done, 0.0)


@pytest.mark.parametrize("directory", DIRECTORIES)
def test_returns_of_poll_are_causes(directory: str) -> None:
    """0 is a timer, a number of descriptors is I/O, an error is neither; threads are summed."""
    rows = {(900, 0): 30, (900, 1): 4, (900, 3): 2, (900, -4): 9, (901, 0): 5, (77, 0): 1000}
    previous = knowing((5, qemu("a", 900, 901)), (6, qemu("b", 950)))

    value, _ = causes(host(rows, directory), previous)

    assert value.by_domid == {5: Causes("a", 35, 6), 6: Causes("b", 0, 0)}


def test_counters_rise_by_what_is_new() -> None:
    """A later reading adds the difference, and a thread that has ended takes nothing away."""
    _, snapshot = causes(host({(900, 0): 30, (901, 1): 4}), knowing((5, qemu("a", 900, 901))))
    snapshot = merge(snapshot, "qemus", Qemus({5: qemu("a", 900)}, {}), Outcome(Status.OK), 0.0)

    value, _ = causes(host({(900, 0): 31, (901, 1): 4}), snapshot)

    assert value.by_domid == {5: Causes("a", 31, 4)}


def test_a_thread_number_of_another_domain_is_not_counted_twice() -> None:
    """A thread id that was another QEMU's brings only what was counted since."""
    _, snapshot = causes(host({(900, 0): 30}), knowing((5, qemu("a", 900))))
    snapshot = merge(snapshot, "qemus", Qemus({6: qemu("b", 900)}, {}), Outcome(Status.OK), 0.0)

    value, _ = causes(host({(900, 0): 37}), snapshot)

    assert value.by_domid == {6: Causes("b", 7, 0)}


def test_a_histogram_set_up_anew_begins_at_zero() -> None:
    """Counts below those of last time are all new."""
    _, snapshot = causes(host({(900, 0): 30}), knowing((5, qemu("a", 900))))

    value, _ = causes(host({(900, 0): 3}), snapshot)

    assert value.by_domid == {5: Causes("a", 33, 0)}


def test_a_full_histogram_is_no_reading() -> None:
    """Counts some of which the kernel has dropped are not shown."""
    source = host({(900, 0): 30}, dropped=2)

    assert "full" in failure_of(QEMU_WAKEUPS_BY_CAUSE, source, knowing((5, qemu("a", 900))))


def test_without_histogram_or_qemus_the_probe_fails() -> None:
    """What was not set up, or cannot be told apart by domain, is said and is not 0."""
    assert "not set up" in failure_of(QEMU_WAKEUPS_BY_CAUSE, dom0(), knowing())
    assert "not known" in failure_of(QEMU_WAKEUPS_BY_CAUSE, host({}), Snapshot())


def test_elsewhere_the_probe_does_not_apply() -> None:
    """On a machine without Xen nothing is looked for."""
    outcome = outcome_of(QEMU_WAKEUPS_BY_CAUSE, FakeHost())

    assert outcome.status is Status.NOT_APPLICABLE
