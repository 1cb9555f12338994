"""The probe of Xen's memory."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from tests.sources.fakes import TableSource
from xenwatch.model.devices import Shape
from xenwatch.model.host import Machine
from xenwatch.model.platforms import PLATFORMS
from xenwatch.model.platforms.debian import DEBIAN_12
from xenwatch.model.render.domaininfo import render_list
from xenwatch.model.render.physinfo import render_physinfo
from xenwatch.model.render.pod import render_pod_target
from xenwatch.model.render.xenversion import render_version
from xenwatch.model.source import ModelSource
from xenwatch.parse import domaininfo, physinfo, xenversion
from xenwatch.parse.domaininfo import X86_LAYOUTS, DomainInfo
from xenwatch.parse.physinfo import PhysInfo
from xenwatch.parse.pod import PodTarget, pod_target_call
from xenwatch.probes.base import NotApplicable
from xenwatch.probes.domains import CHUNK
from xenwatch.probes.host_memory import read
from xenwatch.readings.memory import HostMemory
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import HypercallReply, SourceError
from xenwatch.sources.recording import RecordingSource
from xenwatch.sources.tree import TreeSource

LAYOUT = X86_LAYOUTS[4, 17]
CALL = physinfo.physinfo_call(LAYOUT)
LISTING = domaininfo.list_call(LAYOUT, 0, CHUNK)
DOM0 = {"/proc/xen/capabilities": b"control_d\n"}
RUNNING, DYING, CRASHED = 0xFFFF0020, 0xFFFF0001, 0x00030004
HVM = 2
MIB = 1 << 20


def pages(total: int, free: int, claimed: int = 0) -> HypercallReply:
    """Xen's answer about so many pages of memory."""
    info = PhysInfo(total, free, 0, claimed, 4, 4, 1)
    return HypercallReply(0, render_physinfo(LAYOUT, CALL.block, info))


def source(
    memory: HypercallReply,
    guests: dict[int, int] | None = None,
    targets: dict[int, HypercallReply] | None = None,
) -> TableSource:
    """A dom0 of Xen 4.17 with guests by domid and flags, that answers so."""
    flags = {0: RUNNING, **(guests or {})}
    infos = [
        DomainInfo(domid, flag, 16, 16, 0, 1, 0, bytes(16), 0x3FF if flag & HVM else 0)
        for domid, flag in flags.items()
    ]
    replies = {
        xenversion.version_call(): HypercallReply(render_version((4, 17)), b""),
        CALL: memory,
        LISTING: HypercallReply(0, render_list(LAYOUT, LISTING.block, infos)),
    }
    about = {pod_target_call(domid): reply for domid, reply in (targets or {}).items()}
    return TableSource(files=DOM0, replies=replies | about)


def target(domid: int, cache: int, entries: int) -> HypercallReply:
    """Xen's answer about a guest that is populated on demand."""
    return HypercallReply(0, render_pod_target(PodTarget(domid, 100, cache, entries)))


def refused(domid: int, number: int) -> HypercallReply:
    """Xen's refusal to tell about a guest."""
    return HypercallReply(-number, pod_target_call(domid).block)


def test_claimed_memory_is_not_free() -> None:
    """Free is what neither a domain has nor one that starts has claimed, in bytes."""
    found = read(source(pages(1000, 300, claimed=100)), Snapshot())

    assert found == HostMemory(1000 * 4096, 200 * 4096, {})


def test_claims_beyond_what_is_free_leave_nothing() -> None:
    """More claimed than free is no negative memory."""
    assert read(source(pages(1000, 1, claimed=2)), Snapshot()).free == 0


def test_a_guest_is_owed_what_its_cache_does_not_cover() -> None:
    """Entries beyond the cache are owed, in bytes; a guest with enough is owed nothing."""
    guests = {5: RUNNING | HVM, 6: RUNNING | HVM}
    answers = {5: target(5, 30, 100), 6: target(6, 40, 40)}

    assert read(source(pages(9, 9), guests, answers), Snapshot()).owed == {5: 70 * 4096, 6: 0}


def test_only_guests_that_can_demand_memory_are_asked_for() -> None:
    """PV guests are never populated on demand, and a guest that has ended demands nothing."""
    guests = {4: RUNNING, 5: DYING | HVM, 6: CRASHED | HVM}

    assert read(source(pages(9, 9), guests), Snapshot()).owed == {}


@pytest.mark.parametrize("number", [errno.ESRCH, errno.EINVAL])
def test_a_guest_that_ended_meanwhile_is_left_out(number: int) -> None:
    """A domain that is gone, or whose domid is a PV guest's by now, hides no other."""
    guests = {5: RUNNING | HVM, 6: RUNNING | HVM}
    answers = {5: refused(5, number), 6: target(6, 0, 1)}

    assert read(source(pages(9, 9), guests, answers), Snapshot()).owed == {6: 4096}


def test_a_xen_without_populate_on_demand_owes_nothing() -> None:
    """Xen on Arm, or built without HVM, has no such call: ENOSYS is the answer for everyone."""
    answers = {5: refused(5, errno.ENOSYS)}

    assert read(source(pages(9, 9), {5: RUNNING | HVM}, answers), Snapshot()).owed == {}


def test_a_debt_that_is_refused_is_a_failure() -> None:
    """Where Xen may not tell what it owes, its memory is not known."""
    answers = {5: refused(5, errno.EPERM)}

    with pytest.raises(SourceError, match="XENMEM_get_pod_target: Operation not permitted"):
        read(source(pages(9, 9), {5: RUNNING | HVM}, answers), Snapshot())


def test_an_older_capture_does_not_have_the_debt(tmp_path: Path) -> None:
    """A capture that lacks the question has Xen's memory, and of the debt says that it is unknown.

    A capture made of its replay lacks it too.
    """
    machine = Machine(DEBIAN_12)
    machine.start(b"vm", Shape("hvm"))
    recorder = RecordingSource(ModelSource(machine), tmp_path / "new")
    whole = read(recorder, Snapshot())
    recorder.close()
    calls = tmp_path / "new/calls.jsonl"
    lines = calls.read_text().splitlines(keepends=True)
    calls.write_text("".join(line for line in lines if '"arguments": [12, ' not in line))
    again = RecordingSource(TreeSource(tmp_path / "new"), tmp_path / "again")
    found = read(again, Snapshot())
    again.close()

    assert whole.owed == {1: 0}
    assert found == HostMemory(whole.total, whole.free, None)
    assert read(TreeSource(tmp_path / "again"), Snapshot()) == found


@pytest.mark.parametrize("name", ["debian-12", "xenserver-6.1"])
def test_the_synthetic_host_owes_a_guest_with_more_max_than_memory(name: str) -> None:
    """HVM guests started with half their max are owed the rest, on any release of Xen."""
    machine = Machine(PLATFORMS[name])
    machine.start(b"pv", Shape("pv", max_kib=2 << 20))
    machine.start(b"whole", Shape("hvm"))
    half = machine.start(b"half", Shape("hvm", memory_kib=1 << 20, max_kib=2 << 20))
    owed = read(ModelSource(machine), Snapshot()).owed
    machine.leave_zombie(half)

    assert owed == {2: 0, 3: 1 << 30}
    assert read(ModelSource(machine), Snapshot()).owed == {2: 0}


@pytest.mark.parametrize(
    ("info", "reason"),
    [
        (PhysInfo(0, 0, 0, 0, 4, 4, 1), "the host has no memory"),
        (PhysInfo(1000, 1001, 0, 0, 4, 4, 1), "1001 pages free, 0 to scrub, of 1000"),
        (PhysInfo(1000, 0, 1001, 0, 4, 4, 1), "0 pages free, 1001 to scrub, of 1000"),
        (PhysInfo(1000, 0, 0, 0, 0, 4, 1), "0 CPUs of 4, 1 NUMA nodes"),
        (PhysInfo(1000, 0, 0, 0, 5, 4, 1), "5 CPUs of 4, 1 NUMA nodes"),
        (PhysInfo(1000, 0, 0, 0, 4, 16384, 1), "4 CPUs of 16384, 1 NUMA nodes"),
        (PhysInfo(1000, 0, 0, 0, 4, 4, 0), "4 CPUs of 4, 0 NUMA nodes"),
    ],
)
def test_an_implausible_answer_is_a_failure(info: PhysInfo, reason: str) -> None:
    """A host without memory, or with more free or more CPUs than there are, is another layout."""
    reply = HypercallReply(0, render_physinfo(LAYOUT, CALL.block, info))

    with pytest.raises(SourceError, match=f"implausible: {reason}"):
        read(source(reply), Snapshot())


def test_a_refusal_is_a_failure() -> None:
    """What Xen does not tell is not known."""
    with pytest.raises(SourceError, match="XEN_SYSCTL_physinfo"):
        read(source(HypercallReply(-errno.EPERM, CALL.block)), Snapshot())


def test_elsewhere_it_does_not_apply() -> None:
    """A machine without Xen has no memory of Xen's."""
    with pytest.raises(NotApplicable):
        read(TableSource(), Snapshot())
