"""The probe of Xen's memory."""

from __future__ import annotations

import errno

import pytest

from tests.sources.fakes import TableSource
from xenwatch.model.render.physinfo import render_physinfo
from xenwatch.model.render.xenversion import render_version
from xenwatch.parse import physinfo, xenversion
from xenwatch.parse.domaininfo import X86_LAYOUTS
from xenwatch.parse.physinfo import PhysInfo
from xenwatch.probes.base import NotApplicable
from xenwatch.probes.host_memory import read
from xenwatch.readings.memory import HostMemory
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import HypercallReply, SourceError

LAYOUT = X86_LAYOUTS[4, 17]
CALL = physinfo.physinfo_call(LAYOUT)
DOM0 = {"/proc/xen/capabilities": b"control_d\n"}


def source(reply: HypercallReply, files: dict[str, bytes] | None = None) -> TableSource:
    """A dom0 of Xen 4.17 that answers physinfo so."""
    version = HypercallReply(render_version((4, 17)), b"")
    return TableSource(
        files=DOM0 if files is None else files,
        replies={xenversion.version_call(): version, CALL: reply},
    )


def test_claimed_memory_is_not_free() -> None:
    """Free is what neither a domain has nor one that starts has claimed, in bytes."""
    info = PhysInfo(total=1000, free=300, scrub=7, outstanding=100)
    reply = HypercallReply(0, render_physinfo(LAYOUT, CALL.block, info))

    assert read(source(reply), Snapshot()) == HostMemory(1000 * 4096, 200 * 4096)


def test_claims_beyond_what_is_free_leave_nothing() -> None:
    """More claimed than free is no negative memory."""
    reply = HypercallReply(0, render_physinfo(LAYOUT, CALL.block, PhysInfo(1000, 1, 0, 2)))

    assert read(source(reply), Snapshot()).free == 0


@pytest.mark.parametrize(
    ("info", "reason"),
    [
        (PhysInfo(0, 0, 0, 0), "the host has no memory"),
        (PhysInfo(1000, 1001, 0, 0), "1001 pages free, 0 to scrub, of 1000"),
        (PhysInfo(1000, 0, 1001, 0), "0 pages free, 1001 to scrub, of 1000"),
    ],
)
def test_an_implausible_answer_is_a_failure(info: PhysInfo, reason: str) -> None:
    """A host without memory, or with more free than there is, is another layout."""
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
        read(source(HypercallReply(0, b""), {}), Snapshot())
