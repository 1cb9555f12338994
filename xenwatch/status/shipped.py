"""What a platform ships as it is: known, and no alert, as nobody on the host has done it."""

from __future__ import annotations

from collections.abc import Iterator

from xenwatch.readings.snapshot import Snapshot
from xenwatch.release.release import resolve


def shipped(snapshot: Snapshot) -> Iterator[str]:
    """A sentence for each."""
    found = snapshot.slices.shipped if snapshot.slices is not None else {}
    for (comm, group), count in found.items():
        yield (
            f"{count} {comm} in cgroup {group}, where {resolve(snapshot.host).name} puts them: "
            "each has the CPU weight of a whole slice. xapi 25.5 and later put them into vm.slice."
        )
