"""Plans of VMs that state their memory, and what dom0 needs for them."""

from __future__ import annotations

import dataclasses

from tests.planning.support import LINUX, MIB, WINDOWS, full_xl, xenserver
from xenwatch.limits.states import assess
from xenwatch.planning.capacity import Plan, fit
from xenwatch.planning.shapes import Shape
from xenwatch.readings.memory import HostMemory
from xenwatch.readings.snapshot import Outcome, Status

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
    memory = HostMemory(16 << 30, 5 << 30)
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
    assert set(found.uncounted) == {"maptrack_frames", "open_files"}


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


def test_memory_that_is_not_stated_is_not_looked_at() -> None:
    """A shape without memory has no part in the host's memory, not even Xen's own of it."""
    found = fit(assess(full_xl()), full_xl(), {WINDOWS: 1})

    assert "host_memory" not in batches(found)
