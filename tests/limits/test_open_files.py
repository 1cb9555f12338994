"""The limit of open files of dom0."""

from __future__ import annotations

from dataclasses import replace

from tests.support import full_snapshot
from xenwatch.limits.base import Max
from xenwatch.limits.open_files import LIMIT
from xenwatch.limits.states import assess
from xenwatch.planning.capacity import fit
from xenwatch.planning.shapes import BUILT_IN
from xenwatch.readings.open_files import OpenFiles
from xenwatch.readings.snapshot import Snapshot

SNAPSHOT = full_snapshot()


def uncounted(most: int) -> set[str]:
    """What a plan for a VM does not count where so many files may be open."""
    snapshot = replace(SNAPSHOT, open_files=OpenFiles(10, most))
    return set(fit(assess(snapshot), snapshot, {BUILT_IN["linux"]: 1}).uncounted)


def test_used_and_max_are_the_kernels() -> None:
    """Used and maximum are those of file-nr."""
    snapshot = replace(SNAPSHOT, open_files=OpenFiles(10, 100))

    assert LIMIT.used(snapshot) == {"": 10}
    assert LIMIT.max(snapshot) == {"": Max(100, "fs.file-max")}


def test_what_was_not_read_is_absent() -> None:
    """Without the reading neither used nor maximum is known."""
    assert LIMIT.used(Snapshot()) == {}
    assert LIMIT.max(Snapshot()) == {}


def test_a_plan_names_it_only_where_vms_could_use_it_up() -> None:
    """A maximum that no number of VMs reaches is not worth a word; any other is not counted."""
    assert "open_files" in uncounted(209715)
    assert "open_files" not in uncounted((1 << 63) - 1)
