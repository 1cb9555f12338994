"""The number of a plan against the VMs that then start on the synthetic host, one by one."""

from __future__ import annotations

import dataclasses

import pytest

from tests.laws.test_law_4 import started_as
from xenwatch.assessment import Assessment, assess_pass
from xenwatch.model import bounds
from xenwatch.model.fill import fill
from xenwatch.model.host import Machine
from xenwatch.model.platforms import PLATFORMS
from xenwatch.model.source import ModelSource
from xenwatch.planning.running import averages
from xenwatch.planning.shapes import BUILT_IN
from xenwatch.planning.together import together
from xenwatch.probes import PROBES
from xenwatch.probes.base import take

WINDOWS, LINUX = BUILT_IN["windows"], BUILT_IN["linux"]
RUNNING = {WINDOWS: 3, LINUX: 4}
MOST = 50
LOWERED = {
    "debian-12": {"/proc/sys/kernel/pty/max": "18"},
    "debian-13": {"/proc/sys/kernel/pty/max": "20"},
    "xcp-ng-8.3": {"/proc/sys/fs/aio-max-nr": "30000"},
    "xcp-ng-8.2": {"/proc/sys/fs/aio-max-nr": "15000"},
}
"""A ceiling of dom0 so low that few fit beside those that run."""


def host(name: str) -> Machine:
    """A host that runs some VMs, and does not run out of what no plan counts."""
    platform = PLATFORMS[name]
    platform = dataclasses.replace(platform, settings={**platform.settings, **LOWERED[name]})
    machine = Machine(platform, bounds.without(bounds.platform_bounds(platform), "memory", "tasks"))
    for shape, count in RUNNING.items():
        assert fill(machine, started_as(platform, shape), count).vms == count
    return machine


def assessed(machine: Machine) -> Assessment:
    """A pass over it."""
    return assess_pass(take(ModelSource(machine), PROBES, lambda: 1_700_000_000.0).snapshot)


@pytest.mark.parametrize("name", LOWERED)
@pytest.mark.parametrize("which", ["windows", "linux", "average-hvm", "average-pv"])
def test_so_many_start_as_the_plan_says(name: str, which: str) -> None:
    """Of a built-in shape and of the average of those that run, beside these."""
    machine = host(name)
    assessment = assessed(machine)
    shape = {**BUILT_IN, **averages(assessment.snapshot)}[which]
    plan = assessment.plan({shape: 1})
    started = fill(machine, started_as(machine.dom0.platform, shape), MOST)
    print(f"{name} {which}: plan {plan.at_most}, started {started.vms}")
    assert started.vms == plan.at_most
    assert 0 < started.vms < MOST


@pytest.mark.parametrize("name", LOWERED)
def test_so_many_of_each_start_as_a_mix_says(name: str) -> None:
    """All that fit together start; then not one more of any that is left over."""
    machine = host(name)
    assessment = assessed(machine)
    batch = {WINDOWS: 12, LINUX: 30}
    found = together(batch, lambda some: bool(assessment.plan(some, 1).at_most))
    platform = machine.dom0.platform
    started = {
        shape: fill(machine, started_as(platform, shape), found[shape]).vms for shape in batch
    }
    print(f"{name}: plan {found.values()}, started {started.values()}")
    assert started == found
    assert sum(found.values()) > 0
    for shape, count in batch.items():
        more = assessed(machine).plan({shape: 1}).at_most
        assert found[shape] == count or more == 0
