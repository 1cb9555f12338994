"""Plans count the memory of VMs, what guests are owed of it, and what dom0 needs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import pytest

from tests.planning.support import LINUX, MIB, WINDOWS, full_xl, states_of, xenserver
from xenwatch.limits.states import assess
from xenwatch.planning.capacity import Plan, fit
from xenwatch.planning.shapes import BUILT_IN, Shape
from xenwatch.readings.memory import HostMemory
from xenwatch.readings.snapshot import Outcome, Snapshot, Status

GIB = 1 << 30
STORAGE = {"storage_repository", "thin_pool_data", "thin_pool_metadata", "volume_group"}
TEN_GUESTS = 3464654848 - 2214764544
"""Bytes less free on a captured host (Debian 12, Xen 4.17) with these ten guests than without."""


def batches(found: Plan) -> dict[str, int | None]:
    """How often the batch fits by name of limit."""
    return {headroom.limit: headroom.batches for headroom in found.headrooms}


def test_memory_is_not_promised_unread() -> None:
    """A shape that states its memory gets no certain answer where Xen's memory was not read."""
    snapshot = xenserver("6.2.0")
    failed = {**snapshot.outcomes, "host_memory": Outcome(Status.FAILED, "no")}
    snapshot = dataclasses.replace(snapshot, outcomes=failed)
    shape = dataclasses.replace(WINDOWS, memory_bytes=1 << 30)
    found = fit(assess(snapshot), snapshot, {shape: 2}, 1)

    assert found.fits is None
    assert [(headroom.limit, headroom.takes) for headroom in found.unknown] == [
        ("host_memory", 2 * 1036 * MIB)
    ]


def test_memory_that_is_free_is_shared_out() -> None:
    """VMs that state their memory fit as often as Xen has that much free."""
    memory = HostMemory(16 << 30, 5 << 30, {})
    read = Outcome(Status.OK)
    snapshot = xenserver("6.2.0")
    snapshot = dataclasses.replace(
        snapshot, host_memory=memory, outcomes={**snapshot.outcomes, "host_memory": read}
    )
    shape = dataclasses.replace(WINDOWS, memory_bytes=2 << 30)
    found = fit(assess(snapshot), snapshot, {shape: 1})

    assert [r.batches for r in found.headrooms if r.limit == "host_memory"] == [2]


def test_what_dom0_needs_counts_where_a_shape_says_it() -> None:
    """dom0's memory and tasks bind for a shape that says what it takes of them."""
    shape = dataclasses.replace(LINUX, dom0_memory_bytes=1 << 30, tasks=1000)
    found = fit(assess(full_xl()), full_xl(), {shape: 1})

    assert batches(found)["dom0_memory"] == 3
    assert batches(found)["tasks"] == 32
    assert set(found.uncounted) == {"maptrack_frames", "open_files", *STORAGE}


def test_a_mix_names_what_only_some_of_it_say() -> None:
    """A limit that one shape says its part of counts, and is named for the other's sake."""
    says = dataclasses.replace(LINUX, tasks=1000)
    found = fit(assess(full_xl()), full_xl(), {says: 1, LINUX: 1})

    assert batches(found)["tasks"] == 32
    assert "tasks" in found.uncounted


def test_what_dom0_has_left_and_does_not_tell_is_not_promised() -> None:
    """Where Linux does not tell its available memory, a shape that needs some has no certainty."""
    snapshot = xenserver("6.2.0")
    shape = dataclasses.replace(LINUX, dom0_memory_bytes=1 << 20)
    found = fit(assess(snapshot), snapshot, {shape: 1}, 1)

    assert found.fits is None
    assert [headroom.limit for headroom in found.unknown] == ["dom0_memory"]


def test_the_paging_pool_counts_with_the_memory() -> None:
    """What ten guests of a real host took of Xen's memory is no more than is declared for them."""
    guests = {Shape("pv", "pv", memory_bytes=96 * MIB): 6}
    guests[Shape("pv2", "pv", vcpus=2, memory_bytes=96 * MIB)] = 1
    guests[Shape("pvh", "pvh", memory_bytes=160 * MIB)] = 2
    guests[Shape("hvm", "hvm", vcpus=2, memory_bytes=192 * MIB)] = 1
    found = fit(assess(full_xl()), full_xl(), guests)
    takes = next(
        headroom.takes or 0 for headroom in found.headrooms if headroom.limit == "host_memory"
    )

    assert TEN_GUESTS <= takes <= TEN_GUESTS * 1.02


def test_every_shape_takes_of_the_host_s_memory() -> None:
    """A shape that states no memory has the default, and what comes on top is counted too."""
    for shape in (*BUILT_IN.values(), Shape("any"), Shape("any", "pvh")):
        found = fit(assess(full_xl()), full_xl(), {shape: 1})
        takes = next(
            headroom.takes or 0 for headroom in found.headrooms if headroom.limit == "host_memory"
        )

        assert shape.memory_bytes >= 1 << 30
        assert shape.memory_bytes < takes < shape.memory_bytes * 1.02


@pytest.mark.parametrize("wanted", [None, 1])
@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(Status.FAILED, "no"),
        Outcome(Status.DISABLED, "off"),
        Outcome(Status.NOT_APPLICABLE, "no"),
        Outcome(Status.OK),
        None,
    ],
    ids=["failed", "disabled", "not applicable", "nothing", "not asked yet"],
)
def test_no_vm_fits_for_certain_without_the_host_s_memory(
    outcome: Outcome | None, wanted: int | None
) -> None:
    """However Xen's memory came to be unknown, a plan names it and promises nothing."""
    snapshot = xenserver("6.2.0")
    outcomes = {
        name: outcome for name, outcome in snapshot.outcomes.items() if name != "host_memory"
    }
    if outcome is not None:
        outcomes["host_memory"] = outcome
    snapshot = dataclasses.replace(snapshot, host_memory=None, outcomes=outcomes)
    found = fit(assess(snapshot), snapshot, {WINDOWS: 1}, wanted)

    assert found.fits is None
    assert found.batches is None
    assert [headroom.limit for headroom in found.unknown] == ["host_memory"]


def with_memory(free: int, owed: Mapping[int, int] | None) -> Snapshot:
    """XenServer 6.2 with so much memory free and owed."""
    memory = HostMemory(16 << 30, free, owed)
    return dataclasses.replace(xenserver("6.2.0"), host_memory=memory)


def test_memory_that_is_owed_is_not_free() -> None:
    """Of 5 GiB free 3 are owed to guests: one VM of 1 GiB fits, not four."""
    snapshot = with_memory(5 << 30, {3: 2 << 30, 4: 1 << 30, 5: 0})
    found = fit(assess(snapshot), snapshot, {dataclasses.replace(WINDOWS, memory_bytes=GIB): 1})

    assert batches(found)["host_memory"] == 1
    assert states_of(snapshot, "host_memory")[0].used == 14 << 30


def test_more_may_be_owed_than_is_free() -> None:
    """A host that owes more than it has has no headroom, and says who is owed most."""
    snapshot = with_memory(1 << 30, {domid: domid << 30 for domid in range(1, 9)})
    (state,) = states_of(snapshot, "host_memory")
    found = fit(assess(snapshot), snapshot, {LINUX: 1}, 1)

    assert (state.headroom, found.batches, found.fits) == (0, 0, False)
    assert (state.ratio or 0) > 3
    assert found.binding is not None
    assert "in domains 8, 7, 6, 5, 4, ..., or" in found.binding.remedies[0]


def test_a_debt_that_was_not_captured_is_no_headroom() -> None:
    """Where the debt is unknown the memory read so far refuses VMs, but promises none."""
    roomy, full = with_memory(5 << 30, None), with_memory(GIB, None)
    promised = fit(assess(roomy), roomy, {WINDOWS: 1}, 1)

    assert promised.fits is None
    assert [(headroom.limit, headroom.reason) for headroom in promised.unknown] == [
        ("host_memory", "this capture does not have what is owed to HVM guests")
    ]
    assert fit(assess(full), full, {WINDOWS: 1}, 1).fits is False
