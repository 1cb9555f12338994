"""Law 8: a pass changes nothing of Xen: every hypercall only reads."""

from __future__ import annotations

import dataclasses
import struct

import pytest

from tests.sources.fakes import Question, TappedSource
from xenwatch.model.presets import PRESETS
from xenwatch.model.source import ModelSource
from xenwatch.parse import domaininfo, evtchn, gnttab, physinfo, pod, scheduling, xen_console
from xenwatch.parse.xenversion import COMMANDLINE, VERSION, XEN_VERSION
from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.sources.base import Hypercall

READS = {
    (evtchn.EVENT_CHANNEL_OP, evtchn.STATUS),
    (gnttab.GRANT_TABLE_OP, gnttab.QUERY_SIZE),
    (pod.MEMORY_OP, pod.GET_POD_TARGET),
    (XEN_VERSION, VERSION),
    (XEN_VERSION, COMMANDLINE),
    (domaininfo.SYSCTL, physinfo.PHYSINFO),
    (domaininfo.SYSCTL, domaininfo.GETDOMAININFOLIST),
    (domaininfo.SYSCTL, scheduling.SCHED_ID),
    (domaininfo.SYSCTL, xen_console.READCONSOLE),
    (scheduling.DOMCTL, scheduling.GETVCPUAFFINITY),
    (scheduling.DOMCTL, scheduling.SCHEDULER_OP),
}
"""Hypercalls with their operations that read."""


def operation(call: Hypercall) -> tuple[int, int]:
    """A hypercall's number, and its operation: of sysctl and domctl it is in the block."""
    if call.number in (domaininfo.SYSCTL, scheduling.DOMCTL):
        found: int = struct.unpack_from("<I", call.block)[0]
        return call.number, found
    return call.number, call.args[0]


def asked(name: str) -> list[Hypercall]:
    """The hypercalls of two passes of all probes over a synthetic host."""
    found: list[Hypercall] = []

    def tap(question: Question) -> None:
        if question[0] == "hypercall":
            found.append(question[1])

    source = TappedSource(ModelSource(PRESETS[name]()), tap)
    every = [dataclasses.replace(probe, enabled=True) for probe in PROBES]
    take(source, every, before=take(source, every))
    return found


@pytest.mark.parametrize("name", ["debian-12", "xcp-ng-8.3", "xenserver-6.1"])
def test_every_hypercall_reads(name: str) -> None:
    """Nothing is asked of Xen that could change a domain, and each thing that reads is asked."""
    assert {operation(call) for call in asked(name)} == READS


def test_operations_that_could_set_are_told_to_read() -> None:
    """Scheduler parameters are got, not put, and Xen's console is not cleared."""
    calls = asked("debian-12")
    by_operation = {operation(call): call.block for call in calls}
    scheduler = by_operation[scheduling.DOMCTL, scheduling.SCHEDULER_OP]
    console = by_operation[domaininfo.SYSCTL, xen_console.READCONSOLE]

    assert struct.unpack_from("<I", scheduler, 20) == (scheduling.GETINFO,)
    assert console[8] == 0  # clear, of struct xen_sysctl_readconsole
