"""Plans of VMs that state their memory."""

from __future__ import annotations

import dataclasses

from tests.planning import WINDOWS, xenserver
from xenwatch.assess import assess
from xenwatch.planner import fit
from xenwatch.snapshot import HostMemory, Outcome, Status


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
