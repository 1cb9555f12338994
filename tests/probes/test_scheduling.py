"""dom0's place in Xen's scheduler, on Xens of any version, and where Xen does not tell it."""

from __future__ import annotations

import dataclasses
import errno
import struct
from collections.abc import Callable

import pytest

from tests.probes.support import NO_XEN, FakeHost, Files, dom0, failure_of, outcome_of, value_of
from tests.probes.support import versions as version_of
from xenwatch.model.host import Machine
from xenwatch.model.platforms import PLATFORMS
from xenwatch.model.platforms.debian import DEBIAN_12
from xenwatch.model.render.scheduling import render_sched_id
from xenwatch.model.source import ModelSource
from xenwatch.model.xen import Xen
from xenwatch.parse import scheduling, xenversion
from xenwatch.parse.domaininfo import SYSCTL
from xenwatch.parse.physinfo import CPUS_OFFSET, PHYSINFO
from xenwatch.parse.scheduling import DOMCTL
from xenwatch.probes.base import take
from xenwatch.probes.scheduling import SCHEDULING
from xenwatch.readings.scheduling import Scheduling
from xenwatch.readings.snapshot import Status
from xenwatch.sources.base import Hypercall, HypercallReply

MACHINE = Machine(DEBIAN_12)


def host(machine: Machine = MACHINE, **calls: Callable[[Hypercall], HypercallReply]) -> FakeHost:
    """A dom0 on the Xen of a synthetic host, of which some calls are answered otherwise."""
    xen = Xen(machine.dom0)
    handlers = {
        xenversion.XEN_VERSION: xen.answer,
        SYSCTL: calls.get("sysctl", xen.answer),
        DOMCTL: calls.get("domctl", xen.answer),
    }
    return dom0(calls=handlers)


def of(machine: Machine) -> Scheduling:
    """What the probe reads of a synthetic host."""
    found = take(ModelSource(machine), [SCHEDULING]).snapshot.scheduling
    assert found is not None
    return found


def test_dom0_as_xen_has_it_by_default() -> None:
    """The default weight, no cap, no vCPU pinned, and the host's CPUs and nodes."""
    assert value_of(SCHEDULING, host()) == Scheduling("credit2", 256, 0.0, 0, 32, 2)


def test_what_was_changed_is_read() -> None:
    """Another weight, a cap of half a CPU, and vCPUs that each have one CPU."""
    machine = Machine(DEBIAN_12)
    its = machine.dom0.standing
    its.weight, its.cap, its.pinned = 1024, 50, True

    assert of(machine) == Scheduling("credit2", 1024, 0.5, 2, 32, 2)


def test_every_vcpu_is_asked_about() -> None:
    """Of a dom0 with more vCPUs than are asked about at once all are counted."""
    machine = Machine(dataclasses.replace(DEBIAN_12, vcpus=130))
    machine.dom0.standing.pinned = True

    assert of(machine).pinned == 130


def test_vcpus_on_one_node_are_pinned() -> None:
    """A vCPU that may run on some CPUs only, as with dom0_nodes, counts; on all it does not."""

    def domctl(call: Hypercall) -> HypercallReply:
        reply = Xen(MACHINE.dom0).answer(call)
        if call.links and reply.result == 0 and call.block[16] == 1:
            block = reply.block[: scheduling.DOMCTL_SIZE] + b"\xff\xff\0\0"
            return HypercallReply(0, block)
        return reply

    assert value_of(SCHEDULING, host(domctl=domctl)).pinned == 1


def test_ids_without_a_cpu_pin_nothing() -> None:
    """On a host with more ids than CPUs, as with empty sockets, dom0 may run on all there are.

    Xen gives dom0 the CPUs that are online as its affinity, not all ids (dom0_max_vcpus).
    """

    def domctl(call: Hypercall) -> HypercallReply:
        reply = Xen(MACHINE.dom0).answer(call)
        if call.links and reply.result == 0:
            block = reply.block[: scheduling.DOMCTL_SIZE] + b"\xff\xff\0\0"
            return HypercallReply(0, block)
        return reply

    def sysctl(call: Hypercall) -> HypercallReply:
        reply = Xen(MACHINE.dom0).answer(call)
        if call.block[0] != PHYSINFO:
            return reply
        block = bytearray(reply.block)
        struct.pack_into("<I", block, CPUS_OFFSET, 16)
        return HypercallReply(reply.result, bytes(block))

    assert value_of(SCHEDULING, host(domctl=domctl, sysctl=sysctl)).pinned == 0


@pytest.mark.parametrize("name", sorted(PLATFORMS))
def test_every_platform_tells_its_scheduler(name: str) -> None:
    """credit on XenServer and XCP-ng and on older Xens, credit2 by default since Xen 4.12."""
    platform = PLATFORMS[name]
    scheduler = "credit2" if name.startswith("debian") else "credit"

    assert of(Machine(platform)).scheduler == scheduler


def test_another_version_of_a_release_is_tried() -> None:
    """Xen 4.10.1 has another interface version than 4.10.0, and both say that they are 4.10."""
    machine = Machine(dataclasses.replace(DEBIAN_12, xen=(4, 10)))
    xen = Xen(machine.dom0)

    def domctl(call: Hypercall) -> HypercallReply:
        """A Xen that takes the second version, as the first."""
        if call.block[4] != 0xF:
            return HypercallReply(-errno.EACCES, call.block)
        older = call.block[:4] + b"\x0e" + call.block[5:]
        return xen.answer(dataclasses.replace(call, block=older))

    assert value_of(SCHEDULING, host(machine, domctl=domctl)).weight == 256


def test_another_interface_is_a_failure() -> None:
    """A Xen that takes none of its release's versions is told with the version."""

    def domctl(call: Hypercall) -> HypercallReply:
        return HypercallReply(-errno.EACCES, call.block)

    reason = failure_of(SCHEDULING, host(domctl=domctl))

    assert "rejected: Xen's domctl interface version is not 0x15" in reason


def test_an_unknown_xen_is_asked_nothing() -> None:
    """Where the layout is not known no domctl is tried."""
    source = dom0(calls={xenversion.XEN_VERSION: version_of((9, 9))})

    assert "layout of Xen 9.9 on x86_64 is unknown" in failure_of(SCHEDULING, source)
    assert DOMCTL not in source.asked


def test_a_scheduler_without_weights_has_none() -> None:
    """Of the null scheduler weight and cap are absent; what is known is read."""

    def sysctl(call: Hypercall) -> HypercallReply:
        if call.block[0] == scheduling.SCHED_ID:
            return HypercallReply(0, render_sched_id(call.block, 9))
        return Xen(MACHINE.dom0).answer(call)

    assert value_of(SCHEDULING, host(sysctl=sysctl)) == Scheduling("null", None, None, 0, 32, 2)


def test_a_scheduler_nobody_knows_is_a_failure() -> None:
    """A number without a name is another layout."""

    def sysctl(call: Hypercall) -> HypercallReply:
        if call.block[0] == scheduling.SCHED_ID:
            return HypercallReply(0, render_sched_id(call.block, 77))
        return Xen(MACHINE.dom0).answer(call)

    assert "implausible: scheduler 77" in failure_of(SCHEDULING, host(sysctl=sysctl))


def test_a_weight_of_0_is_a_failure() -> None:
    """What Xen cannot have meant is no value."""

    def domctl(call: Hypercall) -> HypercallReply:
        if call.block[0] == scheduling.SCHEDULER_OP:
            return HypercallReply(0, call.block)
        return Xen(MACHINE.dom0).answer(call)

    assert "implausible: a weight of 0" in failure_of(SCHEDULING, host(domctl=domctl))


@pytest.mark.parametrize("operation", [scheduling.SCHEDULER_OP, scheduling.GETVCPUAFFINITY])
def test_what_xen_refuses_is_a_failure(operation: int) -> None:
    """A Xen whose policy denies an operation costs the reading, and is named."""

    def domctl(call: Hypercall) -> HypercallReply:
        if call.block[0] == operation:
            return HypercallReply(-errno.EPERM, call.block)
        return Xen(MACHINE.dom0).answer(call)

    assert "Operation not permitted" in failure_of(SCHEDULING, host(domctl=domctl))


@pytest.mark.parametrize("files", NO_XEN.values(), ids=NO_XEN.keys())
def test_elsewhere_it_does_not_apply(files: Files) -> None:
    """A machine that is no dom0 is scheduled by nobody we could ask."""
    assert outcome_of(SCHEDULING, FakeHost(files=files)).status is Status.NOT_APPLICABLE
