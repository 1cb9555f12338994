"""The state of the synthetic host: what dom0 and Xen hold."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import field
from typing import Final

from xenwatch.model.bounds import Bounds, platform_bounds
from xenwatch.model.console import ConsoleRing
from xenwatch.model.platform import Platform
from xenwatch.model.refusal import BACKEND, Refused
from xenwatch.model.render.kernel_log import LogLine
from xenwatch.model.render.xen_console import render_line
from xenwatch.model.resources import ChannelTable, Numbers, Process, Store
from xenwatch.model.standing import Standing
from xenwatch.model.upkeep import BootDirectory
from xenwatch.parse.evtchn import INTERDOMAIN, IPI, PIRQ, VIRQ, Channel
from xenwatch.parse.oom import Kill
from xenwatch.parse.rtnl import Link
from xenwatch.parse.tapdisk import TapdiskStats
from xenwatch.values import dataclass

FRAME_ENTRIES: Final = 512
"""Entries of a frame of a version 1 grant table."""
QUEUE_ENTRIES: Final = 514
"""Grant entries netfront keeps for a queue: two ring pages and 256 slots in each direction."""
RESERVED_ENTRIES: Final = 8
"""GNTTAB_NR_RESERVED_ENTRIES."""
LEGACY_IRQS: Final = 16
"""Descriptors Linux keeps for the ISA interrupts, used or not."""
FIRST_IRQ: Final = 24
"""The first descriptor behind the pins of one I/O APIC."""
DYING: Final = 1
BLOCKED: Final = 16
RUNNING: Final = 32
UNLOADED_ROUND_TRIPS: Final = {"xenstored": 0.0003, "xapi": 0.004}
"""Seconds a daemon of the control path takes to answer when it has a CPU."""
BOOTED: Final = 86_400.0
"""Seconds since boot when the host was made."""
BEGAN: Final = 1_790_000_000.0
"""When the host was made (Unix time), unless somebody says otherwise."""
_INSTALLED: Final = 90 * 86_400.0
"""Seconds from the installation of the kernel and Xen to that."""
TABLES: Final = {
    "conntrack": "/proc/sys/net/netfilter/nf_conntrack_max",
    "neighbours": "/proc/sys/net/ipv4/neigh/default/gc_thresh3",
    "kernel_keys": "/proc/sys/kernel/keys/root_maxkeys",
    "nbd_devices": "/sys/module/nbd/parameters/nbds_max",
}
"""Tables of the kernel with the file of their maximum, which only some hosts have."""
QUOTAS: Final = {
    "nodes": 1000,
    "watches": 128,
    "transactions": 10,
    "outstanding": 20,
    "memory": 5 << 19,
}
"""Quotas of xenstore for each guest: defaults of the C xenstored; oxenstored has the same nodes."""
_IN_XENSTORE: Final = {
    "nodes": 42,
    "watches": 12,
    "transactions": 0,
    "outstanding": 0,
    "memory": 9000,
}
"""What a guest uses of these quotas."""
_FIRST_KTHREAD, _FIRST_PID = 3, 297
QUIET: Final = (0.42, 0.35, 0.31)
"""Averages of `/proc/loadavg` without load."""
CONSOLE_SIZE: Final = 4 << 20
"""Of Xen's console ring: enough for a dump of thousands of grant tables."""
_DAEMON_NS: Final = (1_200_000_000, 30_000_000)
"""CPU time of a daemon since boot, and its time waiting for a CPU."""
_IPIS: Final = ("resched", "callfunc", "callfuncsingle", "irqwork", "spinlock")
_DOM0_VIRQS: Final = {9: "xen-pcpu", 16: "mce", 2: "hvc_console"}
_DOM_EXC: Final = 3


@dataclass(slots=True)
class Domain:
    """A domain as Xen has it. `state` is the flag of getdomaininfo that is set.

    `frames` is the highest size of its grant table of `entries`, `overhead_kib` the memory Xen
    uses for it beyond its own. `unpopulated_kib` is what its kernel takes for memory and has not
    touched, of which Xen keeps `cache_kib` ready as part of its memory. `xenstore` is what it uses
    of its quotas of xenstore.
    """

    domid: int
    uuid: bytes
    name: bytes
    type: str
    vcpus: int
    memory_kib: int
    state: int = BLOCKED
    channels: ChannelTable = field(default_factory=ChannelTable)
    entries: int = RESERVED_ENTRIES
    frames: int = 1
    frame_entries: int = FRAME_ENTRIES
    overhead_kib: int = 0
    unpopulated_kib: int = 0
    cache_kib: int = 0
    xenstore: dict[str, int] = field(default_factory=lambda: dict(_IN_XENSTORE))

    def grant(self, entries: int) -> None:
        """Use more of the grant table, or less where `entries` is negative."""
        self.frames = self.frames_with(entries)
        self.entries += entries

    def frames_with(self, entries: int) -> int:
        """Frames of the table with so many more entries."""
        return max(self.frames, -(-(self.entries + entries) // self.frame_entries))


@dataclass(slots=True)
class Storage:
    """What was written to the storage of disks since boot, and whether it answers nothing.

    `waiting` are the requests that it does not answer, `timeouts` those it did not answer in time.
    """

    repository_kib: int = 0
    pool_blocks: int = 0
    hangs: bool = False
    waiting: int = 0
    timeouts: int = 0


@dataclass(frozen=True, slots=True)
class Irq:
    """A Linux interrupt descriptor as `/proc/interrupts` shows it."""

    chip: str
    handler: str
    action: str


class Dom0:
    """The control domain of a platform without guests.

    `round_trips` is how long daemons of the control path take to answer; one missing from it
    does not answer. `hung` is how many seconds longer a daemon takes that is held up.
    `io` is the counters of disks by bus id, where they are not the default.

    Devices take from it through `xenwatch.model.lease`. `backends` is the state sysfs shows by
    bus id (`vbd-1-51712`), `made` the number of each, the later the higher,
    `minors` the process behind each blktap minor, `control_sockets` the tapdisks that ended and
    left theirs, `loops` the size in KiB of each loop device,
    `anon_kib` and `slab_kib` what guests use of dom0's memory, `low_kib` of its low memory,
    `log_kib` what was written to the logs and `log_files` how many files were made for it,
    `storage` that of the guests' disks, `cut_portals` those of the SAN that are out of reach,
    `guests_kib` the guests' memory with its overhead;
    `bridge_ports` is by index of the bridge, `tags` the VLANs of ports of Open vSwitch by name.
    `seconds` is the time since the host was made, `began` when that was (Unix time), `boot` the
    directory /boot. `ended_run_ns` and `ended_wait_ns` are the times of processes that have ended,
    by control group, `loads` the averages of `/proc/loadavg`, `blocked` the tasks that wait for
    I/O. `kills` are those of the OOM killer, `swap_kib` swap in use, `swap_ins` pages read back,
    `stalled_us` the time tasks have waited for memory and `stalled_part` its part of the last
    minutes, `fragmented` whether free memory is in small pieces, `tables` the entries of the
    kernel's tables. `printed` is what the kernel has printed since the host was made, `console` the
    ring of what Xen prints. `standing` is what Xen's scheduler gives dom0, and how good its clock
    is.
    """

    def __init__(
        self, platform: Platform, bounds: Bounds | None = None, began: float = BEGAN
    ) -> None:
        self.platform = platform
        self.began, self.boot = began, BootDirectory.of(platform, began - _INSTALLED)
        self.bounds = bounds or platform_bounds(platform)
        self.seconds = 0.0
        self.domains: dict[int, Domain] = {}
        self.processes: dict[int, Process] = {}
        self.by_comm: dict[str, Process] = {}
        self.irqs: dict[int, Irq] = {}
        self.links: dict[int, Link] = {}
        self.backends: dict[str, str] = {}
        self.made: dict[str, int] = {}
        self.store = Store()
        self.minors: dict[int, int] = {}
        self.control_sockets: set[int] = set()
        self.loops: dict[int, int] = {}
        self.irq_numbers = Numbers(FIRST_IRQ)
        self.loop_numbers = Numbers()
        self.minor_numbers = Numbers()
        self.pty_numbers = Numbers()
        self.ptys = 0
        self.aio = 0
        self.anon_kib = self.slab_kib = self.low_kib = self.guests_kib = 0
        self.log_kib = self.log_files = 0
        self.storage = Storage()
        self.cut_portals: set[int] = set()
        self.bridge_ports: dict[int, int] = {}
        self.tags: dict[str, int] = {}
        self.tasks = platform.tasks
        self.io: dict[str, TapdiskStats] = {}
        self.ended_run_ns: Counter[str] = Counter()
        self.ended_wait_ns: Counter[str] = Counter()
        self.loads = QUIET
        self.runnable = 1
        self.blocked = 0
        self.kills: list[Kill] = []
        self.printed: list[LogLine] = []
        self.console = ConsoleRing(CONSOLE_SIZE)
        self.standing = Standing()
        self.swap_kib = self.swap_ins = self.stalled_us = 0
        self.stalled_part = 0.0
        self.fragmented = False
        self.tables = dict.fromkeys(TABLES, 0)
        self.round_trips = dict(UNLOADED_ROUND_TRIPS)
        self.hung: dict[str, float] = {}
        self._pids = itertools.count(_FIRST_PID)
        self._inodes = itertools.count(34487)
        self._indexes = itertools.count(1)
        self._made = itertools.count(1)
        self._boot()

    @property
    def xenstored(self) -> Process:
        """The process that serves xenstore."""
        return self.by_comm.get("oxenstored") or self.by_comm["xenstored"]

    @property
    def _xenstored(self) -> str:
        return self.platform.daemons[0].comm

    @property
    def domain(self) -> Domain:
        """dom0 as a domain."""
        return self.domains[0]

    @property
    def log_mount(self) -> str:
        """The mount point of the file system of the logs."""
        return "/var/log" if "/var/log" in self.platform.file_systems else "/"

    @property
    def log_room_kib(self) -> int:
        """Free space of the file system of the logs at boot."""
        stat = self.platform.file_systems[self.log_mount]
        return stat.bfree * stat.frsize // 1024

    @property
    def log_files_max(self) -> int:
        """Free inodes of the file system of the logs at boot."""
        return self.platform.file_systems[self.log_mount].ffree

    def need(self, bound: str, amount: int, side: str = BACKEND) -> None:
        """Raise `Refused` where the amount exceeds a bound."""
        most: int | None = getattr(self.bounds, bound)
        if most is not None and amount > most:
            raise Refused(bound, side=side)

    def process(self, comm: str, argv: tuple[str, ...] = (), threads: int = 1) -> Process:
        """A new process, or without arguments a kernel thread."""
        process = Process(next(self._pids), comm, argv, threads=threads)
        for _ in range(threads - 1):
            next(self._pids)
        self.processes[process.pid] = process
        self.tasks += threads
        return process

    def end(self, process: Process) -> None:
        """End a process."""
        del self.processes[process.pid]
        self.tasks -= process.threads
        self.ended_run_ns[process.group] += process.ran_ns(self.seconds)
        self.ended_wait_ns[process.group] += process.waited_ns(self.seconds)

    def socket(self) -> str:
        """What the descriptor of a new socket reads."""
        return f"socket:[{next(self._inodes)}]"

    def link(
        self, name: str, master: int | None = None, kind: str = "", was_up: bool | None = None
    ) -> Link:
        """A new network link; of hardware `was_up` says that it had a signal."""
        link = Link(next(self._indexes), name, master, kind, was_up=was_up)
        self.links[link.index] = link
        return link

    def bridge(self) -> int:
        """Index of the first bridge that has a port left. Raises `Refused`."""
        most = self.bounds.bridge_ports
        for index, ports in self.bridge_ports.items():
            if most is None or ports < most:
                return index
        raise Refused("bridge_ports")

    def backend(self, bus_id: str, state: str) -> None:
        """A new backend device, which sysfs shows in a state."""
        self.backends[bus_id] = state
        self.made[bus_id] = next(self._made)

    def end_backend(self, bus_id: str) -> None:
        """Remove a backend device."""
        del self.backends[bus_id], self.made[bus_id]

    def irq(self, chip: str, handler: str, action: str) -> int:
        """A descriptor for an event channel that was bound in dom0's kernel."""
        number = self.irq_numbers.take()
        self.irqs[number] = Irq(chip, handler, action)
        return number

    def _boot(self) -> None:
        platform = self.platform
        major, minor = platform.xen
        self.console.put(render_line(f"Xen version {major}.{minor}{platform.xen_extra}"))
        self.domains[0] = Domain(
            0, bytes(16), b"Domain-0", "pv", platform.vcpus, platform.memory_kib, RUNNING
        )
        self.domain.frame_entries = platform.frame_entries
        self.domain.frames = platform.own_frames
        self._boot_channels()
        self._boot_threads()
        for daemon in platform.daemons:
            process = self.process(daemon.comm, daemon.argv, daemon.threads)
            self.tasks -= daemon.threads  # counted among the platform's own
            process.nofile = daemon.nofile
            process.group = daemon.group
            process.cpu_ns, process.wait_ns = _DAEMON_NS
            for target in daemon.fds:
                process.open(target)
            for _ in range(daemon.sockets):
                process.open(self.socket())
            self.by_comm[daemon.comm] = process
        self._boot_links()
        self._boot_store()

    def _boot_threads(self) -> None:
        """The kernel's own threads: what the platform's daemons leave of its tasks."""
        others = sum(daemon.threads for daemon in self.platform.daemons)
        for pid in range(_FIRST_KTHREAD, min(_FIRST_PID, self.platform.tasks - others)):
            name = f"kworker/{pid % self.platform.vcpus}:{pid}"
            self.processes[pid] = Process(pid, name)

    def _boot_channels(self) -> None:
        """The channels of dom0 itself, each with its descriptor in the kernel."""
        table = self.domain.channels
        for number in range(LEGACY_IRQS):
            action = self.platform.pirqs.get(number, "")
            self.irqs[number] = Irq("xen-pirq", "ioapic-edge", action)
        for vcpu in range(self.platform.vcpus):
            table.open(VIRQ, vcpu, 0)
            self.irq("xen-percpu", "virq", f"timer{vcpu}")
            for name in _IPIS:
                table.open(IPI, vcpu)
                self.irq("xen-percpu", "ipi", f"{name}{vcpu}")
        kernel, daemon = table.take(), table.take()
        table.channels[kernel] = Channel(kernel, 0, INTERDOMAIN, 0, daemon)
        table.channels[daemon] = Channel(daemon, 0, INTERDOMAIN, 0, kernel)
        self.irq("xen-dyn", "event", "xenbus")
        self.irq("xen-dyn-lateeoi", "event", f"evtchn:{self._xenstored}")
        for virq, name in _DOM0_VIRQS.items():
            table.open(VIRQ, 0, virq)
            self.irq("xen-dyn", "virq", name)
        table.open(VIRQ, 0, _DOM_EXC)
        self.irq("xen-dyn-lateeoi", "event", f"evtchn:{self._xenstored}")
        for pirq, name in self.platform.pirqs.items():
            table.open(PIRQ, pirq % self.platform.vcpus, pirq)
            if pirq >= LEGACY_IRQS:
                self.irq("xen-pirq", "msi-x", name)

    def _boot_links(self) -> None:
        self.link("lo")
        if self.platform.bridge_kind == "bridge":
            self.link("eth0", was_up=True)
            for number in range(self.platform.bridges):
                name = f"{self.platform.bridge}{number}"
                self.bridge_ports[self.link(name, kind="bridge").index] = 0
            return
        switch = self.link(self.platform.bridge, kind="openvswitch")
        nics = ("eth0", "eth1") if self.platform.bond else ("eth0",)
        for nic in nics:
            self.link(nic, switch.index, was_up=True)
        self.bridge_ports[switch.index] = len(nics)
        if self.platform.bridge != "xenbr0":
            self.link("xenbr0", kind="openvswitch")

    def _boot_store(self) -> None:
        home = "/local/domain/0"
        memory = str(self.platform.memory_kib)
        for path, value in {
            f"{home}/name": "Domain-0",
            f"{home}/domid": "0",
            f"{home}/memory/target": memory,
            f"{home}/memory/static-max": memory,
            "/tool/xenstored": self.xenstored.argv[0],
        }.items():
            self.store.write(path, value)
