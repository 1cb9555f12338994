"""The files of the synthetic host: every path a dom0 of the platform has, made when it is read."""

from __future__ import annotations

import dataclasses
import errno
from functools import partial
from typing import Final

from xenwatch.model import (
    datapath,
    groups,
    guest_storage,
    ha,
    kernel_tables,
    memory,
    qemu,
    san,
    switch,
    upkeep,
)
from xenwatch.model.datapath import SHARED_MEMORY
from xenwatch.model.render.file_nr import render_file_nr
from xenwatch.model.render.interrupts import render_interrupts
from xenwatch.model.render.kernel_log import LogLine, boot_lines, render_kmsg
from xenwatch.model.render.meminfo import render_meminfo
from xenwatch.model.render.mounts import render_mounts
from xenwatch.model.render.mountstats import render_mountstats
from xenwatch.model.render.partitions import render_partitions
from xenwatch.model.render.process import (
    KTHREAD,
    PROGRAM,
    render_schedstat,
    render_stat,
    render_statm,
)
from xenwatch.model.render.rlimits import render_limits
from xenwatch.model.render.tapdisk import PAGE
from xenwatch.model.render.text import (
    render_arguments,
    render_assignments,
    render_loadavg,
    render_number,
    render_word,
)
from xenwatch.model.render.zoneinfo import render_zoneinfo
from xenwatch.model.resources import Process
from xenwatch.model.state import Dom0
from xenwatch.model.tree import Content, FileTree
from xenwatch.parse import zoneinfo
from xenwatch.parse.file_nr import FileNr
from xenwatch.parse.interrupts import InterruptRow, Interrupts
from xenwatch.parse.meminfo import MeminfoRow
from xenwatch.parse.partitions import Partition
from xenwatch.parse.process import TICKS, ProcessStat, Schedstat
from xenwatch.parse.rlimits import OPEN_FILES, ResourceLimit
from xenwatch.parse.zoneinfo import Zone

_LOOP_MAJOR: Final = 7
_NBD_MAJOR: Final = 43
_IRQ_DIRECTORY: Final = (4, 9)
"""The first Linux with /sys/kernel/irq."""
KMSG: Final = (3, 5)
"""The first Linux whose /dev/kmsg can be read."""
_FILES_A_TASK: Final = 4
_PAGE_KIB: Final = 4
_SHARED_PAGES: Final = 460
"""Of the `xl create` of a captured host."""
_ROOT_DISK: Final = Partition(254, 0, 12582912, "vda")
_CONTROL: Final = "/run/blktap-control"
_BALLOON: Final = "/sys/devices/system/xen_memory/xen_memory0"
_LIMITS: Final = (
    ResourceLimit("Max cpu time", None, None, "seconds"),
    ResourceLimit("Max file size", None, None, "bytes"),
    ResourceLimit("Max data size", None, None, "bytes"),
    ResourceLimit("Max stack size", 8388608, None, "bytes"),
    ResourceLimit("Max core file size", 0, None, "bytes"),
    ResourceLimit("Max resident set", None, None, "bytes"),
    ResourceLimit("Max processes", 7499, 7499, "processes"),
    ResourceLimit(OPEN_FILES, 1024, 1048576, "files"),
    ResourceLimit("Max locked memory", 8388608, 8388608, "bytes"),
    ResourceLimit("Max address space", None, None, "bytes"),
    ResourceLimit("Max file locks", None, None, "locks"),
    ResourceLimit("Max pending signals", 7499, 7499, "signals"),
    ResourceLimit("Max msgqueue size", 819200, 819200, "bytes"),
    ResourceLimit("Max nice priority", 0, 0, ""),
    ResourceLimit("Max realtime priority", 0, 0, ""),
    ResourceLimit("Max realtime timeout", None, None, "us"),
)


def build(dom0: Dom0) -> FileTree:
    """The tree as the host is now; contents are made from what it is when they are read."""
    tree = FileTree()
    tree.link("/var/run", "/run")
    for path, text in dom0.platform.settings.items():
        tree.file(path, render_word(text))
    _proc(tree, dom0)
    for process in dom0.processes.values():
        _process(tree, dom0, process)
    groups.build(tree, dom0)
    datapath.build(tree, dom0)
    memory.build(tree, dom0)
    kernel_tables.build(tree, dom0)
    guest_storage.build(tree, dom0)
    san.build(tree, dom0)
    ha.build(tree, dom0)
    qemu.build(tree, dom0)
    switch.build(tree, dom0)
    _xen(tree, dom0)
    _backends(tree, dom0)
    _blktap(tree, dom0)
    _etc(tree, dom0)
    dom0.boot.build(tree)
    if dom0.platform.kernel >= _IRQ_DIRECTORY:
        for number in dom0.irqs:
            tree.directory(f"/sys/kernel/irq/{number}")
    return tree


def _proc(tree: FileTree, dom0: Dom0) -> None:
    platform = dom0.platform
    tree.file("/proc/meminfo", lambda: render_meminfo(_meminfo(dom0)))
    if platform.zones:
        tree.file(zoneinfo.PATH, lambda: render_zoneinfo(_zones(dom0)))
    tree.file("/proc/mounts", lambda: render_mounts(platform.mounts))
    tree.file(
        "/proc/self/mountstats",
        lambda: render_mountstats(platform.mounts, guest_storage.nfs_mounts(dom0)),
    )
    tree.file("/proc/interrupts", lambda: render_interrupts(_interrupts(dom0)))
    tree.file("/proc/partitions", lambda: render_partitions(_partitions(dom0)))
    tree.file("/proc/cmdline", render_word(platform.command_line))
    tree.file("/proc/loadavg", partial(_loadavg, dom0))
    tree.file("/proc/sys/fs/aio-nr", lambda: render_number(dom0.aio))
    tree.file("/proc/sys/fs/file-nr", lambda: render_file_nr(_file_nr(dom0)))
    tree.file("/proc/sys/kernel/pty/nr", lambda: render_number(dom0.ptys))
    log: Content = errno.EINVAL
    if platform.kernel >= KMSG:
        log = partial(_kmsg, dom0)
    tree.file("/dev/kmsg", log)


def _kmsg(dom0: Dom0) -> bytes:
    return render_kmsg(kernel_lines(dom0))


def kernel_lines(dom0: Dom0) -> list[LogLine]:
    """What the kernel has printed since its boot."""
    return [*boot_lines(dom0.platform.release, dom0.platform.boot), *dom0.printed]


def _file_nr(dom0: Dom0) -> FileNr:
    """A few files a task beside what the model counts; by default a tenth of the memory in KiB.

    That default is of fs/file_table.c, files_maxfiles_init.
    """
    counted = sum(len(process.fds) for process in dom0.processes.values())
    default = dom0.platform.memory_kib // 10
    most = int(dom0.platform.settings.get("/proc/sys/fs/file-max", default))
    return FileNr(_FILES_A_TASK * dom0.tasks + counted, 0, most)


def _process(tree: FileTree, dom0: Dom0, process: Process) -> None:
    home = f"/proc/{process.pid}"
    tree.file(f"{home}/comm", render_word(process.comm))
    tree.file(f"{home}/cmdline", render_arguments(process.argv))
    tree.file(f"{home}/limits", partial(_limits, process))
    tree.file(f"{home}/stat", partial(_stat, process))
    tree.file(f"{home}/statm", partial(_statm, process))
    for path in (home, f"{home}/task/{process.pid}"):
        tree.file(f"{path}/schedstat", partial(_schedstat, process))
    if dom0.platform.cgroup_version:
        tree.file(f"{home}/cgroup", partial(groups.membership, dom0, process))
    tree.directory(f"{home}/fd")
    for number, target in process.fds.items():
        tree.link(f"{home}/fd/{number}", target)


def _limits(process: Process) -> bytes:
    rows = [
        ResourceLimit(OPEN_FILES, *process.nofile, row.unit) if row.name == OPEN_FILES else row
        for row in _LIMITS
    ]
    return render_limits(rows)


def _stat(process: Process) -> bytes:
    """Times in ticks and threads; the rest is as of any program, or thread of the kernel."""
    numbers = list(PROGRAM if process.argv else KTHREAD)
    numbers[10] = process.cpu_ns * TICKS // 2_000_000_000
    numbers[11] = process.cpu_ns * TICKS // 1_000_000_000 - numbers[10]
    numbers[16] = process.threads
    comm = process.comm.encode("utf-8", "surrogateescape")
    return render_stat(ProcessStat(process.pid, comm, "S", tuple(numbers)))


def _statm(process: Process) -> bytes:
    """Of a kernel thread nothing; else shared pages of its program beside its own."""
    if not process.argv:
        return render_statm(0, 0, 0)
    own = process.anon_kib // _PAGE_KIB
    return render_statm(_SHARED_PAGES + 4 * own, _SHARED_PAGES + own, _SHARED_PAGES)


def _schedstat(process: Process) -> bytes:
    return render_schedstat(Schedstat(process.cpu_ns, process.wait_ns, process.cpu_ns // 4_000_000))


def _xen(tree: FileTree, dom0: Dom0) -> None:
    platform = dom0.platform
    major, minor = platform.xen
    for path, text in {
        "/proc/xen/capabilities": "control_d",
        "/sys/hypervisor/type": "xen",
        "/sys/hypervisor/guest_type": "PV",
        "/sys/hypervisor/version/major": str(major),
        "/sys/hypervisor/version/minor": str(minor),
        "/sys/hypervisor/version/extra": platform.xen_extra,
        f"{_BALLOON}/target_kb": str(platform.memory_kib),
        f"{_BALLOON}/target": str(platform.memory_kib * 1024),
        f"{_BALLOON}/info/current_kb": str(platform.memory_kib),
        f"{_BALLOON}/info/low_kb": "0",
        f"{_BALLOON}/info/high_kb": "0",
    }.items():
        tree.file(path, render_word(text))
    tree.file(f"{platform.tools}/lsevtchn", b"\x7fELF")
    tree.file("/usr/sbin/xl", b"\x7fELF")


def _backends(tree: FileTree, dom0: Dom0) -> None:
    """Devices lie in /sys/devices, the bus links to them (drivers/xen/xenbus)."""
    bus = "/sys/bus/xen-backend/devices"
    tree.directory(bus)
    for bus_id, state in dom0.backends.items():
        tree.link(f"{bus}/{bus_id}", f"../../../devices/{bus_id}")
        cls, domid, devid = bus_id.rsplit("-", 2)
        tree.file(f"/sys/devices/{bus_id}/state", render_word(state))
        tree.file(f"/sys/devices/{bus_id}/devtype", render_word(cls))
        node = render_word(f"backend/{cls}/{domid}/{devid}")
        tree.file(f"/sys/devices/{bus_id}/nodename", node)


def _blktap(tree: FileTree, dom0: Dom0) -> None:
    if not dom0.platform.blktap:
        return
    ids = dom0.platform.blktap_ids
    tree.directory(f"{_CONTROL}/tapdisk" if ids else "/sys/class/blktap2")
    tree.directory(_CONTROL)
    for pid in dom0.control_sockets:
        tree.file(f"{_CONTROL}/ctl{pid}", b"")
    for number, pid in dom0.minors.items():
        if ids:
            tree.file(f"{_CONTROL}/tapdisk/tapdisk-{number}", b"")
        else:
            tree.file(f"/sys/class/blktap2/blktap!blktap{number}/task", render_number(pid))
        if pid in dom0.processes:
            tree.file(f"{_CONTROL}/ctl{pid}", b"")
            if ids:
                _blktap_4(tree, pid, number)


def _blktap_4(tree: FileTree, pid: int, number: int) -> None:
    """What a tapdisk of blktap 4 has beside its control socket, as it was captured."""
    for name in ("nbd", "nbd-old", "nbdserver", "nbdserver-new"):
        tree.file(f"{_CONTROL}/{name}{pid}.{number}", b"")
    tree.file(f"{_CONTROL}/nbdclient{pid}", b"")
    tree.file(f"{SHARED_MEMORY}/metrics/tap-{pid}-{number}", bytes(PAGE))
    for name in ("nbd", "nbd-old"):
        tree.file(f"{SHARED_MEMORY}/td3-{pid}/{name}-{number}", bytes(PAGE))


def _etc(tree: FileTree, dom0: Dom0) -> None:
    platform = dom0.platform
    if platform.os_release:
        tree.file("/etc/os-release", render_assignments(platform.os_release))
    if platform.inventory:
        tree.file("/etc/xensource-inventory", render_assignments(platform.inventory, "'"))
    upkeep.build_certificates(tree, platform)
    for daemon in platform.daemons:
        if daemon.pid_file:
            pid = dom0.by_comm[daemon.comm].pid
            tree.file(daemon.pid_file.replace("/var/run/", "/run/"), render_number(pid))


def _loadavg(dom0: Dom0) -> bytes:
    one, five, fifteen = (f"{load:.2f}" for load in dom0.loads)
    averages = one, five, fifteen
    return render_loadavg(averages, dom0.runnable, dom0.tasks, max(dom0.processes))


def _meminfo(dom0: Dom0) -> list[MeminfoRow]:
    taken = dom0.anon_kib + dom0.slab_kib
    changes = {
        "MemFree": -taken - dom0.low_kib,
        "HighFree": -taken,
        "LowFree": -dom0.low_kib,
        "MemAvailable": -taken,
        "AnonPages": dom0.anon_kib,
        "SwapFree": -dom0.swap_kib,
        "Slab": dom0.slab_kib,
        "SUnreclaim": dom0.slab_kib,
    }
    return [
        MeminfoRow(name, max(0, kib + changes.get(name, 0)), kib=True)
        for name, kib in dom0.platform.meminfo.items()
    ]


def _zones(dom0: Dom0) -> list[Zone]:
    """The zones of a kernel with high memory: low memory is taken of Normal first, then of DMA."""
    dma, normal, high = dom0.platform.zones
    pages = dom0.low_kib // _PAGE_KIB
    first = min(pages, normal.free - normal.high)
    taken = (dom0.anon_kib + dom0.slab_kib) // _PAGE_KIB
    return [
        dataclasses.replace(dma, free=max(0, dma.free - (pages - first))),
        dataclasses.replace(normal, free=normal.free - first),
        dataclasses.replace(high, free=max(0, high.free - taken)),
    ]


def _interrupts(dom0: Dom0) -> Interrupts:
    cpus = tuple(range(dom0.platform.vcpus))
    none = (0,) * len(cpus)
    rows = [
        InterruptRow(str(number), none, f"  {irq.chip:>8}    -{irq.handler}  {irq.action}".encode())
        for number, irq in sorted(dom0.irqs.items())
        if irq.action
    ]
    rows.append(InterruptRow("NMI", none, b"   Non-maskable interrupts"))
    rows.append(InterruptRow("ERR", (0,), b""))
    width = max(3, len(str(dom0.irq_numbers.high)))
    return Interrupts(cpus, width, tuple(rows))


def _partitions(dom0: Dom0) -> list[Partition]:
    loops = sorted(dom0.loops.items())
    return [
        _ROOT_DISK,
        *(Partition(_LOOP_MAJOR, n, kib, f"loop{n}") for n, kib in loops),
        *(
            Partition(_NBD_MAJOR, 32 * n, 1048576, f"nbd{n}")
            for n in range(dom0.tables["nbd_devices"])
        ),
    ]
