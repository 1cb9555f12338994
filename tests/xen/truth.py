"""What is true of dom0 by other roads than xenwatch's, from the answers `dom0/truth.sh` keeps.

Nothing here is shared with xenwatch: no parser and no table.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.xen.fact import Fact
from tests.xen.process_truth import processes
from tests.xen.scheduling import scheduling

KIB: Final = 1024
MIB: Final = 1024 * KIB
PAGE: Final = 4 * KIB
MICRO: Final = 1e6
KINDS: Final = {
    "Virtual IRQ": "virq",
    "Physical IRQ": "pirq",
    "IPI": "ipi",
    "Interdomain (Connected)": "interdomain",
    "Interdomain (Waiting connection)": "unbound",
}
"""lsevtchn's words."""
XENBUS: Final = (
    *("Unknown", "Initialising", "InitWait", "Initialised", "Connected", "Closing", "Closed"),
    *("Reconfiguring", "Reconfigured"),
)
PORTS: Final = {"FIFO-based": 1 << 17, "2-level": 4096}
AWAKE: Final = "running or blocked"
"""States that change from one moment to the next: only that it is one of the two can be true."""


class Truth:
    """The answers in a directory, as facts."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.domids = sorted(int(path.name[7:]) for path in directory.glob("gnttab-*"))

    def text(self, name: str) -> str:
        """One answer."""
        return (self.directory / name).read_bytes().decode(errors="surrogateescape")

    def number(self, name: str) -> int:
        """One answer that is a number."""
        return int(self.text(name))

    def facts(self) -> list[Fact]:
        """All of them."""
        return [
            *self.event_channels(),
            *self.frames(),
            *self.quotas(),
            *self.daemons(),
            *self.counters(),
            *self.tables(),
            *self.memory(),
            *self.host_memory(),
            *self.domains(),
            *self.backends(),
            *self.emulated(),
            *self.host(),
            *scheduling(self.directory, self.info()),
            *self.moving(),
        ]

    def moving(self) -> Iterator[Fact]:
        """Those that change by themselves from one moment to the next."""
        yield Fact("xenwatch_open_files_used", self.number("files"), "file-nr", slack=256)
        yield Fact("xenwatch_tasks_used", self.number("tasks"), "ps -eL | wc -l", slack=24)
        used, free, _, place = self.text("df").splitlines()[1].split()
        root, most = (("mountpoint", place),), int(used) + int(free)
        yield Fact("xenwatch_file_system_max_bytes", most, "df -B1", root, 4 * MIB)
        yield Fact("xenwatch_file_system_used_bytes", int(used), "df -B1", root, 4 * MIB)
        used, _, place = self.text("df-inodes").splitlines()[1].split()
        its = (("mountpoint", place),)
        yield Fact("xenwatch_inodes_used", int(used), "df -i", its, 1024)
        words = self.text("free").splitlines()[1].split()
        taken = int(words[1]) - int(words[6])
        yield Fact("xenwatch_dom0_memory_used_bytes", taken, "free -b", (), 32 * MIB)
        rows = dict(re.findall(r"^(\w+): +(\d+) kB$", self.text("meminfo"), re.MULTILINE))
        for metric, row in (
            ("xenwatch_dom0_slab_bytes", "Slab"),
            ("xenwatch_dom0_slab_unreclaimable_bytes", "SUnreclaim"),
        ):
            yield Fact(metric, int(rows[row]) * KIB, f"/proc/meminfo: {row}", (), 16 * MIB)
        for domid, (*_, seconds) in self.listed().items():
            labels = (("domid", str(domid)),)
            metric = "xenwatch_domain_cpu_seconds_total"
            yield Fact(metric, float(seconds), "xl list", labels, 0.1)
        yield from processes(self.directory)
        yield from self.slices()

    def slices(self) -> Iterator[Fact]:
        """CPU time of the slices."""
        for path in sorted(self.directory.glob("*.slice")):
            its = (("slice", path.name),)
            text = path.read_text()
            yield Fact("xenwatch_slice_weight", int(text.split()[0]), "cat cpu.weight", its)
            for metric, row in (("cpu", "usage_usec"), ("throttled", "throttled_usec")):
                found = re.findall(rf"^{row} (\d+)$", text, re.MULTILINE)
                for microseconds in found:
                    name = f"xenwatch_slice_{metric}_seconds_total"
                    yield Fact(name, int(microseconds) / MICRO, "cat cpu.stat", its, 0.1)
            for kind, microseconds in re.findall(
                r"^(some|full) .*total=(\d+)$", text, re.MULTILINE
            ):
                labels = (("kind", kind), *its)
                name = "xenwatch_slice_pressure_seconds_total"
                yield Fact(name, int(microseconds) / MICRO, "cat cpu.pressure", labels, 0.1)

    def host_memory(self) -> Iterator[Fact]:
        """What Xen has and has given away; it shows whole MiB."""
        info = dict(re.findall(r"^(\w+) +: (\d+)$", self.text("xl-info"), re.MULTILINE))
        total, free = int(info["total_memory"]) * MIB, int(info["free_memory"]) * MIB
        road = "xl info: total_memory, free_memory"
        yield Fact("xenwatch_host_memory_max_bytes", total, road, (), MIB)
        owed = self.owed()
        used = total - free + sum(owed.values())
        yield Fact("xenwatch_host_memory_used_bytes", used, road, (), MIB)
        for domid, size in owed.items():
            labels = (("domid", domid),)
            yield Fact("xenwatch_domain_memory_owed_bytes", size, "xl debug-keys q", labels)

    def owed(self) -> dict[str, int]:
        """Bytes that HVM and PVH guests are owed by domid, in the last dump of debug key 'q'."""
        pattern = r"^(\d+) cachesize=(\d+) entries=(\d+)$"
        rows = re.findall(pattern, self.text("populate-on-demand"), re.MULTILINE)
        return {domid: max(0, int(entries) - int(cache)) * PAGE for domid, cache, entries in rows}

    def event_channels(self) -> Iterator[Fact]:
        """Kinds and far ends of dom0's ports, and how many there can be."""
        listing = self.text("lsevtchn-0")
        lines = listing.splitlines()
        yield Fact("xenwatch_event_channels_used", len(lines), "lsevtchn 0 | wc -l")
        kinds = Counter(
            kind for line in lines for words, kind in KINDS.items() if f": {words}" in line
        )
        for kind, count in kinds.items():
            yield Fact("xenwatch_event_channels", count, "lsevtchn 0", (("kind", kind),))
        for far, count in Counter(re.findall(r"Remote Domain (\d+)", listing)).items():
            labels = (("domid", far),)
            yield Fact("xenwatch_domain_event_channels", count, "lsevtchn 0", labels)
        (abi,) = re.findall(r"xen:events: Using (\S+) ABI", self.text("kernel-log"))
        ports = PORTS[abi] - 1
        yield Fact("xenwatch_event_channels_max", ports, f"dmesg: Using {abi} ABI")

    def frames(self) -> Iterator[Fact]:
        """Grant-table frames of every domain."""
        for domid in self.domids:
            used, most = re.findall(r"nr_frames=(\d+)", self.text(f"gnttab-{domid}"))
            road, labels = "xen-diag gnttab_query_size", (("domid", str(domid)),)
            yield Fact("xenwatch_grant_frames_used", int(used), road, labels)
            yield Fact("xenwatch_grant_frames_max", int(most), road, labels)

    def quotas(self) -> Iterator[Fact]:
        """What guests use of their quotas of xenstore; of captures made before that, nothing.

        The C xenstored tells its tool all of them, oxenstored has those of nodes in its file.
        """
        if not (self.directory / "owners").exists():
            return
        owned = Counter(map(int, self.text("owners").split()))
        most = self.quota("")
        for domid in set(self.domids) - {0}:
            its = (("domid", str(domid)),)
            used = {"nodes": owned[domid]}
            if len(most) > 1:
                used = {**self.quota(str(domid)), **used}
            for kind in used.keys() & {"nodes", "watches", "transactions", "memory"}:
                unit = "_bytes" if kind == "memory" else ""
                name, road = f"xenwatch_xenstore_{kind}", "xenstore-ls -f -p, xenstore-control"
                slack = 1024.0 if unit else 0.0
                yield Fact(f"{name}_used{unit}", used[kind], road, its, slack)
                yield Fact(f"{name}_max{unit}", most[kind], road, its)

    def quota(self, domid: str) -> dict[str, int]:
        """An answer of `xenstore-control quota`, by the words of xenstored."""
        rows = re.findall(r"^([a-z-]+) *: *(\d+)", self.text(f"quota-{domid}"), re.MULTILINE)
        return {name: int(value) for name, value in rows}

    def daemons(self) -> Iterator[Fact]:
        """Descriptors of xenstored and xenconsoled."""
        road = "ls /proc/PID/fd | wc -l"
        for role in ("xenstored", "xenconsoled"):
            fds, most = self.number(f"{role}-fds"), self.number(f"{role}-fds-max")
            yield Fact(f"xenwatch_{role}_fds_used", fds, road, slack=float(role == "xenstored"))
            yield Fact(f"xenwatch_{role}_fds_max", most, "awk /proc/PID/limits")
            comm = self.text(f"{role}-comm").strip()
            yield Fact("xenwatch_daemon_info", 1, "PID file", (("comm", comm), ("role", role)))

    def counters(self) -> Iterator[Fact]:
        """What Linux counts."""
        yield Fact("xenwatch_irqs_used", self.number("irqs"), "/proc/irq and what it lacks")
        yield self.irqs_max()
        yield Fact("xenwatch_ptys_used", self.number("ptys"), "ls /dev/pts")
        # Linux 4.19 and later refuse the last one.
        yield Fact("xenwatch_ptys_max", self.number("ptys-max") - 1, "sysctl kernel.pty.max, - 1")
        yield Fact("xenwatch_aio_requests_used", self.number("aio"), "sysctl fs.aio-nr")
        yield Fact("xenwatch_aio_requests_max", self.number("aio-max"), "sysctl fs.aio-max-nr")
        most = min(self.number("pid-max"), self.number("threads-max"))
        files = self.number("files-max")
        yield Fact("xenwatch_open_files_max", files, "sysctl fs.file-max")
        yield Fact("xenwatch_tasks_max", most, "sysctl kernel.pid_max, kernel.threads-max")
        yield Fact("xenwatch_loop_devices_used", self.number("loops"), "losetup -l | wc -l")
        yield Fact("xenwatch_loop_devices_max", 1 << 20, "20 bits of minor numbers")
        ports = self.text("bridge-link").count(" master xenbr0 ")
        bridge = (("bridge", "xenbr0"),)
        yield Fact("xenwatch_bridge_ports_used", ports, "bridge link show", bridge)
        yield Fact("xenwatch_bridge_ports_max", 1023, "10 bits of port numbers, less 0", bridge)
        yield from self.file_system()

    def irqs_max(self) -> Fact:
        """How many interrupts there can be: from Linux 6.5 on any int (kernel/irq/internals.h)."""
        major, minor = map(int, self.text("uname").split(".")[:2])
        if (major, minor) >= (6, 5):
            return Fact("xenwatch_irqs_max", 2**31 - 1, "MAX_SPARSE_IRQS")
        (preallocated,) = re.findall(r"NR_IRQS: (\d+)", self.text("kernel-log"))
        return Fact("xenwatch_irqs_max", int(preallocated) + 8196, "dmesg: NR_IRQS, plus 8196")

    def file_system(self) -> Iterator[Fact]:
        """The root file system: what root alone can fill, and its inodes."""
        used, free, size, place = self.text("df").splitlines()[1].split()
        reserve, root = int(size) - int(used) - int(free), (("mountpoint", place),)
        yield Fact("xenwatch_file_system_reserved_bytes", reserve, "df -B1", root, 4 * MIB)
        _, inodes, place = self.text("df-inodes").splitlines()[1].split()
        yield Fact("xenwatch_inodes_max", int(inodes), "df -i", (("mountpoint", place),))

    def tables(self) -> Iterator[Fact]:
        """The kernel's tables."""
        for family in ("ipv4", "ipv6"):
            its = (("family", family),)
            most = self.number(f"neighbours-max-{family}")
            yield Fact("xenwatch_neighbours_max", most, "sysctl gc_thresh3", its)
            used = self.number(f"neighbours-{family}")
            yield Fact("xenwatch_neighbours_used", used, "ip ntable show", its, 4)
        if (self.directory / "conntrack").exists():
            used, most = self.number("conntrack"), self.number("conntrack-max")
            yield Fact("xenwatch_conntrack_used", used, "wc -l /proc/net/nf_conntrack", (), 16)
            yield Fact("xenwatch_conntrack_max", most, "sysctl nf_conntrack_max")
        keys = self.number("root-maxkeys")
        yield Fact("xenwatch_kernel_keys_max", keys, "sysctl kernel.keys.root_maxkeys")
        road = "awk /proc/key-users"
        yield Fact("xenwatch_kernel_keys_used", self.number("root-keys"), road, (), 16)
        used = self.number("root-bytes")
        yield Fact("xenwatch_kernel_key_memory_used_bytes", used, road, (), 4096)
        size, road = self.number("root-maxbytes"), "sysctl kernel.keys.root_maxbytes"
        yield Fact("xenwatch_kernel_key_memory_max_bytes", size, road)

    def memory(self) -> Iterator[Fact]:
        """dom0's memory."""
        total = int(self.text("free").splitlines()[1].split()[1])
        yield Fact("xenwatch_dom0_memory_max_bytes", total, "free -b")
        target = self.number("memory-target") * KIB
        yield Fact("xenwatch_dom0_balloon_target_bytes", target, "xenstore memory/target")
        mem = self.listed()[0][1]
        # Xen on Arm keeps what dom0 gives back, here some pages for what it maps of guests: they
        # are mapped one to one (guest_remove_page() of xen/common/memory.c).
        slack = 8 * MIB if self.text("uname").split()[1] == "aarch64" else MIB
        yield Fact("xenwatch_dom0_balloon_current_bytes", int(mem) * MIB, "xl list", (), slack)

    def listed(self) -> dict[int, tuple[str, ...]]:
        """`xl list`: memory, vCPUs, state and time by domain id."""
        pattern = r" +(\d+) +(\d+) +(\d+) +([rbpscd-]{6}) +([0-9.]+)$"
        rows = re.findall(pattern, self.text("xl-list"), re.MULTILINE)
        return {int(row[0]): row for row in rows}

    def domains(self) -> Iterator[Fact]:
        """The domains, their facts and their states."""
        states: Counter[str] = Counter()
        for domid, (_, mem, vcpus, flags, _) in self.listed().items():
            labels, road = (("domid", str(domid)),), "xl list"
            states[state := _state(flags)] += 1
            yield Fact("xenwatch_domain_state", 1, road, (*labels, ("state", state)))
            yield Fact("xenwatch_domain_vcpus", int(vcpus), road, labels)
            yield Fact("xenwatch_domain_memory_bytes", int(mem) * MIB, road, labels, MIB)
        for state, count in states.items():
            yield Fact("xenwatch_domains", count, "xl list", (("state", state),))
        yield Fact("xenwatch_domids_used", max(self.listed()), "xl list")
        yield Fact("xenwatch_domids_max", 0x7FF0 - 1, "DOMID_FIRST_RESERVED")
        types = {domain["domid"]: domain["config"]["c_info"]["type"] for domain in self.list_l()}
        uuids = dict(re.findall(r"^([0-9a-f-]{36}) +(\d+) ", self.text("xl-vm-list"), re.MULTILINE))
        for uuid, domid in uuids.items():
            yield self.vcpus_max(domid)
            yield Fact(
                "xenwatch_domain_info",
                1,
                "xl vm-list, xl list -l, xenstore-read",
                (
                    ("domid", domid),
                    ("name", self.text(f"name-{domid}")),
                    ("type", types[int(domid)]),
                    ("uuid", uuid),
                ),
            )

    def info(self) -> dict[str, str]:
        """`xl info`."""
        return dict(re.findall(r"^(\w+) +: (.*)$", self.text("xl-info"), re.MULTILINE))

    def list_l(self) -> list[dict[str, Any]]:
        """`xl list -l`."""
        found: list[dict[str, Any]] = json.loads(self.text("xl-list-l"))
        return found

    def vcpus_max(self, domid: str) -> Fact:
        """How many vCPUs a domain may have: dom0's are on Xen's command line."""
        labels = (("domid", domid),)
        if domid != "0":
            value = self.number(f"vcpus-max-{domid}")
            return Fact("xenwatch_domain_vcpus_max", value, "xenstore-list cpu", labels)
        (most,) = re.findall(r"dom0_max_vcpus=(\d+)", self.text("xl-info"))
        return Fact("xenwatch_domain_vcpus_max", int(most), "xl info: dom0_max_vcpus", labels)

    def backends(self) -> Iterator[Fact]:
        """Devices and their errors as xenstore has them."""
        pattern = r'^/local/domain/0/backend/(\w+)/(\d+)/\d+/state = "(\d)"$'
        found = re.findall(pattern, self.text("backend"), re.MULTILINE)
        road = "xenstore-ls"
        # xenconsoled never moves the state of a console: it says nothing. The network card that a
        # QEMU of 2024 or later gives dom0 itself is on no bus of the kernel's.
        states = Counter(
            (domid, cls, XENBUS[int(state)])
            for cls, domid, state in found
            if cls not in ("console", "qnic")
        )
        for (domid, cls, state), count in states.items():
            its = (("backend_domid", "0"), ("class", cls), ("domid", domid), ("state", state))
            yield Fact("xenwatch_domain_backends", count, road, its)
        for metric, cls in (
            ("xenwatch_domain_disks", "vbd"),
            ("xenwatch_domain_network_interfaces", "vif"),
        ):
            counts = Counter(int(domid) for kind, domid, _ in found if kind == cls)
            for domain in self.domids:
                labels = (("domid", str(domain)),)
                yield Fact(metric, counts[domain], road, labels)

    def emulated(self) -> Iterator[Fact]:
        """Devices the QEMUs were asked for; the tests' guests ask for no other."""
        for path in sorted(self.directory.glob("qemu-args-*")):
            if " -serial " in path.read_text():
                labels = (("device", "serial"), ("domid", path.name[10:]))
                yield Fact("xenwatch_qemu_emulated_device", 1, "/proc/PID/cmdline", labels)

    def host(self) -> Iterator[Fact]:
        """Versions. The labels that only say how something is known are xenwatch's own."""
        info = self.info()
        release, machine = self.text("uname").split()
        system = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', self.text("os-release"), re.MULTILINE))
        labels = (
            ("xen", info["xen_version"]),
            ("kernel", release),
            ("machine", machine),
            ("platform", system["ID"]),
            ("platform_version", system["VERSION_ID"]),
            ("cgroup", "2"),
        )
        yield Fact("xenwatch_host_info", 1, "xl info, uname, os-release", labels)


def _state(flags: str) -> str:
    """The state behind the six flags of `xl list`, the worst first."""
    for flag, state in (("d", "dying"), ("c", "crashed"), ("s", "shutdown"), ("p", "paused")):
        if flag in flags:
            return state
    return AWAKE
