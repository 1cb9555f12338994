"""Shapes of VMs that run, and plans for them against what then starts."""

from __future__ import annotations

import dataclasses

import pytest

from xenwatch.limits.states import assess
from xenwatch.model.devices import vm
from xenwatch.model.host import Machine
from xenwatch.model.platforms.xapi import XCP_NG_8_3
from xenwatch.model.presets import PRESETS
from xenwatch.model.source import ModelSource, preset
from xenwatch.planning.question import PlanError
from xenwatch.planning.running import averages, like, running
from xenwatch.planning.shapes import Shape
from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source

GIB = 1 << 30


def read(source: Source) -> Snapshot:
    """A pass over a host."""
    return take(source, PROBES, lambda: 1_700_000_000.0).snapshot


def host(*shapes: Shape) -> Snapshot:
    """A host that runs one VM of each shape, named for it."""
    machine = Machine(XCP_NG_8_3)
    for shape in shapes:
        made = vm(
            XCP_NG_8_3,
            shape.type,
            vcpus=shape.vcpus,
            disks=shape.disks,
            vifs=shape.vifs,
            memory_kib=shape.memory_bytes >> 10,
        )
        machine.start(shape.name.encode(), made)
    return read(ModelSource(machine))


WEB = Shape("web", "hvm", vcpus=2, disks=1, vifs=1, memory_bytes=2 * GIB)
MAIL = Shape("mail", "hvm", vcpus=4, disks=3, vifs=2, memory_bytes=8 * GIB)
DATA = Shape("data", "hvm", vcpus=8, disks=4, vifs=1, memory_bytes=4 * GIB)
OLD = Shape("old", "pv", vcpus=1, disks=1, vifs=1, memory_bytes=GIB)
HOST = host(WEB, MAIL, DATA, OLD)


def plain(shape: Shape) -> Shape:
    """The shape whatever its firmware, and its memory in GiB: Xen adds a little."""
    gib = round(shape.memory_bytes / GIB)
    return dataclasses.replace(shape, uefi=False, memory_bytes=gib * GIB)


def test_every_vm_has_the_shape_it_was_started_with() -> None:
    """Type, vCPUs, disks, network interfaces and memory, by the names of xenstore."""
    assert [plain(shape) for shape in running(HOST).values()] == [WEB, MAIL, DATA, OLD]


@pytest.mark.parametrize("wanted", ["mail", "2", "uuid"])
def test_a_vm_is_found_by_name_domid_and_uuid(wanted: str) -> None:
    """Whatever is at hand."""
    if wanted == "uuid":
        assert HOST.domains is not None
        wanted = next(domain.uuid for domain in HOST.domains.domains if domain.domid == 2)
    assert plain(like(HOST, wanted)) == MAIL


def test_a_vm_that_is_not_there_is_named_with_those_that_are() -> None:
    """And two of one name are told apart by domid or UUID."""
    with pytest.raises(PlanError, match=r"domid 'nobody'; there are: web, mail, data, old$"):
        like(HOST, "nobody")
    with pytest.raises(PlanError, match="2 VMs are named 'web'; give domid or UUID"):
        like(host(WEB, WEB), "web")
    with pytest.raises(PlanError, match="no running VM could be read; see xenwatch doctor"):
        like(host(), "web")


def test_the_average_is_the_median_of_each_property() -> None:
    """Of two the higher one, by type."""
    found = {name: plain(shape) for name, shape in averages(HOST).items()}
    assert found == {
        "average-pv": dataclasses.replace(OLD, name="average-pv"),
        "average-hvm": Shape("average-hvm", "hvm", 4, 3, 1, memory_bytes=4 * GIB),
    }
    two = averages(host(WEB, MAIL))["average-hvm"]
    assert (two.vcpus, two.disks, two.vifs) == (4, 3, 2)


def test_dom0_is_no_vm_and_firmware_that_was_not_read_is_the_dearer() -> None:
    """Without the processes of a VM nobody knows that it has none."""
    blind = dataclasses.replace(HOST, vm_processes=None)
    assert [shape.uefi for shape in running(blind).values()] == [True, True, True, False]
    assert running(dataclasses.replace(HOST, domains=None)) == {}
    assert running(dataclasses.replace(HOST, backends=None)) == {}
    assert all(domain.domid for domain in running(HOST))


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_has_averages_of_what_it_runs(name: str) -> None:
    """Of each type among its VMs, and of no other."""
    snapshot = read(preset(name))
    shapes = running(snapshot).values()
    assert {shape.type for shape in averages(snapshot).values()} == {one.type for one in shapes}
    assert assess(snapshot)
