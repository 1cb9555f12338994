"""The private memory and the tasks of what serves each VM."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tests.probes.support import NO_XEN as NOWHERE
from tests.probes.support import Files, after, denied, dom0, failure_of, outcome_of, value_of
from tests.support import UUIDS, full_snapshot
from xenwatch.model.devices import Nic, Shape, vm
from xenwatch.model.host import Machine
from xenwatch.model.platforms.xapi import XCP_NG_8_3
from xenwatch.model.source import ModelSource
from xenwatch.parse.process import PAGE
from xenwatch.probes import PROBES
from xenwatch.probes import vm_processes as module
from xenwatch.probes.base import take
from xenwatch.probes.vm_processes import VM_PROCESSES
from xenwatch.readings.datapath import Datapath
from xenwatch.readings.domains import Domain, Domains
from xenwatch.readings.qemus import Qemu, Qemus
from xenwatch.readings.snapshot import Snapshot, Status
from xenwatch.readings.vm_processes import Use, VmProcesses


def statm(private: int) -> bytes:
    """`/proc/PID/statm` of a process with so many private pages."""
    return b"9000 %d 400 31 0 186 0\n" % (400 + private)


def domain(domid: int, kind: str | None) -> Domain:
    """A running domain."""
    return Domain(domid, UUIDS[domid], None, kind, "blocked", 1, 1, 1 << 30, 0.0)


QEMU = Qemu(UUIDS[1], 11, 400, (), 0.0, 0, None, (11, 12, 13))
CONTEXT = dataclasses.replace(
    full_snapshot(),
    domains=Domains((domain(0, "pv"), domain(1, "hvm"), domain(2, "pv")), "hypercall"),
    qemus=Qemus({1: QEMU}),
    datapath=Datapath({}, {}, {21: 1, 22: 1, 31: 2}, {1: 4, 2: 3}),
)
"""An HVM domain with a QEMU of three threads and two tapdisks, a PV one with a QEMU for disks."""
FILES = {f"/proc/{pid}/statm": statm(pid) for pid in (11, 21, 22, 31)}


def found(context: Snapshot = CONTEXT, files: Files = FILES, **parts: Any) -> VmProcesses:
    """What the probe reads."""
    reading: VmProcesses = value_of(VM_PROCESSES, dom0(files, **parts), context)
    return reading


def test_each_vm_has_what_serves_it() -> None:
    """Private memory of all processes of a domain, and tasks of QEMU, tapdisks and the kernel."""
    assert found().by_domid == {1: Use((11 + 21 + 22) * PAGE, 7), 2: Use(31 * PAGE, 3)}


def test_a_process_that_ended_leaves_its_domain_out() -> None:
    """Where one process could not be read the domain is missing, and never has too little."""
    files = {path: data for path, data in FILES.items() if "22" not in path}

    assert set(found(files=files).by_domid) == {2}


@pytest.mark.parametrize(
    ("missing", "left"), [("qemus", {2}), ("datapath", set()), ("domains", set())]
)
def test_what_others_could_not_read_is_missing(missing: str, left: set[int]) -> None:
    """Without the QEMUs no HVM domain is known, without workers or domains none at all."""
    context = dataclasses.replace(CONTEXT, **{missing: None})  # type: ignore[arg-type]

    assert set(found(context).by_domid) == left


def test_a_domain_of_unknown_type_is_missing() -> None:
    """Of a domain whose type is unknown it is unknown whether it has a QEMU."""
    context = dataclasses.replace(CONTEXT, domains=Domains((domain(2, None),), "xenstore"))

    assert found(context).by_domid == {}


def test_a_domain_with_a_qemu_is_known_whatever_its_type() -> None:
    """Xen 4.7 does not tell HVM from PVH; a QEMU shows what the domain is."""
    context = dataclasses.replace(CONTEXT, domains=Domains((domain(1, None),), "hypercall"))

    assert set(found(context).by_domid) == {1}


def test_the_reads_of_a_pass_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many processes the longest unread are read, and the others keep their figure."""
    whole = found()
    monkeypatch.setattr(module, "MOST_READ", 2)
    host = dom0(FILES)
    first = after(VM_PROCESSES, host, CONTEXT)
    second = after(VM_PROCESSES, host, first)
    asked = [path for path in host.asked if str(path).endswith("statm")]
    host.asked.clear()
    after(VM_PROCESSES, host, second)

    assert first.snapshot.vm_processes != second.snapshot.vm_processes
    assert second.snapshot.vm_processes == whole
    assert sorted(asked) == sorted(FILES)
    assert len([path for path in host.asked if str(path).endswith("statm")]) == 2


def test_a_pid_of_another_domain_is_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """A PID that serves another domain than before has none of its earlier figure."""
    known = after(VM_PROCESSES, dom0(FILES), CONTEXT)
    monkeypatch.setattr(module, "MOST_READ", 0)
    moved = dataclasses.replace(CONTEXT, datapath=Datapath({}, {}, {31: 1}, {}))
    snapshot = dataclasses.replace(known.snapshot, datapath=moved.datapath)
    again = after(VM_PROCESSES, dom0(FILES), dataclasses.replace(known, snapshot=snapshot))

    assert again.snapshot.vm_processes is not None
    assert 1 not in again.snapshot.vm_processes.by_domid


def test_a_refused_read_is_a_failure() -> None:
    """What may not be read fails the probe with the reason."""
    path = "/proc/11/statm"

    assert "Permission denied" in failure_of(
        VM_PROCESSES, dom0(FILES, errors={path: denied(path)}), CONTEXT
    )


@pytest.mark.parametrize("files", NOWHERE.values(), ids=NOWHERE)
def test_elsewhere_it_does_not_apply(files: Files) -> None:
    """In a guest and without Xen there is nothing to read."""
    host = dataclasses.replace(dom0(), files=dict(files))

    assert outcome_of(VM_PROCESSES, host, CONTEXT).status is Status.NOT_APPLICABLE


def test_a_synthetic_vm_has_its_processes() -> None:
    """Of a VM of the model QEMU and tapdisks are counted with memory and threads."""
    machine = Machine(XCP_NG_8_3)
    machine.start(b"a", vm(XCP_NG_8_3, "hvm", disks=3))
    machine.start(b"b", Shape("pv", nics=(Nic(queues=2),)))
    read = take(ModelSource(machine), PROBES).snapshot.vm_processes
    drivers = XCP_NG_8_3.drivers

    assert read is not None
    kib = drivers.qemu_kib + 3 * drivers.tapdisk_kib
    assert read.by_domid[1] == Use(kib * 1024, drivers.qemu_threads + 3 + 2)
    assert read.by_domid[2] == Use(drivers.tapdisk_kib * 1024, 1 + 4)
