"""What is told of a host and is no alert: the CPU controller that is on."""

from __future__ import annotations

import pytest

from xenwatch.cli.doctor import report
from xenwatch.readings.slices import Slice, Slices
from xenwatch.readings.snapshot import Snapshot
from xenwatch.status.shipped import shipped


def slice_of(weight: int | None, share: float | None) -> Slice:
    """A slice of this weight."""
    return Slice(weight, None, share, None, None, {})


def told(setters: dict[str, str] | None, **by_name: Slice) -> list[str]:
    """What is told of these slices beside six tasks; `_` stands for a dot in a name."""
    slices = {name.replace("_", "."): found for name, found in by_name.items()}
    return list(shipped(Snapshot(slices=Slices(slices, 6, {}, {}, setters))))


def test_the_controller_without_a_control_slice_is_told_with_its_share() -> None:
    """The sentence names who has it on, and what is left for the daemons of Xen."""
    [line] = told({"hungry.service": "cpu.max"}, system_slice=slice_of(100, 0.0625))

    assert line == (
        "The CPU controller is on, and there is no control.slice: system.slice, which has the "
        "daemons of Xen, competes as one task with 6 tasks of the root cgroup, and is guaranteed "
        "6% of dom0's CPU time. Switched on by hungry.service (cpu.max). To switch it off, "
        "remove CPUQuota=, CPUWeight=, CPUShares= and Delegate=cpu from the units that have them, "
        "and reboot; docs/systemd.md says more."
    )


def test_what_does_not_show_it_is_said_so() -> None:
    """A unit whose setting is the default, or that is gone, leaves no trace in the groups."""
    [line] = told({}, system_slice=slice_of(1024, None))

    assert "guaranteed an unknown part of dom0's" in line
    assert (
        "Which unit switched it on is unknown: none shows a setting for the CPU now. To switch it "
        in line
    )


def test_units_that_cannot_be_read_are_said_so() -> None:
    """Unknown is not none."""
    [line] = told(None, system_slice=slice_of(100, 0.06))

    assert "Which unit switched it on is unknown: settings of units cannot be read. " in line


@pytest.mark.parametrize(
    "slices",
    [
        {"system_slice": slice_of(None, None)},
        {"system_slice": slice_of(1024, 0.05), "control_slice": slice_of(10240, 0.6)},
        {},
    ],
    ids=["controller off", "control.slice", "no slices"],
)
def test_hosts_without_it_and_with_a_control_slice_are_silent(slices: dict[str, Slice]) -> None:
    """Debian as it boots, XCP-ng as it is, and a host without systemd have nothing to tell."""
    assert told({}, **slices) == []


def test_doctor_tells_it() -> None:
    """The finding stands at the end of doctor's report."""
    slices = Slices({"system.slice": slice_of(100, 0.06)}, 6, {}, {}, {"a.service": "cpu.max"})

    assert "Switched on by a.service (cpu.max)" in report(Snapshot(slices=slices), [])
