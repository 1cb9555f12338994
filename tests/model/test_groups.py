"""Control groups of the synthetic hosts: who is in which, and what the probe says of it."""

from __future__ import annotations

import pytest

from xenwatch.model.devices import vm
from xenwatch.model.host import Machine
from xenwatch.model.platforms import PLATFORMS
from xenwatch.model.source import ModelSource
from xenwatch.probes import PROBES
from xenwatch.probes.base import take

NEEDED = [probe for probe in PROBES if probe.name in ("host", "daemons", "slices")]
IN_ROOT = {"xenserver-7.0", "xenserver-7.1", "xcp-ng-8.2", "xenserver-8"}
"""Platforms whose xapi is of 2016 to 2024, which left QEMUs in the root group."""


@pytest.mark.parametrize(
    "name", [name for name, platform in PLATFORMS.items() if platform.cgroup_version]
)
def test_qemus_are_where_the_toolstack_of_the_release_leaves_them(name: str) -> None:
    """Of platforms with a control.slice the older ones ship with every QEMU in the root group."""
    machine = Machine(PLATFORMS[name])
    for _ in range(3):
        machine.start(b"vm", vm(PLATFORMS[name], "hvm"))

    found = take(ModelSource(machine), NEEDED).snapshot.slices

    assert found is not None
    assert found.shipped == ({("qemu-system-i38", "/"): 3} if name in IN_ROOT else {})
    assert found.misplaced == {}


@pytest.mark.parametrize(("name", "group"), [("xcp-ng-8.3", "/vm.slice"), ("xenserver-8", "/")])
def test_firmware_is_served_by_a_unit_of_its_own(name: str, group: str) -> None:
    """varstored is in system.slice, wherever the QEMU of its guest is."""
    machine = Machine(PLATFORMS[name])

    domid = machine.start(b"vm", vm(PLATFORMS[name], "hvm", uefi=True))

    groups = {process.comm: process.group for process in machine.dom0.processes.values()}
    assert groups["varstored"] == f"/system.slice/varstored-{domid}.service"
    assert groups["qemu-system-i38"] == group
