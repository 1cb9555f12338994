"""Plans of VMs that state their memory, and what dom0 needs for them."""

from __future__ import annotations

import dataclasses

from tests.planning import LINUX, WINDOWS, xenserver
from tests.support import full_snapshot
from xenwatch.assess import assess
from xenwatch.planner import Plan, fit
from xenwatch.snapshot import Daemons, HostMemory, Outcome, Snapshot, Status


def batches(found: Plan) -> dict[str, int | None]:
    """How often the batch fits by name of limit."""
    return {room.limit: room.batches for room in found.rooms}


def full_xl() -> Snapshot:
    """The full snapshot as a host without xapi."""
    return dataclasses.replace(full_snapshot(), daemons=Daemons({}))


def test_memory_is_not_promised_unread() -> None:
    """A shape that states its memory gets no certain answer where Xen's memory was not read."""
    snapshot = xenserver("6.2.0")
    failed = {**snapshot.outcomes, "host_memory": Outcome(Status.FAILED, "no")}
    snapshot = dataclasses.replace(snapshot, outcomes=failed)
    shape = dataclasses.replace(WINDOWS, memory_bytes=1 << 30)
    found = fit(assess(snapshot), snapshot, {shape: 2}, 1)

    assert found.fits is None
    assert [(room.limit, room.takes) for room in found.unknown] == [("host_memory", 2 << 30)]


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

    assert [r.batches for r in found.rooms if r.limit == "host_memory"] == [2]


def test_what_dom0_needs_counts_where_a_shape_says_it() -> None:
    """dom0's memory and tasks bind for a shape that says what it takes of them."""
    shape = dataclasses.replace(LINUX, dom0_memory_bytes=1 << 30, tasks=1000)
    found = fit(assess(full_xl()), full_xl(), {shape: 1})

    assert batches(found)["dom0_memory"] == 3
    assert batches(found)["tasks"] == 32
    assert found.uncounted == ("maptrack_frames",)


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
    assert [room.limit for room in found.unknown] == ["dom0_memory"]
