"""Golden readings: what the probes say of a captured host is what its own tools said."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.captures import CAPTURES, domids
from tests.hosts import LabSource, grant_frames, owned_nodes
from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.readings.devices import Backends, DeviceKey
from xenwatch.readings.event_channels import EventChannels
from xenwatch.readings.snapshot import Snapshot, Status

WORDS = {
    "Interdomain (Connected)": "interdomain",
    "Interdomain (Waiting connection)": "unbound",
    "Physical IRQ": "pirq",
    "Virtual IRQ": "virq",
    "IPI": "ipi",
}
"""What lsevtchn prints of each kind."""
NOT_CAPTURED = {"ptys", "file_systems", "clock", "scheduling"}
"""Probes whose files the capture lacks: they fail, which is not success."""
ONLY_IN_DOM0 = {
    "blktap": Status.NOT_APPLICABLE,
    "certificates": Status.NOT_APPLICABLE,
    "daemon_fds": Status.NOT_APPLICABLE,
    "ha": Status.DISABLED,
    "maptrack": Status.DISABLED,
    "nbds": Status.NOT_APPLICABLE,
    "nfs_repositories": Status.NOT_APPLICABLE,
    "qemu_wakeups_by_cause": Status.DISABLED,
    "netback_rings": Status.DISABLED,
    "iscsi_sessions": Status.NOT_APPLICABLE,
    "multipath": Status.NOT_APPLICABLE,
    "openvswitch": Status.NOT_APPLICABLE,
    "reboot_pending": Status.NOT_APPLICABLE,
    "storage_repositories": Status.NOT_APPLICABLE,
    "thin_pools": Status.DISABLED,
    "volume_groups": Status.DISABLED,
}

every_capture = pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.name)


def passed(capture: Path, with_hypercalls: bool = True) -> Snapshot:
    """One pass over a captured host."""
    return take(LabSource(capture, with_hypercalls), PROBES, clock=lambda: 0.0).snapshot


def channels(capture: Path, with_hypercalls: bool = True) -> EventChannels:
    """dom0's event channels in a captured host."""
    found = passed(capture, with_hypercalls).event_channels
    assert found is not None
    return found


@every_capture
def test_every_probe_reads_the_captured_host(capture: Path) -> None:
    """Every probe whose files were captured succeeds, or says that it does not apply."""
    outcomes = passed(capture).outcomes

    expected = {name: ONLY_IN_DOM0.get(name, Status.OK) for name in outcomes}
    expected |= dict.fromkeys(NOT_CAPTURED, Status.FAILED)
    assert {name: outcome.status for name, outcome in outcomes.items()} == expected


@every_capture
@pytest.mark.parametrize("with_hypercalls", [True, False], ids=["hypercall", "lsevtchn"])
def test_event_channels_are_those_of_lsevtchn(capture: Path, with_hypercalls: bool) -> None:
    """Channels by kind and by remote domain equal a count of the words lsevtchn printed."""
    text = (capture / "dom/0/lsevtchn").read_text()
    kinds = Counter({kind: text.count(f": {words}") for words, kind in WORDS.items()})
    domains = Counter(map(int, re.findall(r"Remote Domain (\d+)", text)))

    found = channels(capture, with_hypercalls)

    assert found.used == len(text.splitlines())
    assert Counter(found.by_kind) == +kinds
    assert Counter(found.by_domain) == domains
    assert found.highest == len(text.splitlines())
    assert found.route == ("hypercall" if with_hypercalls else "lsevtchn")


@every_capture
def test_slots_are_those_xen_has_allocated(capture: Path) -> None:
    """The scan ends where it ended for the capture's own, and lsevtchn cannot say where."""
    assert channels(capture).slots == 64
    assert channels(capture, with_hypercalls=False).slots is None


@every_capture
def test_grant_frames_are_those_of_xen_diag(capture: Path) -> None:
    """Frames of every domain equal what xen-diag gnttab_query_size printed."""
    grants = passed(capture).grants

    assert grants is not None
    assert {domid: (frames.used, frames.max) for domid, frames in grants.frames.items()} == {
        domid: grant_frames(capture, domid) for domid in domids(capture)
    }


@every_capture
def test_xenstore_nodes_are_those_xenstore_ls_counts(capture: Path) -> None:
    """Each guest, and not dom0, has the nodes that it owns by the permissions of each."""
    quotas = passed(capture).xenstore_quotas

    assert quotas is not None
    assert {domid: found["nodes"].used for domid, found in quotas.domains.items()} == {
        domid: nodes for domid, nodes in owned_nodes(capture).items() if domid
    }


@pytest.mark.parametrize(
    ("capture", "stored", "consoled"), [(CAPTURES[0], 16, 14), (CAPTURES[1], 29, 34)]
)
def test_descriptors_of_the_daemons(capture: Path, stored: int, consoled: int) -> None:
    """Descriptors of xenstored and xenconsoled are as many as were counted on the host."""
    daemons = passed(capture).daemons

    assert daemons is not None
    assert daemons.by_role["xenstored"].fds == stored
    assert daemons.by_role["xenstored"].fd_limit == 1048576
    assert daemons.by_role["xenconsoled"].fds == consoled


@every_capture
def test_domains_are_those_of_xl(capture: Path) -> None:
    """Names, ids, UUIDs, memory and vCPUs equal the rows of xl list and xl vm-list."""
    snapshot = passed(capture)
    assert snapshot.domains is not None
    rows = [line.split() for line in (capture / "xl-list").read_text().splitlines()[1:]]
    named = [line.split() for line in (capture / "xl-vm-list").read_text().splitlines()[1:]]

    found = snapshot.domains.domains

    assert [(domain.domid, domain.uuid, snapshot.name(domain)) for domain in found] == [
        (int(domid), uuid, name.encode()) for uuid, domid, name in named
    ]
    assert [(domain.memory_bytes, domain.vcpus_max) for domain in found] == [
        (int(memory) << 20, int(vcpus)) for _, _, memory, vcpus, _, _ in rows
    ]


def test_types_of_the_guests() -> None:
    """Three PV guests, one PVH and one HVM run beside dom0."""
    domains = passed(CAPTURES[1]).domains

    assert domains is not None
    assert [domain.type for domain in domains.domains] == ["pv", "pv", "pv", "pv", "pvh", "hvm"]


@every_capture
def test_interrupt_descriptors_are_those_of_sysfs(capture: Path) -> None:
    """As many descriptors are used as there are directories in /sys/kernel/irq."""
    irqs = passed(capture).irqs

    assert irqs is not None
    assert irqs.used == len((capture / "sys-kernel-irq").read_text().splitlines())


def test_backends_are_connected_with_their_guests() -> None:
    """Every guest has a connected disk and interface, and each device is told by one place."""
    snapshot = passed(CAPTURES[1])

    assert isinstance(snapshot.backends, Backends)
    assert len(snapshot.backends.states) == 16
    states = snapshot.device_states()
    for domid in range(1, 6):
        assert states[DeviceKey("vbd", domid, 51712)] == "Connected"
        assert states[DeviceKey("vif", domid, 0)] == "Connected"
    assert states[DeviceKey("vkbd", 5, 0)] == "Connected"


def test_ports_of_the_bridge_and_loop_devices() -> None:
    """Five interfaces are ports of the bridge and five files lie behind loop devices."""
    snapshot = passed(CAPTURES[1])

    assert snapshot.bridges is not None
    assert snapshot.bridges.ports == {"xenbr0": 5}
    assert snapshot.loops is not None
    assert (snapshot.loops.used, snapshot.loops.max_loop) == (5, 512)
    empty = passed(CAPTURES[0])
    assert empty.bridges is not None
    assert empty.bridges.ports == {"xenbr0": 0}


def test_the_host_is_told() -> None:
    """Versions, ABI and cgroups of the captured host are told with where they are known from."""
    host = passed(CAPTURES[1]).host

    assert host is not None
    assert (host.xen, host.xen_version, host.kernel) == ((4, 17), "4.17.7", (6, 1))
    assert (host.cgroup_version, host.is_dom0, host.nr_irqs) == (2, True, 524544)
    assert host.abi is not None
    assert (host.abi.name, host.abi.ports) == ("fifo", 131072)
    assert host.abi.origin.startswith("kernel log")
