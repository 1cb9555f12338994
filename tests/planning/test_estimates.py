"""Estimates of what a VM takes of dom0: the truth lies within, and how certain they are."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.planning.learnt_support import KIND, MIB, WINDOWS, Host, simulated
from tests.planning.support import LINUX
from xenwatch.model.platform import Platform
from xenwatch.model.platforms import PLATFORMS
from xenwatch.model.platforms.debian import DEBIAN_12
from xenwatch.model.platforms.experiment import EXPERIMENT
from xenwatch.model.platforms.xapi import XCP_NG_8_3
from xenwatch.planning.estimates import HORIZON, Estimate, Learnt, learnt
from xenwatch.planning.learning import Learning, learnt_now
from xenwatch.planning.prediction import Interval
from xenwatch.planning.shapes import Shape

TELL = {
    name: platform
    for name, platform in PLATFORMS.items()
    if platform is not EXPERIMENT and "MemAvailable" in platform.meminfo
}
"""Platforms whose kernel tells what memory is available."""


def known(shape: Shape, learning: Learning, carried: Learning | None = None) -> Learnt:
    """What is learnt of a shape; that it is nothing is a failure of the test."""
    found = learnt(shape, learning, carried)
    assert found is not None
    return found


def holds(estimate: Estimate | None, truth: float) -> bool:
    """Whether the truth lies within the interval."""
    return estimate is not None and estimate.interval.low <= truth <= estimate.interval.high


@pytest.mark.parametrize("platform", TELL.values(), ids=TELL)
@pytest.mark.parametrize("shape", [WINDOWS, LINUX], ids=["windows", "linux"])
def test_the_truth_of_the_model_is_learnt(platform: Platform, shape: Shape) -> None:
    """From 23 VMs that came one after the other memory and tasks are what the model takes."""
    host = Host(platform)
    host.wait()
    for _ in range(23):
        host.start(shape)
        host.wait(2)
    memory, tasks = (total / 23 for total in host.taken)
    found = known(shape, host.learning)

    assert found.vms == 23
    assert holds(found.memory, memory)
    assert holds(found.tasks, tasks)
    assert found.memory is not None
    assert found.memory.complete
    assert found.memory.interval.median == pytest.approx(memory, rel=0.01)


@settings(deadline=None, max_examples=15)
@given(
    st.sampled_from(sorted(TELL)),
    st.sampled_from([WINDOWS, LINUX]),
    st.lists(st.integers(-3, 6), min_size=1, max_size=4),
    st.integers(0, 3),
)
def test_the_truth_lies_within_whatever_came_and_went(
    name: str, shape: Shape, changes: list[int], others: int
) -> None:
    """VMs come and go among others; what one takes lies within, by changes and by one look."""
    host = Host(TELL[name])
    host.start(dataclasses.replace(shape, disks=2), others)
    host.wait(2)
    beside = host.taken
    domids = host.start(shape, 3)
    host.wait(2)
    for change in changes:
        for _ in range(min(-change, len(domids) - 3)):
            host.machine.destroy(domids.pop())
        domids += host.start(shape, max(0, change))
        host.wait(2)
    memory, tasks = (
        (all_of - other) / len(domids) for all_of, other in zip(host.taken, beside, strict=True)
    )
    at_once = learnt_now(host.known.snapshot)

    assert at_once is not None
    for learning in (host.learning, at_once):
        found = known(shape, learning)
        assert holds(found.memory, memory)
        assert holds(found.tasks, tasks)


@given(
    count=st.integers(5, 23),
    own=st.integers(0, 60 * MIB),
    rest=st.integers(0, 20 * MIB),
    noise=st.integers(0, 8 * MIB),
    seed=st.integers(0, 1 << 32),
)
@settings(deadline=None)
def test_noise_widens_the_interval_and_the_truth_stays_within(
    count: int, own: int, rest: int, noise: int, seed: int
) -> None:
    """However noisy the readings are, the cost lies within and the median is near it."""
    found = known(WINDOWS, simulated(range(count + 1), own, rest, noise, seed=seed)).memory

    assert found is not None
    assert found.complete
    assert holds(found, own + rest)
    assert abs(found.interval.median - own - rest) <= noise + 1


def test_vms_that_started_together_are_bounded() -> None:
    """Of VMs of two kinds that came at once each is known within bounds."""
    host = Host(XCP_NG_8_3)
    host.wait()
    windows, linux = host.start(WINDOWS, 8), host.start(LINUX, 4)
    host.wait()
    memory = host.taken[0]
    for domid in (*linux, *windows[1:]):
        host.machine.destroy(domid)
    one = host.taken[0]
    found = known(WINDOWS, host.learning).memory

    assert found is not None
    assert not found.complete
    assert holds(found, one)
    assert found.interval.high <= memory / 8 + MIB
    assert found.usable


def test_too_few_vms_are_no_estimate() -> None:
    """Two VMs teach nothing, nor do others, nor any of a shape with queues of its own."""
    learning = simulated(range(3), 5 * MIB, MIB)

    assert learnt(WINDOWS, learning) is None
    assert learnt(WINDOWS, simulated(range(4), 5 * MIB, MIB)) is not None
    assert learnt(LINUX, simulated(range(9), 5 * MIB, MIB)) is None
    queues = dataclasses.replace(WINDOWS, queues=4)
    assert learnt(queues, simulated(range(9), 5 * MIB, MIB)) is None


def test_restarts_of_single_vms_teach_as_well() -> None:
    """Three restarts of one VM of many are enough to know what comes with one."""
    numbers = (9, 8, 9, 8, 9, 8, 9)
    found = known(WINDOWS, simulated(numbers, 5 * MIB, 2 * MIB)).memory

    assert found is not None
    assert found.complete
    assert found.interval.median == 7 * MIB


def test_what_is_too_wide_is_not_used() -> None:
    """One look at three VMs on a dom0 that uses much says little, and no plan counts it."""
    found = known(WINDOWS, simulated([3], 5 * MIB, 2 * MIB)).memory

    assert found is not None
    assert (found.complete, found.usable) == (False, False)
    assert holds(found, 7 * MIB)


def test_periods_far_apart_are_not_compared() -> None:
    """What dom0 used days ago, or in another run of the daemon, says nothing of a VM."""
    learning = simulated([0, 3], 5 * MIB, 2 * MIB)
    first, second = learning.periods
    late = dataclasses.replace(second, start=first.end + HORIZON + 1)
    other = dataclasses.replace(second, run=2)

    for period in (late, other):
        apart = dataclasses.replace(learning, periods=(first, period))
        memory = known(WINDOWS, apart).memory
        assert memory is not None
        assert not memory.complete


def test_a_kernel_that_does_not_tell_teaches_tasks_alone() -> None:
    """Before Linux 3.14 nothing is learnt of memory, and of tasks all the same."""
    old = next(
        platform for platform in PLATFORMS.values() if "MemAvailable" not in platform.meminfo
    )
    host = Host(old)
    host.wait()
    host.start(WINDOWS, 4)
    found = known(WINDOWS, host.wait())

    assert found.memory is None
    assert holds(found.tasks, host.taken[1] / 4)


CERTAIN = simulated(range(9), 5 * MIB, 2 * MIB)
VAGUE = simulated([4], 5 * MIB, 2 * MIB)


def test_the_more_certain_knowledge_is_used() -> None:
    """What was seen here while VMs came and went goes before what was carried, a look after it."""
    assert not known(WINDOWS, CERTAIN, CERTAIN).carried
    assert known(WINDOWS, VAGUE, CERTAIN).carried
    assert not known(WINDOWS, VAGUE, VAGUE).carried
    assert known(WINDOWS, Learning("xl"), VAGUE).carried


def test_another_regime_teaches_nothing() -> None:
    """What was learnt under another toolstack or release is not used."""
    assert learnt(WINDOWS, Learning("xapi"), CERTAIN) is None


def test_the_sentence_of_the_example() -> None:
    """Eight VMs of seven MiB each are told with their number, median and cautious end."""
    found = known(WINDOWS, CERTAIN)

    assert found == Learnt(
        8,
        Estimate(Interval(7 * MIB - MIB / 8, 7 * MIB, 7 * MIB + MIB / 8), complete=True),
        Estimate(Interval(14 - 1 / 8, 14, 14 + 1 / 8), complete=True),
    )
    assert KIND in CERTAIN.vms


def test_a_host_that_learnt_before_goes_on() -> None:
    """VMs seen in an earlier run count, and what comes and goes in this one as well."""
    host = Host(DEBIAN_12)
    host.learning = dataclasses.replace(CERTAIN, instant=0.0, run=2, present=None, recorded=False)
    host.learning = dataclasses.replace(host.learning, regime="xl")
    host.wait()
    host.start(WINDOWS, 2)

    assert known(WINDOWS, host.wait()).vms == 10
