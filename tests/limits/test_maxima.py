"""Each limit's used units and max against the facts of kernels, Xen and toolstacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.support import full_snapshot
from xenwatch.limits import (
    LIMITS,
    aio_requests,
    blktap_minors,
    bridge_ports,
    dom0_low_memory,
    dom0_memory,
    dom0_swap,
    domids,
    event_channels,
    file_descriptors,
    file_system,
    grant_frames,
    irqs,
    loop_devices,
    maptrack_frames,
    ptys,
    tasks,
)
from xenwatch.limits.base import Limit, Max
from xenwatch.limits.irqs import INT_MAX
from xenwatch.parse.rtnl import OLD_OPENVSWITCH
from xenwatch.readings.bridges import Bridges
from xenwatch.readings.domains import Domains
from xenwatch.readings.event_channels import EventChannels
from xenwatch.readings.grants import GrantFrames, Grants
from xenwatch.readings.host import Abi, Host
from xenwatch.readings.processes import DaemonProcess, Daemons, Pids
from xenwatch.readings.snapshot import Snapshot
from xenwatch.readings.storage import Aio, Blktap, Loops

FULL = full_snapshot()
XAPI_HOST = {"kernel": (4, 19), "nr_irqs": None, "platform_version": "8.2.1"}
TWO_LEVEL = Abi("2-level-64", 4096, "kernel log")


def full_host() -> Host:
    """The host of the full snapshot."""
    assert FULL.host is not None
    return FULL.host


def on(reading: Mapping[str, Any] | None = None, **host: Any) -> Snapshot:
    """The full snapshot with these readings, on a host with these facts."""
    return replace(FULL, host=replace(full_host(), **host), **(reading or {}))


def only(found: Mapping[str, Max]) -> Max:
    """The max of a limit with one instance."""
    assert set(found) == {""}
    return found[""]


def test_event_channels_end_before_the_abis_ports() -> None:
    """The max is the ABI's ports less the reserved one, with where the ABI is known from."""
    maximum = only(event_channels.maximum(on(abi=TWO_LEVEL)))

    assert maximum == Max(4095, "2-level-64 ABI; kernel log")


def test_a_high_port_proves_the_fifo_abi() -> None:
    """A port no 2-level ABI has outweighs every other evidence, or none at all."""
    reading = {"event_channels": EventChannels({"ipi": 1}, {}, 8192, 4096, "hypercall")}
    for abi in (TWO_LEVEL, None):
        maximum = only(event_channels.maximum(on(reading, abi=abi)))

        assert maximum.value == 131071
        assert "4096" in maximum.origin


def test_the_highest_2_level_port_proves_nothing() -> None:
    """Port 4,095 may be of either ABI."""
    reading = {"event_channels": EventChannels({"ipi": 1}, {}, 4096, 4095, "hypercall")}

    assert only(event_channels.maximum(on(reading, abi=TWO_LEVEL))).value == 4095


@pytest.mark.parametrize("snapshot", [on(abi=None), replace(FULL, host=None)])
def test_without_abi_no_max_of_event_channels(snapshot: Snapshot) -> None:
    """Where the ABI is not known there is use and no max."""
    assert event_channels.maximum(snapshot) == {}
    assert event_channels.used(snapshot) == {"": 46}


@pytest.mark.parametrize(
    ("facts", "maximum"),
    [
        ({"kernel": (6, 1), "nr_irqs": 524544}, 532740),
        ({"kernel": (4, 19), "nr_irqs": 4352}, 12548),
        ({**XAPI_HOST, "platform": "xcp-ng"}, 12548),
        ({**XAPI_HOST, "platform": "xenserver", "platform_version": "8.4.0"}, 12548),
        ({**XAPI_HOST, "platform": "citrix hypervisor"}, 12548),
        ({**XAPI_HOST, "platform": "xcp-ng", "platform_version": "9.0"}, None),
        ({**XAPI_HOST, "platform": "xcp-ng", "kernel": (6, 1)}, None),
        ({**XAPI_HOST, "platform": "debian"}, None),
        ({**XAPI_HOST, "platform": "xcp-ng", "kernel": (4, 4)}, None),
        ({"kernel": (6, 1), "nr_irqs": None}, None),
        ({"kernel": (6, 4), "nr_irqs": 4352}, 12548),
        ({"kernel": (6, 5), "nr_irqs": 4352}, INT_MAX),
        ({"kernel": (6, 12), "nr_irqs": None}, INT_MAX),
        ({"kernel": (7, 0), "nr_irqs": None}, INT_MAX),
    ],
)
def test_irqs_by_kernel(facts: dict[str, Any], maximum: int | None) -> None:
    """Interrupts end at the kernel's bitmap, which Linux 6.5 lifted."""
    found = {key: highest.value for key, highest in irqs.maximum(on(**facts)).items()}

    assert found == ({} if maximum is None else {"": maximum})


def test_grant_frames_by_domain() -> None:
    """Every domain's frames have that domain's own maximum."""
    grants = Grants({0: GrantFrames(1, 64), 7: GrantFrames(33, 32)})

    assert grant_frames.used(on({"grants": grants})) == {"0": 1, "7": 33}
    found = grant_frames.maximum(on({"grants": grants}))
    assert {key: highest.value for key, highest in found.items()} == {"0": 64, "7": 32}


@pytest.mark.parametrize(
    ("regime", "facts", "maximum"),
    [
        ("minor", {"kernel": (2, 6), "platform": "xenserver", "platform_version": "6.1.0"}, 1024),
        ("minor", {"kernel": (2, 6), "platform": "xenserver", "platform_version": "6.2.0"}, 2048),
        ("minor", {"kernel": (3, 10), "platform": "xenserver", "platform_version": "6.5"}, 16384),
        ("minor", {"kernel": (4, 19), "platform": "xcp-ng", "platform_version": "8.3.0"}, 16384),
        (
            "minor",
            {"kernel": (4, 19), "platform": "citrix hypervisor", "platform_version": "8.2.1"},
            16384,
        ),
        ("minor", {"kernel": (6, 6), "platform": "xenserver", "platform_version": "9"}, None),
        ("minor", {"platform": "debian"}, None),
        ("id", {"kernel": (6, 6), "platform": "xenserver", "platform_version": "9"}, 16384),
    ],
)
def test_blktap_by_release(regime: str, facts: dict[str, Any], maximum: int | None) -> None:
    """The driver's minors grew from release to release; blktap 4 counts ids everywhere."""
    snapshot = on({"blktap": Blktap(regime, 5, None)}, **facts)

    assert blktap_minors.used(snapshot) == {"": 5}
    found = {key: highest.value for key, highest in blktap_minors.maximum(snapshot).items()}
    assert found == ({} if maximum is None else {"": maximum})


@pytest.mark.parametrize(
    ("kernel", "factor"),
    [
        ((2, 6), 1),
        ((3, 10), 1),
        ((3, 11), 1),
        ((3, 12), 2),
        ((4, 4), 2),
        ((4, 14), 2),
        ((4, 15), 1),
        ((4, 19), 1),
        ((6, 12), 1),
    ],
)
def test_aio_by_kernel(kernel: tuple[int, int], factor: int) -> None:
    """Kernels that count every request twice also have twice the limit."""
    snapshot = on({"aio": Aio(804, 65536)}, kernel=kernel)

    assert aio_requests.used(snapshot) == {"": 804}
    assert only(aio_requests.maximum(snapshot)).value == factor * 65536


@pytest.mark.parametrize(
    ("role", "comm", "xen", "limit", "maximum"),
    [
        ("xenstored", "oxenstored", (4, 4), 4096, 1024),
        ("xenstored", "oxenstored", (4, 4), 512, 512),
        ("xenstored", "oxenstored", (4, 4), None, 1024),
        ("xenstored", "oxenstored", (4, 5), 4096, 4096),
        ("xenstored", "oxenstored", (4, 17), None, None),
        ("xenstored", "xenstored", (4, 2), 4096, 1024),
        ("xenstored", "xenstored", (4, 3), 4096, 4096),
        ("xenconsoled", "xenconsoled", (4, 2), 132008, 1024),
        ("xenconsoled", "xenconsoled", (4, 3), 132008, 132008),
        ("xenconsoled", "xenconsoled", None, 132008, None),
        ("xenconsoled", "xenconsoled", None, 1024, 1024),
        ("xapi", "xapi", (4, 17), 4096, None),
        ("xapi", "xapi", (4, 17), 1024, 1024),
        ("xapi", "xapi", None, None, None),
    ],
)
def test_descriptors_by_daemon(
    role: str, comm: str, xen: tuple[int, int] | None, limit: int | None, maximum: int | None
) -> None:
    """A daemon ends at its own limit, and one that waits with select at 1,024.

    Where nobody can say how it waits, only the lower of the two is certain.
    """
    snapshot = on({"daemons": Daemons({role: DaemonProcess(700, comm, 30, limit)})}, xen=xen)
    found = {
        key: highest.value for key, highest in file_descriptors.fds_max(role)(snapshot).items()
    }

    assert file_descriptors.fds_used(role)(snapshot) == {"": 30}
    assert found == ({} if maximum is None else {"": maximum})


def test_a_daemon_that_does_not_run_has_no_entry() -> None:
    """A host without xapi has no descriptors of xapi, used or max."""
    snapshot = on({"daemons": Daemons({})})

    assert file_descriptors.fds_used("xapi")(snapshot) == {}
    assert file_descriptors.fds_max("xapi")(snapshot) == {}


def test_the_origin_of_descriptors_names_the_process() -> None:
    """An operator can look the max up where it is known from."""
    assert "process 700" in only(file_descriptors.fds_max("xenstored")(FULL)).origin
    xapi = {"daemons": Daemons({"xapi": DaemonProcess(720, "xapi", 50, 4096)})}
    snapshot = on(xapi, platform="xcp-ng", platform_version="8.2.1")
    assert "uses select" in only(file_descriptors.fds_max("xapi")(snapshot)).origin


def memory(**changes: Any) -> Snapshot:
    """The full snapshot with another memory."""
    assert FULL.memory is not None
    return replace(FULL, memory=replace(FULL.memory, **changes))


def test_memory_is_what_is_not_available() -> None:
    """Memory in use is the total less what can be had without swapping."""
    assert dom0_memory.used(memory(total=100, available=30)) == {"": 70}
    assert only(dom0_memory.maximum(memory(total=100))).value == 100


def test_memory_in_use_is_never_negative() -> None:
    """The kernel's estimate may be over the total for a moment."""
    assert dom0_memory.used(memory(total=100, available=130)) == {"": 0}


def test_old_kernels_cannot_say_what_is_available() -> None:
    """Without MemAvailable there is no use: free memory would be a wrong answer."""
    assert dom0_memory.used(memory(available=None)) == {}


def test_low_memory_is_of_32_bit_kernels() -> None:
    """Low memory counts where the kernel has a high zone, and nowhere else."""
    found = memory(low_total=100, low_free=40, low_usable=None)
    assert dom0_low_memory.used(found) == {"": 60}
    found = memory(low_total=100, low_free=40, low_usable=30)
    assert dom0_low_memory.used(found) == {"": 70}
    assert only(dom0_low_memory.maximum(memory(low_total=100))).value == 100
    unknown = memory(low_free=None, low_usable=None)
    for snapshot in (memory(low_total=None, low_free=None), unknown):
        assert dom0_low_memory.used(snapshot) == {}
    assert dom0_low_memory.maximum(memory(low_total=None)) == {}


def test_a_host_without_swap_has_no_limit_of_swap() -> None:
    """Swap counts where there is some: 0 of 0 is neither full nor free."""
    snapshot = memory(swap_total=0, swap_free=0)

    assert (dom0_swap.used(snapshot), dom0_swap.maximum(snapshot)) == ({}, {})
    assert dom0_swap.used(memory(swap_total=10, swap_free=4)) == {"": 6}
    assert only(dom0_swap.maximum(memory(swap_total=10))).value == 10


@pytest.mark.parametrize(
    ("pid_max", "threads_max", "maximum", "origin"),
    [
        (32768, 60000, 32768, "kernel.pid_max"),
        (4194303, 15000, 15000, "kernel.threads-max"),
        (500, 500, 500, "kernel.threads-max"),
    ],
)
def test_tasks_end_at_the_lower_limit(
    pid_max: int, threads_max: int, maximum: int, origin: str
) -> None:
    """Of the kernel's two limits on tasks the lower one is the max, and is named."""
    snapshot = replace(FULL, pids=Pids(3, pid_max, threads_max))

    assert only(tasks.maximum(snapshot)) == Max(maximum, origin)


def test_bridges_by_kind() -> None:
    """A Linux bridge has 1,023 ports, an Open vSwitch datapath 65,535."""
    assert bridge_ports.used(FULL) == {"xenbr0": 2, "ovs0": 1}
    found = {key: highest.value for key, highest in bridge_ports.maximum(FULL).items()}
    assert found == {"xenbr0": 1023, "ovs0": 65535}


def test_a_datapath_of_old_numbers_fewer_ports() -> None:
    """A datapath that shows its ports in sysfs, as XenServer 6 has it, numbers 1,023."""
    snapshot = on({"bridges": Bridges({"xenbr0": 1}, {"xenbr0": OLD_OPENVSWITCH})})
    assert bridge_ports.maximum(snapshot)["xenbr0"].value == 1023


@pytest.mark.parametrize(
    ("kernel", "max_loop", "max_part", "maximum"),
    [
        ((6, 1), 512, 0, 1 << 20),
        ((6, 1), 0, None, 1 << 20),
        ((4, 19), 0, 1, 1 << 19),
        ((4, 19), 0, 15, 1 << 16),
        ((4, 19), 0, 31, 1 << 15),
        ((6, 1), 0, 255, 1 << 12),
        ((6, 1), 0, 256, None),
        ((6, 1), 0, 4194304, None),
        ((6, 1), 0, -1, 1 << 20),
        ((3, 1), 8, 0, 1 << 20),
        ((2, 6), 64, 0, 64),
        ((2, 6), 0, 0, None),
        ((2, 6), -1, 0, None),
        ((2, 6), None, None, None),
    ],
)
def test_loops_by_kernel(
    kernel: tuple[int, int], max_loop: int | None, max_part: int | None, maximum: int | None
) -> None:
    """Loop devices end at the minor numbers, and before loop-control at max_loop."""
    snapshot = on({"loops": Loops(2, max_loop, max_part)}, kernel=kernel)
    found = {key: highest.value for key, highest in loop_devices.maximum(snapshot).items()}

    assert found == ({} if maximum is None else {"": maximum})


def test_the_highest_domain_id_counts() -> None:
    """The highest id is used and the last that is not reserved the max."""
    assert domids.used(FULL) == {"": 6}
    assert only(domids.maximum(FULL)).value == 32751
    assert replace(FULL, domains=None).domids is None
    assert domids.used(replace(FULL, domains=Domains((), "xenstore"))) == {}


def test_file_systems_by_mount_point() -> None:
    """Each file system has its own use and size, without root's reserve."""
    assert file_system.used(FULL) == {"/": 4 << 30, "/var/log": 1 << 30}
    found = {key: highest.value for key, highest in file_system.maximum(FULL).items()}
    assert found == {"/": 18 << 30, "/var/log": 4 << 30}


@pytest.mark.parametrize(
    ("function", "entry"),
    [
        (irqs.used, 90),
        (maptrack_frames.used, 4),
        (ptys.used, 3),
        (tasks.used, 300),
        (loop_devices.used, 2),
    ],
)
def test_plain_counts(function: Callable[[Snapshot], Mapping[str, int]], entry: int) -> None:
    """What is only counted comes as it was read."""
    assert function(FULL) == {"": entry}


def test_plain_maxima() -> None:
    """A maximum that is only read comes as it was read."""
    assert only(maptrack_frames.maximum(FULL)).value == 1024


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_a_missing_reading_has_no_entry(limit: Limit) -> None:
    """Without its probe's reading a limit has no use, not even zero, and no other max."""
    lost: dict[str, Any] = {limit.probe: None}
    snapshot = replace(FULL, **lost)

    assert limit.used(snapshot) == {}
    assert limit.max(snapshot).items() <= limit.max(FULL).items()


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_a_host_that_could_not_be_told_costs_no_use(limit: Limit) -> None:
    """Without the host's facts use is the same, and what needs them has no max."""
    snapshot = replace(FULL, host=None)

    assert limit.used(snapshot) == limit.used(FULL)
    assert limit.max(snapshot).items() <= limit.max(FULL).items()


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_nothing_read_is_nothing_known(limit: Limit) -> None:
    """An empty snapshot has no entry of any limit."""
    assert (limit.used(Snapshot()), limit.max(Snapshot())) == ({}, {})


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_a_full_snapshot_has_all(limit: Limit) -> None:
    """Where everything was read every limit has a max for all that is used, and its origin."""
    used, found = limit.used(FULL), limit.max(FULL)

    assert used
    assert used.keys() == found.keys()
    assert all(maximum.origin and maximum.value > 0 for maximum in found.values())
