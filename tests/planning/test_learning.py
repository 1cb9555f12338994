"""What is recorded of VMs and dom0: kinds, periods, rests."""

from __future__ import annotations

import dataclasses

import pytest

from tests.planning.learnt_support import KIND, WINDOWS, Host, simulated
from tests.planning.support import LINUX
from tests.support import full_snapshot
from xenwatch.model.platform import Platform
from xenwatch.model.platforms import PLATFORMS
from xenwatch.model.platforms.debian import DEBIAN_12
from xenwatch.model.platforms.xapi import XCP_NG_8_3
from xenwatch.planning.learning import (
    MOST_PERIODS,
    MOST_VMS,
    OTHER,
    SAMPLES,
    Kind,
    Learning,
    Rest,
    learnt_now,
    observe,
)
from xenwatch.readings.snapshot import Outcome, Status


@pytest.mark.parametrize("platform", PLATFORMS.values(), ids=lambda platform: platform.name)
def test_vms_are_of_the_kind_of_their_shape(platform: Platform) -> None:
    """Type, vCPUs and devices of a running VM are those of the shape it was started as."""
    host = Host(platform)
    host.start(dataclasses.replace(LINUX, vcpus=2, disks=2, vifs=2), 3)
    host.wait(1)
    found = observe(host.known.snapshot)

    assert found is not None
    assert set(found.kinds.values()) == {Kind("pv", 2, 2, 2)}
    assert len(found.uses) == 3


def test_what_is_used_is_of_vms_or_the_rest() -> None:
    """The processes of VMs and the rest are together what dom0 uses."""
    host = Host(XCP_NG_8_3)
    empty = host.wait().periods[-1]
    host.start(WINDOWS, 4)
    period = host.wait().periods[-1]
    own = sum(use.memory_bytes for use in host.learning.vms[KIND].values())
    tasks = sum(use.tasks for use in host.learning.vms[KIND].values())

    assert own > 0
    assert period.memory.latest[-1] + own - empty.memory.latest[-1] == host.taken[0]
    assert period.tasks.latest[-1] + tasks - empty.tasks.latest[-1] == host.taken[1]


def test_a_change_is_recorded_once_it_has_settled() -> None:
    """The first reading after VMs came or went is of no period, and the next begins one."""
    host = Host(DEBIAN_12)
    host.wait(2)
    host.start(LINUX, 2)
    assert [dict(period.counts) for period in host.wait(1).periods] == [{}]
    assert [dict(period.counts) for period in host.wait(1).periods] == [
        {},
        {Kind("pv", 1, 1, 1): 2},
    ]


def test_nothing_new_changes_nothing() -> None:
    """Passes between two readings of the probe cost nothing and give the same object."""
    host = Host(DEBIAN_12)
    known = host.wait(3)

    assert known.updated(host.known.snapshot) is known


def test_a_failed_reading_teaches_nothing() -> None:
    """Without the readings no period gets longer, and none begins."""
    host = Host(DEBIAN_12)
    host.start(LINUX, 3)
    known = host.wait(4)
    outcomes = {**host.known.snapshot.outcomes, "vm_processes": Outcome(Status.FAILED, "", 9e9)}
    failed = dataclasses.replace(host.known.snapshot, vm_processes=None, outcomes=outcomes)
    unread = dataclasses.replace(host.known.snapshot, host=None)

    assert known.updated(failed).periods == known.periods
    assert known.updated(unread).vms == known.vms


def test_another_regime_starts_anew() -> None:
    """What was learnt before the host was upgraded to another regime is dropped."""
    host = Host(DEBIAN_12)
    host.learning = simulated(range(4), 1, 1)
    host.learning = dataclasses.replace(host.learning, regime="xapi", instant=0.0)

    assert KIND not in host.wait(3).vms


def test_domains_nothing_is_known_of_are_others() -> None:
    """A domain that stops, or whose processes are not known, is of no kind that is learnt."""
    host = Host(XCP_NG_8_3)
    gone = host.start(WINDOWS, 2)
    host.machine.leave_zombie(gone[0])
    host.wait(1)
    found = observe(host.known.snapshot)

    assert found is not None
    assert sorted(found.kinds.values()) == [OTHER, KIND]
    assert len(found.uses) == 1


def test_what_is_kept_is_bounded() -> None:
    """Of many periods and VMs the latest are kept, of a long period its ends."""
    known = simulated(range(1, MOST_PERIODS + 20), 5, 5, readings=1)
    rest = Rest()
    for number in range(3 * SAMPLES):
        rest = rest.with_reading(number)

    assert len(known.periods) == MOST_PERIODS
    assert known.periods[-1].counts[KIND] == MOST_PERIODS + 19
    assert len(known.vms[KIND]) == MOST_VMS
    assert rest == Rest((0, 1, 2, 3, 4), (10, 11, 12, 13, 14))


def test_one_look_teaches_what_runs() -> None:
    """A single pass has the VMs that run as one period; a host without any teaches nothing."""
    host = Host(XCP_NG_8_3)
    host.wait(1)
    assert learnt_now(host.known.snapshot) is None
    host.start(WINDOWS, 5)
    host.wait(1)
    known = learnt_now(host.known.snapshot)

    assert known is not None
    assert [dict(period.counts) for period in known.periods] == [{KIND: 5}]
    assert len(known.vms[KIND]) == 5


def test_without_the_probe_nothing_is_learnt() -> None:
    """A snapshot of which the probe was left out is no news."""
    outcomes = dict(full_snapshot().outcomes)
    outcomes.pop("vm_processes", None)
    bare = dataclasses.replace(full_snapshot(), vm_processes=None, outcomes=outcomes)

    assert Learning().updated(bare) == Learning()
    assert learnt_now(bare) is None
