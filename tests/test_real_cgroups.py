"""The share of a slice as computed, against what the kernel gives it with everybody busy."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contention import CONTROL, VMS, measure
from tests.tools import need
from xenwatch.parse.cgroup import group_of, parse_membership


def test_the_share_of_a_slice_is_what_the_kernel_gives_it(tmp_path: Path) -> None:
    """A busy control path gets the computed share beside a busy slice and busy root processes."""
    need("CPU cgroup")
    found = measure(tmp_path)

    control, vms = found.by_name[CONTROL], found.by_name[VMS]
    assert found.contenders == found.beside
    assert control.share == pytest.approx(control.given, rel=0.1)
    assert vms.share == pytest.approx(vms.given, rel=0.2)
    assert control.weight == control.expected == found.control


def test_this_process_is_in_a_group() -> None:
    """The kernel's own words about this process name a group of the CPU controller."""
    group = group_of(parse_membership(Path("/proc/self/cgroup").read_bytes()), "cpu")

    assert group is not None
    assert group.startswith("/")
