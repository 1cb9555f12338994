"""The private memory and the tasks of what serves each VM."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tests.captures import CAPTURES
from tests.hosts import LabSource
from tests.probes.support import NO_XEN as NOWHERE
from tests.probes.support import Files, after, denied, dom0, failure_of, outcome_of, value_of
from tests.support import UUIDS, full_snapshot
from xenwatch.model.devices import Nic, Shape, vm
from xenwatch.model.helpers import HELPERS as PROGRAMS
from xenwatch.model.host import Machine
from xenwatch.model.platforms.debian import DEBIAN_12
from xenwatch.model.platforms.xapi import XCP_NG_8_3
from xenwatch.model.presets import HOSTILE
from xenwatch.model.render.process import render_schedstat, render_stat
from xenwatch.model.source import ModelSource
from xenwatch.parse.process import PAGE, ProcessStat, Schedstat
from xenwatch.probes import PROBES
from xenwatch.probes import vm_processes as module
from xenwatch.probes.base import take
from xenwatch.probes.vm_processes import VM_PROCESSES
from xenwatch.readings.datapath import Datapath, Helper
from xenwatch.readings.domains import Domain, Domains
from xenwatch.readings.qemus import Qemu, Qemus
from xenwatch.readings.snapshot import Snapshot, Status
from xenwatch.readings.vm_processes import Use, VmProcesses
from xenwatch.readings.xenstore import Xenstore


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
    datapath=Datapath(
        {}, {}, {21: (1, "tapdisk"), 22: (1, "tapdisk"), 31: (2, "qdisk")}, {1: 4, 2: 3}
    ),
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


def test_memory_is_told_by_program() -> None:
    """The processes of a domain that run the same program are one figure."""
    assert found().memory_bytes == {
        (1, "qemu"): 11 * PAGE,
        (1, "tapdisk"): (21 + 22) * PAGE,
        (2, "qdisk"): 31 * PAGE,
    }


def test_a_process_that_ended_leaves_its_domain_out() -> None:
    """Where one process could not be read the domain is missing, and never has too little."""
    files = {path: data for path, data in FILES.items() if "22" not in path}

    assert set(found(files=files).by_domid) == {2}
    assert (1, "tapdisk") not in found(files=files).memory_bytes


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
    moved = dataclasses.replace(CONTEXT, datapath=Datapath({}, {}, {31: (1, "qdisk")}, {}))
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

    context = dataclasses.replace(CONTEXT, host=None)

    assert outcome_of(VM_PROCESSES, host, context).status is Status.NOT_APPLICABLE


def stat(pid: int, ticks: int, threads: int = 1, start: int = 900) -> bytes:
    """`/proc/PID/stat` of a process with so many ticks of CPU time."""
    numbers = [0] * 49
    numbers[11], numbers[16], numbers[18] = ticks, threads, start
    return render_stat(ProcessStat(pid, b"helper", "S", tuple(numbers)))


def ran(nanoseconds: int) -> bytes:
    """`/proc/PID/schedstat` of a thread that has run so long."""
    return render_schedstat(Schedstat(nanoseconds, 5, 3))


def with_helpers(**helpers: Helper) -> Snapshot:
    """The context with helpers too, by `pid` and number."""
    assert CONTEXT.datapath is not None
    by_pid = {int(name.removeprefix("pid")): helper for name, helper in helpers.items()}
    datapath = dataclasses.replace(CONTEXT.datapath, helpers=by_pid)
    return dataclasses.replace(CONTEXT, datapath=datapath)


HELPED = with_helpers(pid41=Helper("varstored", 900, 1), pid42=Helper("xl", 900, b"two"))
"""A varstored of one domain, and an xl that waits for a domain named "two"."""
HELPERS = {
    "/proc/41/stat": stat(41, 250),
    "/proc/41/statm": statm(41),
    "/proc/41/schedstat": ran(2_500_000_000),
    "/proc/42/stat": stat(42, 3, threads=2),
    "/proc/42/statm": statm(42),
    "/proc/42/schedstat": ran(30_000_000),
}


def named(context: Snapshot, **names: int) -> Snapshot:
    """The context with names of domains in xenstore."""
    known = {(domid, UUIDS[domid]): name.encode() for name, domid in names.items()}
    return dataclasses.replace(context, xenstore=Xenstore(known))


def test_helpers_count_for_their_domains() -> None:
    """Memory, threads and CPU time of a helper are those of its domain, by domid or by name."""
    read = found(named(HELPED, one=1, two=2), FILES | HELPERS)

    assert read.by_domid == {1: Use((11 + 21 + 22 + 41) * PAGE, 7 + 1), 2: Use(73 * PAGE, 3 + 2)}
    assert read.memory_bytes[1, "varstored"] == 41 * PAGE
    assert read.helper_cpu_seconds == {(1, "varstored"): 2.5, (2, "xl"): 0.03}


def test_an_xl_of_an_unknown_domain_counts_for_none() -> None:
    """Where no domain has the name, nothing is said of its xl, and no domain lacks one."""
    read = found(named(HELPED, one=1, other=2), FILES | HELPERS)

    assert set(read.by_domid) == {1, 2}
    assert set(read.helper_cpu_seconds) == {(1, "varstored")}


def test_an_xl_follows_its_domain_to_another_domid() -> None:
    """xl restarts a domain under its name, and is then that of the new domid."""
    first = after(VM_PROCESSES, dom0(FILES | HELPERS), named(HELPED, two=1))
    again = dataclasses.replace(first, snapshot=named(HELPED, two=2))
    second = after(VM_PROCESSES, dom0(FILES | HELPERS), again)

    assert first.snapshot.vm_processes is not None
    assert (1, "xl") in first.snapshot.vm_processes.memory_bytes
    assert second.snapshot.vm_processes is not None
    assert second.snapshot.vm_processes.memory_bytes[2, "xl"] == 42 * PAGE
    assert (1, "xl") not in second.snapshot.vm_processes.memory_bytes


@pytest.mark.parametrize("name", ["vm", "vm--incoming"])
def test_an_xl_of_a_domain_that_came_here_is_that_of_its_later_name(name: str) -> None:
    """While a domain is migrated here its name is another one, and its xl began then."""
    context = with_helpers(pid42=Helper("xl", 900, b"vm--incoming"))
    read = found(named(context, **{name: 2}), FILES | HELPERS)

    assert set(read.helper_cpu_seconds) == {(2, "xl")}


def test_a_helper_that_slept_costs_one_read() -> None:
    """One of a single thread that has not run is as it was; one of more threads may have."""
    context = named(HELPED, two=2)
    known = after(VM_PROCESSES, dom0(FILES | HELPERS), context)
    host = dom0(FILES | HELPERS)
    again = after(VM_PROCESSES, host, known)

    assert again.snapshot.vm_processes == known.snapshot.vm_processes
    assert [path for path in host.asked if "/41/" in str(path)] == ["/proc/41/schedstat"]
    assert {"/proc/42/stat", "/proc/42/statm"} <= set(host.asked)


@pytest.mark.parametrize("schedstat", [ran(2_600_000_000), b"0 0 0\n", None])
def test_a_helper_that_ran_is_read_again(schedstat: bytes | None) -> None:
    """So is each where the kernel does not tell who has run."""
    known = after(VM_PROCESSES, dom0(FILES | HELPERS), named(HELPED, two=2))
    files = FILES | HELPERS | {"/proc/41/stat": stat(41, 260), "/proc/41/statm": statm(50)}
    files["/proc/41/schedstat"] = schedstat or b""
    if schedstat is None:
        del files["/proc/41/schedstat"]
    read = after(VM_PROCESSES, dom0(files), known).snapshot.vm_processes

    assert read is not None
    assert read.helper_cpu_seconds[1, "varstored"] == 2.6
    assert read.memory_bytes[1, "varstored"] == 50 * PAGE


def test_looks_at_helpers_that_sleep_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound a helper is read whole, as long as there is room for that."""
    monkeypatch.setattr(module, "MOST_LOOKED_AT", 0)
    host = dom0(FILES | HELPERS)
    first = after(VM_PROCESSES, host, HELPED)
    host.asked.clear()
    after(VM_PROCESSES, host, first)

    assert "/proc/41/statm" in host.asked


@pytest.mark.parametrize("start", [None, 901])
def test_a_helper_that_ended_takes_nothing_any_more(start: int | None) -> None:
    """Its PID is free, or that of a later process; what else serves its domain is known."""
    files = FILES | HELPERS
    if start is None:
        files = {path: data for path, data in files.items() if "/41/" not in path}
    else:
        files["/proc/41/stat"] = stat(41, 1, start=start)
    read = found(named(HELPED, two=2), files)

    assert read.by_domid[1] == Use((11 + 21 + 22) * PAGE, 7)
    assert (1, "varstored") not in read.memory_bytes
    assert (1, "varstored") not in read.helper_cpu_seconds
    assert (1, "qemu") in read.memory_bytes


def test_a_vm_whose_qemu_is_in_a_stubdomain_is_known() -> None:
    """It has no QEMU in dom0, which says nothing against what serves its disks there."""
    store = Xenstore({(2, UUIDS[2]): b"vm-dm"}, {(2, UUIDS[2]): 1})
    context = dataclasses.replace(CONTEXT, qemus=Qemus({}), xenstore=store)

    assert found(context).by_domid[1] == Use((21 + 22) * PAGE, 4)


def test_a_synthetic_vm_has_its_processes() -> None:
    """Of a VM of the model QEMU, tapdisks and helpers are counted with memory and threads."""
    machine = Machine(XCP_NG_8_3)
    shape = vm(XCP_NG_8_3, "hvm", disks=3, uefi=True)
    machine.start(b"a", dataclasses.replace(shape, vtpm=True))
    machine.start(b"b", Shape("pv", nics=(Nic(queues=2),)))
    read = take(ModelSource(machine), PROBES).snapshot.vm_processes
    drivers = XCP_NG_8_3.drivers
    first = {name: PROGRAMS[name].kib for name in drivers.helpers - {"vncterm"}}
    second = {name: PROGRAMS[name].kib for name in ("vncterm", "tapback")}

    assert read is not None
    kib = drivers.qemu_kib + 3 * drivers.tapdisk_kib + sum(first.values())
    assert read.by_domid[1] == Use(kib * 1024, drivers.qemu_threads + 3 + 2 + len(first))
    kib = drivers.tapdisk_kib + sum(second.values())
    assert read.by_domid[2] == Use(kib * 1024, 1 + 4 + len(second))
    assert set(read.helper_cpu_seconds) == {
        *((1, name) for name in first),
        (2, "vncterm"),
        (2, "tapback"),
    }


@pytest.mark.parametrize("name", [b"vm", HOSTILE, b"a.log.1", b"x/../y"])
def test_each_synthetic_domain_has_its_xl(name: bytes) -> None:
    """Under xl each domain has its own, whatever its name."""
    machine = Machine(DEBIAN_12)
    for each in (b"first", name, b"last"):
        machine.start(each, Shape("pv"))
    read = take(ModelSource(machine), PROBES).snapshot.vm_processes

    assert read is not None
    xls = {domid: size for (domid, program), size in read.memory_bytes.items() if program == "xl"}
    assert xls == dict.fromkeys((1, 2, 3), 560 * 1024)


def test_each_domain_of_a_real_host_has_its_xl() -> None:
    """On the captured host xl waits for each of five guests, and has half a MiB of its own."""
    read = take(LabSource(CAPTURES[1]), PROBES).snapshot.vm_processes

    assert read is not None
    pages = {1: 138, 2: 138, 3: 138, 4: 154, 5: 135}
    assert read.memory_bytes == {(domid, "xl"): size * PAGE for domid, size in pages.items()}
    assert read.helper_cpu_seconds == {
        (1, "xl"): 0.01,
        (2, "xl"): 0.01,
        (3, "xl"): 0.0,
        (4, "xl"): 0.06,
        (5, "xl"): 0.01,
    }
    tasks = {domid: use.tasks for domid, use in read.by_domid.items()}
    assert tasks == dict.fromkeys((1, 2, 3, 4), 2 + 3)
