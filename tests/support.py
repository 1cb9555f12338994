"""What several tests share: a full snapshot, pages read back."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping
from typing import Any

import structlog
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families

from xenwatch.readings.bridges import Bridges
from xenwatch.readings.certificates import Certificate, Certificates
from xenwatch.readings.clock import Clock
from xenwatch.readings.control_path import BOUNDS, ControlPath, DaemonTimes, RoundTrips
from xenwatch.readings.datapath import Datapath, Hotplug, Vif
from xenwatch.readings.devices import Backends, DeviceError, DeviceKey, XenstoreDevices
from xenwatch.readings.disks import Disks, Transfers, VirtualDisk
from xenwatch.readings.dom0_cpus import Dom0Cpus
from xenwatch.readings.domains import Domain, Domains, Restarted
from xenwatch.readings.event_channels import DriverDomains, EventChannels, Irqs
from xenwatch.readings.grants import GrantFrames, Grants, Maptrack
from xenwatch.readings.guest_storage import (
    Size,
    StorageRepositories,
    StorageRepository,
    ThinPool,
    ThinPools,
    VolumeGroups,
)
from xenwatch.readings.ha import Ha, PoolHost
from xenwatch.readings.host import Abi, Host
from xenwatch.readings.kernel_tables import KernelTables, Nbds, Table
from xenwatch.readings.log_messages import LastMessage, LogMessages
from xenwatch.readings.memory import HostMemory, Memory
from xenwatch.readings.memory_pressure import MemoryPressure, Stalled
from xenwatch.readings.netback_rings import NetbackRings, Ring, VifRings
from xenwatch.readings.open_files import OpenFiles
from xenwatch.readings.openvswitch import OpenVswitch, SwitchPort
from xenwatch.readings.processes import (
    DaemonFds,
    DaemonProcess,
    Daemons,
    Pids,
    ProcessFds,
    Ptys,
    QemuFds,
)
from xenwatch.readings.qemus import Causes, Qemu, Qemus, WakeupsByCause
from xenwatch.readings.reboot_pending import Image, RebootPending
from xenwatch.readings.scheduling import Scheduling
from xenwatch.readings.slices import Slice, Slices
from xenwatch.readings.snapshot import Outcome, Snapshot, Status
from xenwatch.readings.storage import Aio, Blktap, FileSystem, FileSystems, Loops
from xenwatch.readings.storage_paths import (
    IscsiSession,
    IscsiSessions,
    Multipath,
    MultipathMap,
    NfsRepositories,
    NfsRequests,
)
from xenwatch.readings.uplinks import Nic, Uplinks
from xenwatch.readings.vm_processes import Use, VmProcesses
from xenwatch.readings.vm_starts import BOUNDS as START_BOUNDS
from xenwatch.readings.vm_starts import VmStarts
from xenwatch.readings.xenstore import Xenstore
from xenwatch.readings.xenstore_quotas import Quota, XenstoreQuotas

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def parse_page(page: bytes, openmetrics: bool = False) -> list[Metric]:
    """The families of a page, by prometheus_client's parser of that format."""
    words = page.decode()
    if openmetrics:
        return list(openmetrics_parser.text_string_to_metric_families(words))  # type: ignore[no-untyped-call]
    return list(text_string_to_metric_families(words))


def series(page: bytes, openmetrics: bool = False) -> Series:
    """Every series of a page with its value; a series that is there twice is an error."""
    found: Series = {}
    for family in parse_page(page, openmetrics):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, key
            found[key] = sample.value
    return found


def labelled(name: str, page: bytes) -> Mapping[tuple[str, ...], float]:
    """Values of one metric by its labels' values, in the alphabetical order of the labels."""
    return {
        tuple(value for _, value in sorted(labels)): value
        for (found, labels), value in series(page).items()
        if found == name
    }


UUIDS = [f"00000000-0000-4000-8000-{number:012}" for number in range(8)]
OLD_VIF = DeviceKey("vif", 6, 0)
VBD, VIF, QDISK = DeviceKey("vbd", 5, 51712), DeviceKey("vif", 5, 0), DeviceKey("qdisk", 6, 51712)
SERVED = DeviceKey("vif", 5, 1, 3)


def full_snapshot() -> Snapshot:
    """A snapshot in which every probe has read something: dom0, a guest and a dying domain."""
    domains = (
        Domain(0, UUIDS[0], b"Domain-0", "pv", "running", 2, 2, 4 << 30, 1234.5),
        Domain(5, UUIDS[5], b'web "1"\xff\n', "pvh", "blocked", 1, 2, 1 << 30, 0.25),
        Domain(6, UUIDS[6], None, None, "dying", 0, 1, 0, 3.0),
    )
    readings: dict[str, Any] = {
        "host": Host(
            xen=(4, 17),
            xen_version="4.17.5",
            xen_command_line="dom0_mem=4G",
            kernel=(6, 1),
            kernel_release="6.1.0-18-amd64",
            machine="x86_64",
            kernel_command_line="root=/dev/xvda1",
            platform="debian",
            platform_version="12",
            cgroup_version=2,
            is_dom0=True,
            abi=Abi("fifo", 131072, "kernel log"),
            nr_irqs=4352,
        ),
        "event_channels": EventChannels(
            {"interdomain": 40, "virq": 6}, {5: 5, 6: 3}, 128, 100, "hypercall"
        ),
        "irqs": Irqs(90),
        "domains": Domains(
            domains,
            "hypercall",
            restarts=4,
            restarted=(Restarted(UUIDS[5], b"web", 3),),
        ),
        "grants": Grants({0: GrantFrames(1, 64), 5: GrantFrames(4, 64)}),
        "maptrack": Maptrack(4, 1024),
        "blktap": Blktap("id", 3, 3),
        "aio": Aio(100, 65536),
        "open_files": OpenFiles(2048, 209715),
        "daemons": Daemons(
            {
                "xenstored": DaemonProcess(700, "oxenstored", 29, 1024),
                "xenconsoled": DaemonProcess(710, "xenconsoled", 34, 1024),
                "xapi": DaemonProcess(720, "xapi", 50, 1024),
            }
        ),
        "daemon_fds": DaemonFds(
            {"xenopsd": ProcessFds(730, 40, 4096), "stunnel": ProcessFds(740, 60, 1024)}
        ),
        "qemu_fds": QemuFds({5: ProcessFds(900, 30, 1024)}),
        "ptys": Ptys(3, 4096),
        "memory": Memory(
            total=4 << 30,
            available=3 << 30,
            free=2 << 30,
            low_total=800 << 20,
            low_free=600 << 20,
            low_usable=600 << 20,
            swap_total=1 << 30,
            swap_free=1 << 30,
            slab=100 << 20,
            slab_unreclaimable=60 << 20,
            balloon_target=4 << 30,
            balloon_current=4 << 30,
        ),
        "memory_pressure": MemoryPressure(
            oom_kills=3,
            stalls=12,
            swap_ins=500,
            swap_outs=900,
            swap_in_rate=1.5,
            recent_kills={"xapi": 1},
            stalled={"some": Stalled(0.02, 3.5), "full": Stalled(0.01, 1.25)},
            free_blocks={(0, "DMA32", order): 7 for order in range(11)},
        ),
        "kernel_log": LogMessages(
            counted={"conntrack_full": 3, "machine_check": 0},
            earlier={"conntrack_full": 1, "machine_check": 2},
            recent={"conntrack_full": 2},
            last={
                "conntrack_full": LastMessage("nf_conntrack: table full", 900.0),
                "machine_check": LastMessage("mce: [Hardware Error]", 800.0),
            },
            lost=5,
        ),
        "xen_console": LogMessages(
            counted={"machine_check": 0},
            earlier={"machine_check": 1},
            recent={},
            last={"machine_check": LastMessage("(XEN) MCE: Fatal error", None)},
            lost=70,
        ),
        "pids": Pids(300, 32768, 60000),
        "host_memory": HostMemory(64 << 30, 16 << 30, {5: 0}),
        "kernel_tables": KernelTables(
            Table(200, 262144),
            {"ipv4": Table(12, 1024), "ipv6": Table(3, 1024)},
            Table(40, 1000000),
            Table(1500, 25000000),
        ),
        "nbds": Nbds(1, 24),
        "bridges": Bridges({"xenbr0": 2, "ovs0": 1}, {"xenbr0": "bridge", "ovs0": "openvswitch"}),
        "openvswitch": OpenVswitch({"vif5.0": SwitchPort("ovs0", None, False, "ovs0")}),
        "uplinks": Uplinks(
            {
                "eth0": Nic("bond0", True, True, 1250000000, 3, 4),
                "eth1": Nic("bond0", False, True, None, 0, 0),
                "eth2": Nic("", False, True, None, None, None),
            }
        ),
        "loops": Loops(2, 0, 0),
        "file_systems": FileSystems(
            {
                "/": FileSystem(4 << 30, 14 << 30, 1 << 30, 100_000, 1 << 20),
                "/var/log": FileSystem(1 << 30, 3 << 30, 0, 1000, 1 << 18),
            }
        ),
        "backends": Backends(
            {VBD: "Connected", VIF: "InitWait", OLD_VIF: "Connected", QDISK: "Initialising"}
        ),
        "xenstore": Xenstore({}, {(5, UUIDS[5]): 4}),
        "xenstore_devices": XenstoreDevices(
            {QDISK: "Connected", SERVED: "InitWait"},
            (
                DeviceError(VIF, "backend", 28, "28 mapping shared-frames"),
                DeviceError(VIF, "frontend", 28, "28 allocating event channel"),
                DeviceError(VBD, "backend", 0, "no number"),
                DeviceError(SERVED, "frontend", 1, "1 allocating event channel"),
            ),
            frozenset({SERVED}),
        ),
        "driver_domains": DriverDomains(
            {3: EventChannels({"interdomain": 20}, {5: 20}, 5056, 5000, "hypercall")}
        ),
        "xenstore_quotas": XenstoreQuotas(
            "xenstored",
            {
                5: {
                    "nodes": Quota(42, 1000),
                    "watches": Quota(12, 128),
                    "transactions": Quota(0, 10),
                    "memory": Quota(9000, 2621440),
                }
            },
        ),
        "vm_starts": VmStarts((0, 1, *(0,) * (len(START_BOUNDS) - 1)), 1.5, 2, 1, {5: 20.5}),
        "qemus": Qemus({5: Qemu(UUIDS[5], 900, 4000, ("usb", "cdrom"), 2.5, 120, 0.5, ())}),
        "qemu_wakeups_by_cause": WakeupsByCause({5: Causes(90, 30)}),
        "control_path": ControlPath(
            {
                "xenstored": RoundTrips(
                    (0, 2, *(0,) * (len(BOUNDS) - 2), 1), 2.5, 4, (0.25, None, 0.125, 0.0625)
                )
            },
            {"xenstored": DaemonTimes(3.5, 0.5, 0.25), "xapi": DaemonTimes(7.5, None)},
        ),
        "dom0_cpus": Dom0Cpus(
            {"0": {"user": 5.5, "steal": 0.5}, "1": {"user": 1.5, "steal": 0.25}},
            (0.5, 0.25, 0.125),
            3,
            1,
            {"net_rx": 40},
            0.02,
        ),
        "scheduling": Scheduling("credit2", 256, 0.5, 1, 16, 2),
        "clock": Clock(True, 0.25, 0.125),
        "ha": Ha(
            True,
            {UUIDS[5]: PoolHost(True, False, 2.5, 3.5), UUIDS[6]: PoolHost(False, True, 4.5, None)},
            {"heartbeat": 60.0, "statefile": 45.0},
            0.25,
            {"statefile_lost": False, "network_bonding_error": True},
        ),
        "datapath": Datapath(
            {(5, "netback"): 3.0, (5, "blkback"): 0.25},
            {
                "vif5.0": Vif(5, 2, False, 3, 4, True, Hotplug("vif-bridge")),
                "vif6.0": Vif(6, 1, None, None, None),
            },
        ),
        "netback_rings": NetbackRings(
            {"vif5.0": VifRings(5, Ring(512, 500), Ring(512, 0), 900, 1000, 1)}
        ),
        "disks": Disks(
            {
                (5, 51712): VirtualDisk(
                    *("tapdisk", "repo", Transfers(10, 4096, 0.5), Transfers(5, 512, 0.25), 7),
                    *(3, 150.0),
                ),
                (6, 51712): VirtualDisk(
                    *("blkback", None, Transfers(1, 2, None), Transfers(3, 4, None), 0),
                    *(0, 0.0),
                ),
            }
        ),
        "storage_repositories": StorageRepositories(
            {
                "repo": StorageRepository("/run/sr-mount/repo", "nfs", Size(1 << 40, 4 << 40)),
                "dead": StorageRepository("/run/sr-mount/dead", "nfs", None),
            }
        ),
        "thin_pools": ThinPools(
            {"vg0/guests": ThinPool("rw", Size(1 << 38, 1 << 40), Size(1 << 20, 1 << 26))}
        ),
        "volume_groups": VolumeGroups({"VG_XenStorage-repo": Size(1 << 39, 1 << 40)}),
        "multipath": Multipath(
            {
                "36001405a": MultipathMap(4, 1),
                "36001405b": MultipathMap(2, None),
                "36001405c": MultipathMap(0, 0),
            }
        ),
        "iscsi_sessions": IscsiSessions(
            {
                "1": IscsiSession("iqn.a", "192.0.2.31:3260", True),
                "2": IscsiSession("iqn.a", "192.0.2.32:3260", False),
                "3": IscsiSession("iqn.a", "", None),
            }
        ),
        "nfs_repositories": NfsRepositories({"repo": NfsRequests(5, 2)}),
        "slices": Slices(
            {
                "control.slice": Slice(1000, 1000, 0.5, 12.5, 0.25, {"some": 1.5, "full": 0.5}),
                "vm.slice": Slice(None, None, None, 2.5, None, {}),
            },
            7,
            {("qemu-system-i38", "/"): 3},
        ),
        "vm_processes": VmProcesses(
            {5: Use(30 << 20, 12)},
            {(5, "qemu"): 24 << 20, (5, "varstored"): 6 << 20},
            {(5, "varstored"): 1.5},
        ),
        "certificates": Certificates(
            {
                "xapi": Certificate("/etc/xensource/xapi-ssl.pem", 4e9),
                "xapi-pool": Certificate("/etc/xensource/xapi-pool-tls.pem", 4.1e9),
            }
        ),
        "reboot_pending": RebootPending(
            {
                "kernel": Image("6.1.0-18-amd64", "6.1.0-21-amd64", None),
                "xen": Image("4.17.5", "4.17.5", None),
            },
            {"/run/reboot-required": ("linux-image-6.1.0-21-amd64",)},
        ),
    }
    outcomes = {name: Outcome(Status.OK, "", 1000.5, 0.25, 0.125) for name in readings}
    return Snapshot(1001.5, outcomes, **readings, instant=1001.5)


@contextlib.contextmanager
def logging_restored() -> Iterator[None]:
    """Logging as it was, afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
